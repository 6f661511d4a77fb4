"""The events of a log, many at once or exactly up to a position; *log* -> projection."""

from __future__ import annotations

from collections import deque
from itertools import islice

from shared.errors import LogDiverged
from shared.event_log import Delivered, Deliveries
from shared.events import RecordedEvent


class Replay:
    """Events behind a position, in order and without gaps, kept until they are said to be folded."""

    def __init__(self, deliveries: Deliveries, position: int) -> None:
        self._deliveries = deliveries
        self._last = position
        self._waiting: deque[tuple[RecordedEvent, int]] = deque()

    async def events(self, most: int, until: int, timeout_s: float) -> list[RecordedEvent]:
        """At most so many of the next events, none behind `until` (inclusive); none where none came in `timeout_s`.

        Raises LogDiverged at a gap, Unavailable when the stream is closed.
        """
        if not self._waiting and (delivered := await self._deliveries.next(timeout_s)) is not None:
            self._keep(delivered)
        await self.fetch(most)
        return [event for event, _ in islice(self._waiting, most) if event.position <= until]

    async def fetch(self, most: int) -> None:
        """Read what has arrived already, until at least so many events wait; raises like `events`."""
        while len(self._waiting) < most and (more := await self._deliveries.arrived()) is not None:
            self._keep(more)

    def offset(self, position: int) -> int:
        """The offset of the message in which an event stands that waits: reading may go on there."""
        return next(offset for event, offset in self._waiting if event.position == position)

    def folded(self, position: int) -> None:
        """All events up to that position are folded, for good."""
        while self._waiting and self._waiting[0][0].position <= position:
            self._waiting.popleft()

    def _keep(self, delivered: Delivered) -> None:
        for event in delivered.events:
            if event.position <= self._last:
                continue  # It came before.
            if event.position != self._last + 1:
                raise LogDiverged(f"Position {event.position} follows {self._last}: reading from the start.")
            self._waiting.append((event, delivered.offset))
            self._last = event.position
