"""The header row: where it is in a file, and which of its columns is which declared field."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.errors import BadFile, TooLarge
from shared.tabular.formulas import SAFE
from shared.tabular.plain import Syntax, read_record

MAX_HEADER_BYTES: Final = 1024**2
MAX_COLUMNS: Final = 16_384
"""As many as a worksheet can have; each costs time in every chunk, even where it is ignored."""
BLANK: Final = " \t\r\n\u00a0"
"""A cell of nothing but these is blank."""
_INVISIBLE: Final = "\ufeff\u200b\u2060"
_EXCEL_HINT = re.compile(rb'"?sep=(.)"?\r?[\r\n]')
_RUN = re.compile(r"[\s_\-.]+")


class Label(msgspec.Struct, frozen=True):
    """A declared field and the labels under which files may bring it; a missing `required` one refuses the file."""

    field: str
    names: tuple[str, ...]
    required: bool


class Header(msgspec.Struct, frozen=True):
    """The columns of one file, in its order."""

    columns: tuple[str, ...]
    """Labels as the file writes them, trimmed; "" where there is none."""
    fields: tuple[str | None, ...]
    """As long as `columns`: the field of each, or None for a column that is ignored."""
    ignored: tuple[str, ...]
    """Labels that no field knows; blank ones are ignored without being listed."""

    @property
    def is_safe(self) -> bool:
        """Whether cells of the file are guarded from spreadsheets, because it is an export of ours."""
        return SAFE in self.ignored


class FirstRecord(msgspec.Struct, frozen=True):
    """The header row as it stands, and what was read to its end: blank lines and a `sep=` line before it included."""

    cells: tuple[str, ...]
    size_bytes: int
    lines: int


def first_record(text: bytes, syntax: Syntax, final: bool = True) -> FirstRecord | None:
    """The first record that is not blank, of UTF-8 text whose BOM was cut; data follows after `size_bytes` and `lines`.

    `final=False` says that more text follows; the answer is None if it takes more to tell, which it never does once
    1 MiB is there. Raises TooLarge beyond 1 MiB, BadFile `empty-file`, `unclosed-quote` or `encoding-error`.
    """
    whole = syntax.ended(text) if final else text
    hint = _EXCEL_HINT.match(whole)
    start = hint.end() if hint else 0
    while start < len(whole):
        record = read_record(whole, start, syntax, final)
        if max(record.end if record else len(whole), start) > MAX_HEADER_BYTES:
            raise TooLarge("format-error", "The header row is longer than 1 MiB. Is this delimited text?")
        if record is None:
            return None
        if record.broken:
            raise BadFile("unclosed-quote", "A quote in the header row does not close before a delimiter or line end.")
        cells = tuple(_decoded(cell) for cell in record.cells)
        if not is_blank(cells):
            return FirstRecord(cells, min(record.end, len(text)), whole.count(syntax.end, 0, record.end))
        start = record.end
    if final:
        raise BadFile("empty-file", "The file has no header row. Send a header row and data rows.")
    return None


def excel_hint(text: bytes) -> str | None:
    """The delimiter that a first line `sep=;` names, if there is one."""
    found = _EXCEL_HINT.match(text)
    return found[1].decode("latin-1") if found else None


def is_blank(cells: Sequence[str]) -> bool:
    """Whether no cell holds anything but white space."""
    return not "".join(cells).strip(BLANK)


def match_header(cells: Sequence[str], labels: Sequence[Label]) -> Header:
    """Find the field of each column; labels may differ in case, spacing, `_`, `-`, `.` and compatibility form.

    Raises BadFile `missing-label` with every mandatory field that is missing, or `duplicate-label`; TooLarge beyond
    MAX_COLUMNS.
    """
    if len(cells) > MAX_COLUMNS:
        says = f"The header row has {len(cells)} columns, more than {MAX_COLUMNS}. Send only those that are needed."
        raise TooLarge("format-error", says)
    known = _known(labels)
    columns = tuple(_trimmed(cell) for cell in cells)
    fields = tuple(known.get(normalized(column)) for column in columns)
    _refuse_duplicates(columns, fields)
    missing = [label for label in labels if label.required and label.field not in fields]
    if missing:
        raise _missing(missing, columns, known_any=any(fields))
    ignored = tuple(column for column, field in zip(columns, fields, strict=True) if column and field is None)
    return Header(columns, fields, ignored)


def count_matches(cells: Sequence[str], labels: Sequence[Label]) -> int:
    """How many different fields these cells would be labels of."""
    known = _known(labels)
    return len({known[name] for name in map(normalized, cells) if name in known})


def normalized(label: str) -> str:
    """The form in which labels are compared."""
    folded = unicodedata.normalize("NFKC", _trimmed(label)).casefold()
    return _RUN.sub(" ", folded).strip()


def _known(labels: Sequence[Label]) -> Mapping[str, str]:
    return {normalized(name): label.field for label in labels for name in label.names}


def _decoded(cell: bytes) -> str:
    try:
        return cell.decode()
    except UnicodeDecodeError as error:
        raise BadFile("encoding-error", "The header row is not in the file's encoding. Declare its charset.") from error


def _trimmed(label: str) -> str:
    return label.strip(BLANK + _INVISIBLE)


def _refuse_duplicates(columns: Sequence[str], fields: Sequence[str | None]) -> None:
    for field in dict.fromkeys(fields):
        same = tuple(column for column, other in zip(columns, fields, strict=True) if other == field)
        if field is not None and len(same) > 1:
            named = " and ".join(repr(column) for column in same)
            raise BadFile("duplicate-label", f"The columns {named} all mean {field}. Keep one.", same)


def _missing(missing: Sequence[Label], columns: Sequence[str], known_any: bool) -> BadFile:
    names = tuple(label.names[0] for label in missing)
    if not known_any:
        shown = ", ".join(repr(column[:40]) for column in columns[:8])
        detail = f"The first row does not look like a header: {shown}. It needs the columns {', '.join(names)}."
        return BadFile("missing-label", detail, names)
    hints = [hint for label in missing if (hint := _nearest(label, columns))]
    return BadFile("missing-label", " ".join([f"The header lacks {', '.join(map(repr, names))}.", *hints]), names)


def _nearest(label: Label, columns: Sequence[str]) -> str:
    present = {normalized(column): column for column in columns if column}
    for name in label.names:
        for near in difflib.get_close_matches(normalized(name), present, n=1):
            return f"Is {present[near][:80]!r} meant to be {label.names[0]!r}?"
    return ""
