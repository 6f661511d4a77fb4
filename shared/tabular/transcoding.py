"""Received bytes to UTF-8 text, block by block; between receiving and scanning."""

from __future__ import annotations

import codecs
from typing import Final

from shared.tabular.encoding import Encoding

_HANDLER: Final = "tablefold-marker"
_ESCAPED: Final = "\udcff".encode("utf-8", "surrogatepass")
MARKER: Final = b"\xff"
"""Stands for undecodable bytes. It is never part of UTF-8, so its row is rejected with `encoding-error`."""


class Transcoder:
    """Turns the bytes of one file into its text as UTF-8 without the BOM, in constant memory.

    A file that is UTF-8 already comes through unchanged but for its BOM, wrong bytes included. In any other encoding
    bytes that cannot be decoded become one MARKER each time, so both kinds reach the tokenizer as bytes that are not
    UTF-8.
    """

    def __init__(self, encoding: Encoding) -> None:
        codecs.register_error(_HANDLER, _mark)
        self._skip_bytes = encoding.bom_bytes
        self._decoder = None
        if encoding.name != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding.name)(_HANDLER)

    def feed(self, block: bytes) -> bytes:
        """The text of the next block; characters cut off by its end come with the next one."""
        skipped = min(self._skip_bytes, len(block))
        self._skip_bytes -= skipped
        return self._decode(block[skipped:], False)

    def finish(self) -> bytes:
        """What is left: nothing, or the marker of a character that the end of the file cut off."""
        return self._decode(b"", True)

    def _decode(self, block: bytes, final: bool) -> bytes:
        if self._decoder is None:
            return block
        text = self._decoder.decode(block, final).encode("utf-8", "surrogatepass")
        return text.replace(_ESCAPED, MARKER)


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: one lone surrogate, which no text can hold, for the bytes that cannot be decoded."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end
