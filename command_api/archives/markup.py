"""XML parts of a workbook by expat, as they stream; no DTD, so no entities; in the child."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from xml.parsers import expat

from shared.errors import BadFile

Attributes = dict[str, str]
PROLOG_BYTES: Final = 64 * 1024


class Handler:
    """What a part's elements are told to, by their names as they are written."""

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Text between tags, perhaps in pieces."""


def read_markup(blocks: Iterable[bytes], handler: Handler, part: str) -> None:
    """Tell the handler all of a part; raises BadFile `archive-error` for a DTD or for what is no XML."""
    parser = _parser()
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.buffer_text = True
    try:
        for block in blocks:
            parser.Parse(block, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise BadFile(
            "archive-error", f"{part} of the workbook is no XML ({error}). Save the workbook anew."
        ) from error


def refuse_doctype(first: bytes) -> None:
    """Raises BadFile where a part that begins with these bytes has a DTD."""
    parser = _parser()
    begun = False

    def begin(*_: object) -> None:
        nonlocal begun
        begun = True
        parser.StartElementHandler = None

    parser.StartElementHandler = begin
    try:
        parser.Parse(first[:PROLOG_BYTES], False)
    except expat.ExpatError:
        return  # No XML; whoever needs the part will say so.
    if not begun and len(first) > PROLOG_BYTES:
        raise BadFile("archive-error", "A part of the workbook has no beginning. Save the workbook anew.")


def local(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def _refuse(*_: object) -> None:
    raise BadFile("archive-error", "The workbook has a document type declaration. Save it anew, with Excel say.")
