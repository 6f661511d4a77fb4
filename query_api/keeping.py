"""Answers kept in memory for as long as the moment that they show is served; *query* -> HTTP."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from query_api.moments import Moment

OVERHEAD_BYTES = 1024
"""What keeping one takes beside its bytes, about."""


class Kept(msgspec.Struct, frozen=True):
    """An answer and the moments that it shows."""

    moments: tuple[Moment, ...]
    body: bytes
    headers: dict[str, str]


class Keeping:
    """The answers that were asked for last, by their questions, of at most so many bytes in all; 0 keeps none.

    A question is all that decides an answer beside the moment, what the caller may see included. Of each the newest
    answer is kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()

    def find(self, question: bytes) -> Kept | None:
        """The answer to that question as it was last."""
        found = self._kept.get(question)
        if found is not None:
            self._kept.move_to_end(question)
        return found

    def keep(self, question: bytes, answer: Kept) -> None:
        """In place of an older one; nothing that would take more than a quarter of all."""
        self._forget(question)
        size = _size(question, answer)
        if size * 4 > self._most_bytes:
            return
        self._kept[question] = answer
        self._bytes += size
        while self._bytes > self._most_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, question: bytes) -> None:
        found = self._kept.pop(question, None)
        if found is not None:
            self._bytes -= _size(question, found)


def _size(question: bytes, answer: Kept) -> int:
    return len(question) + len(answer.body) + OVERHEAD_BYTES
