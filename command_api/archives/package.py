"""A ZIP archive, held against its limits before anything reads it; in the child, before *workbook -> text*."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from command_api.archives.markup import refuse_doctype
from command_api.growth import Growth
from shared.errors import BadFile, TooLarge, WrongMediaType

MAX_ENTRIES: Final = 2000
BLOCK_BYTES: Final = 256 * 1024
_ENCRYPTED: Final = 1
_FOREIGN: Final = (
    ("xl/workbook.bin", "a binary workbook (.xlsb)"),
    ("content.xml", "an OpenDocument file (.ods)"),
    ("index/document.iwa", "a Numbers document"),
    ("word/document.xml", "a Word document"),
    ("ppt/presentation.xml", "a presentation"),
)
"""Entries by which one tells documents that are no workbooks of ours."""
_DAMAGE: Final = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)


@contextmanager
def reading() -> Iterator[None]:
    """Turns whatever zipfile raises for a damaged archive into BadFile `archive-error`."""
    try:
        yield
    except _DAMAGE as error:
        says = f"The archive is damaged ({str(error)[:200]}). Save or compress it anew."
        raise BadFile("archive-error", says) from error


def open_package(file: BinaryIO) -> ZipFile:
    """The archive with entries that are sound by name; raises BadFile, TooLarge, WrongMediaType."""
    with reading():
        package = ZipFile(file)
    entries = package.infolist()
    if len(entries) > MAX_ENTRIES:
        raise TooLarge("format-error", f"The archive has {len(entries)} entries, more than {MAX_ENTRIES}. Send a CSV.")
    for entry in entries:
        _refuse_entry(entry)
    if len(parts_of(package)) < len(entries):
        raise BadFile("archive-error", "The archive has two entries of one name. Save or compress it anew.")
    return package


def parts_of(package: ZipFile) -> dict[str, ZipInfo]:
    """The entries by their names in lower case: case does not matter, and some programs write `\\` for `/`."""
    return {entry.filename.replace("\\", "/").lower(): entry for entry in package.infolist()}


def is_workbook(package: ZipFile) -> bool:
    """Whether it is an XLSX workbook by its content; raises WrongMediaType for other documents."""
    names = set(parts_of(package))
    for name, what in _FOREIGN:
        if name in names:
            raise WrongMediaType("format-error", f"The file is {what}. Save it as XLSX or CSV.")
    return "[content_types].xml" in names or any(PurePosixPath(name).name == "workbook.xml" for name in names)


def only_file(package: ZipFile) -> ZipInfo:
    """The one file inside; folders and what macOS adds do not count. Raises BadFile `archive-error`."""
    files = [one for one in package.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        says = f"The archive holds {len(files) or 'no'} files. Send one archive for each file."
        raise BadFile("archive-error", says)
    return files[0]


def inflate_all(package: ZipFile, growth: Growth) -> None:
    """Inflate each entry once: counts what comes out, holds it against its checksum, refuses a DTD in its XML."""
    for entry in package.infolist():
        first = True
        for block in blocks_of(package, entry):
            growth.grow(len(block))
            if first and entry.filename.endswith((".xml", ".rels")):
                refuse_doctype(block)
            first = False


def blocks_of(package: ZipFile, entry: ZipInfo) -> Iterator[bytes]:
    """The bytes of an entry; raises BadFile where they are damaged."""
    with reading(), package.open(entry) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block


def _refuse_entry(entry: ZipInfo) -> None:
    name = entry.orig_filename.replace("\\", "/")
    if entry.flag_bits & _ENCRYPTED:
        raise WrongMediaType("format-error", "The archive is encrypted. Send it without a password.")
    if name.startswith("/") or "\0" in name or ".." in name.split("/"):
        raise BadFile("archive-error", f"The archive has an entry that leads out of it: {name[:80]!r}. Leave it out.")
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise WrongMediaType("format-error", "The archive is compressed in an unusual way. Use deflate.")
