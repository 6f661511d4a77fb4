"""Which shared strings a workbook has, for the second reader; in the child."""

from __future__ import annotations

from typing import Final

from command_api.archives.markup import Attributes, Handler, local
from shared.errors import BadFile

FREE_STRINGS: Final = 1_000_000
"""A workbook that claims more shared strings than this must have them: readers make room for what is claimed."""


class SharedStrings(Handler):
    """Which of the shared strings are more than white space."""

    def __init__(self) -> None:
        self.filled = bytearray()
        self._claimed = 0
        self._open = self._phonetic = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "t":
            self._open = not self._phonetic
        elif name == "si":
            self.filled.append(0)
        elif name == "rPh":
            self._phonetic = True
        elif name == "sst":
            self._claimed = whole(attributes.get("uniqueCount", "0"))
        elif ":" in name:
            self.start(local(name), attributes)

    def end(self, name: str) -> None:
        self._open = False
        if local(name) == "rPh":
            self._phonetic = False

    def text(self, text: str) -> None:
        if self._open and self.filled and not text.isspace():
            self.filled[-1] = 1

    def hold_claim(self) -> None:
        """Raises BadFile where many more strings are claimed than there are."""
        if self._claimed > max(FREE_STRINGS, len(self.filled)):
            raise contradiction(f"it claims {self._claimed} shared strings and has {len(self.filled)}")


def whole(text: str) -> int:
    """A number as XML has it, from 0; raises BadFile for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) < 11):
        raise contradiction(f"{text[:20]!r} is no number in it")
    return int(text)


def contradiction(what: str) -> BadFile:
    """The error of a workbook that says `what` against itself."""
    return BadFile("archive-error", f"The workbook contradicts itself: {what}. Save it anew, or send a CSV.")
