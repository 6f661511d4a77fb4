"""So many at once and no more, in one process; beside the flow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Unavailable


class Bound:
    """Who comes when `most` are inside is told to come back in `retry_after_s`; nobody queues."""

    def __init__(self, most: int, says: str, retry_after_s: int = 1) -> None:
        self._most = most
        self._says = says
        self._retry_after_s = retry_after_s
        self._inside = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be one of them for the block; raises Unavailable."""
        if self._inside >= self._most:
            raise Unavailable(f"{self._says} Try again.", self._retry_after_s)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
