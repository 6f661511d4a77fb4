"""What waits because it, or something before it, could not be applied; log -> *model*."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from shared.events import (
    EventParked,
    ParkedDiscarded,
    RecordAdded,
    RecordCorrected,
    RecordedEvent,
    RecordRemoved,
    RecordsCorrected,
    RowCorrected,
    UploadApproved,
    UploadPublished,
    UploadReceived,
    UploadWithdrawn,
)
from tests.driven.versions import Outcome


@dataclass
class Parked:
    """An event that waits for a decision (`parked`), or behind another; or has waited."""

    event: RecordedEvent
    keys: frozenset[str]
    state: str
    reason: str | None = None
    behind: int | None = None
    ended: int | None = None
    ended_by: str | None = None
    ended_reason: str | None = None


class Waiting:
    """Everything that has ever waited, by position; `facts` by the position of what they say."""

    def __init__(self) -> None:
        self.rows: dict[int, Parked] = {}
        self.facts: Mapping[int, EventParked] = {}

    def let_through(self, event: RecordedEvent) -> RecordedEvent | None:
        """The event, for those of its keys for which nothing waits; None where it waits as a whole."""
        if fact := self.facts.get(event.position):
            self.rows[event.position] = Parked(event, frozenset(fact.keys), "parked", fact.reason)
            return None
        keys = keys_of(event)
        first = {key: min(found) for key in keys if (found := self._waiting(frozenset({key}), event.position))}
        if first:
            self.rows[event.position] = Parked(event, frozenset(first), "behind", behind=min(first.values()))
        return event if not first else only(event, keys - first.keys()) if keys - first.keys() else None

    def _waiting(self, keys: frozenset[str], before: int) -> list[int]:
        return [at for at, row in self.rows.items() if row.ended is None and at < before and row.keys & keys]

    def failed_again(self, position: int, fact: EventParked) -> Outcome:
        """A decision could not be applied."""
        row = self.rows[position]
        row.state, row.reason, row.behind = "parked", fact.reason, None
        return Outcome("conflict")

    def refuses(self, position: int) -> Outcome | None:
        """Why an event cannot be applied now."""
        row = self.rows.get(position)
        if row is None or row.ended is not None:
            return Outcome("not-found")
        if self._waiting(row.keys, position) or isinstance(row.event.data, UploadReceived | UploadPublished):
            return Outcome("conflict")
        return None

    def discard(self, event: RecordedEvent, position: int) -> Outcome:
        """Let an event wait no more."""
        row = self.rows.get(position)
        if row is None or row.ended is not None:
            return Outcome("not-found")
        if row.state == "behind":
            return Outcome("conflict")
        self.end(event, position, "discarded")
        return Outcome("applied")

    def end(self, event: RecordedEvent, position: int, state: str) -> RecordedEvent:
        """What waited, as it is to be applied now."""
        row = self.rows[position]
        row.state, row.ended, row.ended_by = state, event.position, event.actor
        row.ended_reason = event.data.reason if isinstance(event.data, ParkedDiscarded) else None
        now = only(row.event, row.keys)
        return replace(now, position=event.position, recorded_at=event.recorded_at)


def keys_of(event: RecordedEvent) -> frozenset[str]:
    """What an event waits with."""
    match event.data:
        case RecordAdded(key=key) | RecordCorrected(key=key) | RecordRemoved(key=key):
            return frozenset({f"record {key}"})
        case RecordsCorrected(keys=keys):
            return frozenset(f"record {key}" for key in keys)
        case RowCorrected(upload_id=upload_id, row=row):
            return frozenset({f"row {upload_id}:{row}"})
        case UploadApproved(upload_id=upload_id) | UploadWithdrawn(upload_id=upload_id):
            return frozenset({f"upload {upload_id}"})
        case _:
            return frozenset()


def only(event: RecordedEvent, keys: frozenset[str]) -> RecordedEvent:
    """A change to many records for some of them."""
    if not isinstance(event.data, RecordsCorrected):
        return event
    chosen = tuple(key for key in event.data.keys if f"record {key}" in keys)
    return replace(event, data=replace(event.data, keys=chosen))
