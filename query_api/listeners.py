"""Those who listen: what each has not read yet, and how many there may be; query -> *HTTP*."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from query_api.event_ids import Since
from query_api.happenings import Happening
from shared.auth.callers import Caller
from shared.bounds import Bound
from shared.errors import TablefoldError, TooMany, Unavailable

MOST: Final = 500
"""Listeners of one process."""
MOST_OF_ONE: Final = 50
"""Of one user in one process."""
MOST_UNREAD: Final = 2_000
"""Who has left so many unread is sent away; he comes back with the last id that he has read."""

RETRY_AFTER_S: Final = 5


class Seats:
    """Who may listen in one process: so many, and so many of one user."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._all = Bound(most, "As many listen here as may.", RETRY_AFTER_S)
        self._most_of_one = most_of_one
        self._of: Counter[str] = Counter()

    @contextlib.contextmanager
    def taken(self, name: str) -> Iterator[None]:
        """Have a seat for the block; raises TooMany or Unavailable."""
        if self._of[name] >= self._most_of_one:
            says = f"You listen {self._most_of_one} times here already. End one of these, or share it."
            raise TooMany(says, RETRY_AFTER_S)
        with self._all.entered():
            self._of[name] += 1
            try:
                yield
            finally:
                self._of[name] -= 1
                if not self._of[name]:
                    del self._of[name]


class Listener:
    """What one has not read yet, the newest of each subject; it never waits for him and takes no more than its bound.

    `shown` is the token or key by which he is known, `upload` the one that he follows, None for all.
    """

    def __init__(
        self,
        caller: Caller,
        shown: str,
        datasets: frozenset[str],
        upload: UUID | None = None,
        most_unread: int = MOST_UNREAD,
    ) -> None:
        self.caller = caller
        self.shown = shown
        self.datasets = datasets
        self.upload = upload
        self.ended: TablefoldError | None = None
        self._most_unread = most_unread
        self._unread: dict[str, Happening] = {}
        self._woken = asyncio.Event()

    def offer(self, happening: Happening) -> None:
        """Let him read it, if it is his to read."""
        if self.ended or not self._wants(happening) or not happening.is_for(self.caller):
            return
        if not happening.rebuild:  # Rebuilds keep their place: the newest time in an id tells of all before it.
            self._unread.pop(happening.subject, None)
        self._unread[happening.subject] = happening
        if len(self._unread) > self._most_unread:
            self.end(Unavailable("It was read too slowly. Come back with the last id.", 1))
        self._woken.set()

    def end(self, why: TablefoldError) -> None:
        """Let him go, with that as his last event; what he has not read is forgotten."""
        self.ended = self.ended or why
        self._unread.clear()
        self._woken.set()

    async def take(self, patience_s: float) -> list[Happening]:
        """What he has not read, as soon as there is some; nothing after `patience_s`, or where he is let go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._woken.wait()
        self._woken.clear()
        found, self._unread = list(self._unread.values()), {}
        return found

    def _wants(self, happening: Happening) -> bool:
        if self.upload is not None:
            return happening.upload == self.upload
        return happening.dataset in self.datasets


class Reading:
    """How far one has come, and what he is sent next."""

    def __init__(self, since: Since, *, whole: bool = False) -> None:
        self._since = since
        self._whole = whole
        self._over: set[str] = set()

    def __str__(self) -> str:
        return str(self._since)

    def reach(self, dataset: str, position: int) -> None:
        """Note that nothing at or below that position is missing."""
        self._since.positions[dataset] = max(position, self._since.positions.get(dataset, 0))

    def block(self, happenings: list[Happening]) -> bytes:
        """Those that he does not know yet as server-sent events, each with the id of who has read it; b"" for none."""
        return b"".join(self._event(one) for one in happenings if not self._knows(one))

    def _knows(self, happening: Happening) -> bool:
        return happening.is_known(self._since) or happening.rebuild in self._over

    def _event(self, happening: Happening) -> bytes:
        happening.move(self._since)
        if happening.rebuild and happening.is_over:
            self._over.add(happening.rebuild)
        data = happening.whole if self._whole and happening.whole is not None else happening.data
        return event(happening.name, data, str(self._since))


def event(name: str, data: bytes, identity: str = "") -> bytes:
    """One server-sent event; the data is JSON on one line."""
    head = f"id: {identity}\nevent: {name}\n" if identity else f"event: {name}\n"
    return b"%bdata: %b\n\n" % (head.encode(), data)
