"""Which encoding the first bytes of a file are in; the first step between received bytes and text."""

from __future__ import annotations

import codecs
from typing import Final, Literal

import msgspec

from shared.errors import BadFile, WrongMediaType

EncodingSource = Literal["bom", "declared", "detected", "fallback"]

BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MAGIC: Final = (
    (b"PK\x03\x04", "a ZIP archive or an XLSX workbook"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x7fELF", "a program"),
    (b"%PDF-", "a PDF document"),
    (b"\x1f\x8b", "gzip data"),
    (b"BZh91AY&SY", "bzip2 data"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office (OLE) document"),
)
KNOWN: Final = frozenset(
    [
        *("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"),
        *(f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
        *(f"cp{page}" for page in (1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)),
        *("cp437", "cp850", "cp852", "cp855", "cp866", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic"),
        *("shift_jis", "cp932", "euc_jp", "gb18030", "gbk", "big5", "euc_kr", "cp949"),
    ]
)
"""Python's names of what a caller may declare: no transforms, no stateful encodings."""
ALIASES: Final = {"ascii": "utf-8", "utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
MAX_NUL_SHARE: Final = 0.1


class Encoding(msgspec.Struct, frozen=True):
    """How bytes become text; `name` is Python's canonical one, `bom_bytes` go before the text."""

    name: str
    source: EncodingSource
    bom_bytes: int


def settle_encoding(first_block: bytes, declared: str | None, fallbacks: tuple[str, ...]) -> Encoding:
    """Settle the encoding of a file by its first block; what comes later is only held against it.

    A BOM wins, then what was declared, then UTF-16 without a BOM if the NUL bytes say so, then strict UTF-8 (a
    character cut off by the end of the block is fine), then the first fallback that can read the block. Single NULs in
    text are left to the rows. Raises BadFile (`empty-file`, `encoding-error`) and WrongMediaType (`format-error`).
    """
    if not first_block:
        raise BadFile("empty-file", "The file is empty. Send a header row and data rows.")
    for bom, name in BOMS:
        if first_block.startswith(bom):
            return Encoding(name, "bom", len(bom))
    _refuse_binary(first_block)
    wide = _wide(first_block)
    if declared:
        name = _canonical(declared)
        return Encoding(wide if wide and declared.lower().replace("_", "-") == "utf-16" else name, "declared", 0)
    if wide:
        return Encoding(wide, "detected", 0)
    if first_block.count(0) > MAX_NUL_SHARE * len(first_block):
        raise WrongMediaType("format-error", "The file looks like binary data. Send delimited text.")
    if reads(first_block, "utf-8"):
        return Encoding("utf-8", "detected", 0)
    for fallback in fallbacks:
        if reads(first_block, _canonical(fallback)):
            return Encoding(_canonical(fallback), "fallback", 0)
    tried = ", ".join(("utf-8", *fallbacks))
    raise BadFile("encoding-error", f"The file is not in any of: {tried}. Declare its charset in the Content-Type.")


def reads(block: bytes, encoding: str) -> bool:
    """Whether the block is strictly text in this encoding; a character cut off by its end is fine."""
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(block, False)
    except UnicodeDecodeError:
        return False
    return True


def _canonical(name: str) -> str:
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise BadFile("encoding-error", f"The encoding {name[:40]!r} is not known. Send UTF-8.") from error
    known = ALIASES.get(known, known)
    if known not in KNOWN:
        raise BadFile("encoding-error", f"The encoding {name[:40]!r} is not taken. Send UTF-8.")
    return known


def _refuse_binary(block: bytes) -> None:
    for magic, what in MAGIC:
        if block.startswith(magic):
            raise WrongMediaType("format-error", f"The file looks like {what}. Send delimited text.")


def _wide(block: bytes) -> str | None:
    """UTF-16 by its NULs: in ASCII text every other byte is one, in any text the delimiters and line ends have one."""
    low, high = block[0::2].count(0), block[1::2].count(0)
    if max(low, high) < 2 or min(low, high) > max(low, high) / 10:
        return None
    name, end = ("utf-16-le", b"\n\0") if high > low else ("utf-16-be", b"\0\n")
    dense = max(low, high) * 3 > len(block) / 2
    return name if (dense or end in block) and reads(block, name) else None
