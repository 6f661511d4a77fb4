"""gzip to the bytes inside, block by block in constant memory; between received bytes and text."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from command_api.growth import Growth
from shared.errors import BadFile

PIECE_BYTES: Final = 1024**2
_SLICE_BYTES: Final = 64 * 1024
"""What follows a member is copied once for each member, so it is kept short."""
_GZIP: Final = 31
"""The window of zlib, and that its checks are gzip's."""


class Inflater:
    """Inflates one file, all of its members. Raises BadFile `archive-error` for damage and what Growth raises."""

    def __init__(self, growth: Growth) -> None:
        self._growth = growth
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False
        self._first = True

    def feed(self, block: bytes) -> Iterator[bytes]:
        """What comes out of the next received bytes, in pieces of at most PIECE_BYTES."""
        self._growth.receive(len(block))
        for start in range(0, len(block), _SLICE_BYTES):
            yield from self._members(block[start : start + _SLICE_BYTES])

    def finish(self) -> None:
        """Hold that the last member has ended."""
        if self._begun:
            raise BadFile("archive-error", "The gzip data ends too early. Send the whole file.")

    def _members(self, rest: bytes) -> Iterator[bytes]:
        while rest := self._to_next(rest):
            self._begun = True
            piece = None
            while not self._member.eof and (rest or piece is None or len(piece) == PIECE_BYTES):
                piece = self._inflate(rest)
                rest = self._member.unconsumed_tail
                self._growth.grow(len(piece))
                yield piece
            if not self._member.eof:
                return
            rest = self._member.unused_data
            self._member, self._begun, self._first = zlib.decompressobj(_GZIP), False, False

    def _to_next(self, rest: bytes) -> bytes:
        """Without the zeros that may pad a file after its last member."""
        return rest if self._begun or self._first else rest.lstrip(b"\0")

    def _inflate(self, block: bytes) -> bytes:
        try:
            return self._member.decompress(block, PIECE_BYTES)
        except zlib.error as error:
            raise BadFile("archive-error", f"The gzip data is damaged ({error}). Compress the file anew.") from error
