"""Events to bytes and back, old versions lifted to new ones; event -> *log* -> projection.

Whatever reads events, from the store or from a stream, gets each in its newest version. What cannot be read is handed
on as it stands: only the fold of its dataset has to stop at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import msgspec

from shared.events import Event, Fact, RecordedEvent, Unreadable

Plain = dict[str, object]
Upcaster = Callable[[Plain], Plain]

VERSIONS: dict[str, int] = {
    "upload-received": 2,
    "upload-published": 1,
    "upload-failed": 1,
    "upload-approved": 1,
    "upload-withdrawn": 1,
    "record-added": 1,
    "record-corrected": 1,
    "record-removed": 1,
    "records-corrected": 1,
    "row-corrected": 1,
    "event-parked": 1,
    "parked-retried": 1,
    "parked-discarded": 1,
}
"""The version in which each event is written today."""


def received_without_review(plain: Plain) -> Plain:
    """Version 1 might leave out the partner, and before there were reviews and `on_error` it did not know them."""
    return {"source": None, "review": False, "on_error": "skip", **plain}


UPCASTERS: dict[tuple[str, int], Upcaster] = {
    ("upload-received", 1): received_without_review,
}
"""From (type, version) to the next version's plain data; one for each version that was ever released and is old."""


_FACT: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)


def type_of(event: Event) -> str:
    """The event's wire name."""
    return str(type(event).__struct_config__.tag)


def encode_data(event: Event) -> bytes:
    """The event's own fields as JSON, with its type."""
    return msgspec.json.encode(event)


def decode_data(
    data: bytes,
    version: int,
    versions: Mapping[str, int] = VERSIONS,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> Fact:
    """An event from JSON of any released version; raises msgspec.ValidationError, whose message tells no values."""
    wire_name = msgspec.json.decode(data, type=_Typed).type
    newest = versions.get(wire_name)
    if newest is None:
        raise msgspec.ValidationError(f"There is no event {wire_name[:80]!r}: a newer Tablefold may have written it.")
    if version == newest:
        return _FACT.decode(data)
    if version > newest:
        says = f"{wire_name} has version {version}, and {newest} is the newest that is known: update this service."
        raise msgspec.ValidationError(says)
    plain = msgspec.json.decode(data, type=Plain)
    for old in range(version, newest):
        if (upcast := upcasters.get((wire_name, old))) is None:
            raise msgspec.ValidationError(f"There is no upcaster for version {old} of {wire_name}.")
        plain = upcast(plain)
    return _FACT.decode(msgspec.json.encode(plain))


def lifted(
    *,
    dataset: str,
    position: int,
    event_id: UUID,
    version: int,
    actor: str,
    correlation_id: UUID,
    recorded_at: datetime,
    data: bytes,
) -> RecordedEvent:
    """A stored event in its newest version, or unreadable in its own."""
    found: Fact | Unreadable
    try:
        found = decode_data(data, version)
        version = VERSIONS[type_of(found)]
    except msgspec.ValidationError as error:
        found = Unreadable(type=_type_in(data), stored=data, why=str(error))
    return RecordedEvent(
        dataset=dataset,
        position=position,
        event_id=event_id,
        version=version,
        actor=actor,
        correlation_id=correlation_id,
        recorded_at=recorded_at,
        data=found,
    )


def _type_in(data: bytes) -> str:
    try:
        return msgspec.json.decode(data, type=_Typed).type
    except msgspec.ValidationError:
        return ""


def encode_batch(events: Sequence[RecordedEvent]) -> bytes:
    """Consecutive events of one dataset as the body of one message; unreadable ones as they were stored."""
    return msgspec.json.encode([_envelope(event) if isinstance(event.data, Unreadable) else event for event in events])


def decode_batch(body: bytes) -> list[RecordedEvent]:
    """The events of one message, each lifted to its newest version; raises msgspec.ValidationError for other bodies."""
    with suppress(msgspec.ValidationError):
        if all(VERSIONS.get(one.data.type) == one.version for one in _VERSIONED.decode(body)):
            return [one.event() for one in _NEWEST.decode(body)]  # At once, for a replay reads millions.
    return [one.lift() for one in msgspec.json.decode(body, type=list[_Envelope])]


class _Typed(msgspec.Struct, frozen=True, gc=False):
    type: str


class _Versioned(msgspec.Struct, frozen=True, gc=False):
    version: int
    data: _Typed


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    position: int
    event_id: UUID
    version: int
    actor: str
    correlation_id: UUID
    recorded_at: datetime


class _Newest(_Head, frozen=True, kw_only=True, gc=False):
    data: Fact

    def event(self) -> RecordedEvent:
        return RecordedEvent(
            dataset=self.dataset,
            position=self.position,
            event_id=self.event_id,
            version=self.version,
            actor=self.actor,
            correlation_id=self.correlation_id,
            recorded_at=self.recorded_at,
            data=self.data,
        )


_VERSIONED = msgspec.json.Decoder(list[_Versioned])
_NEWEST = msgspec.json.Decoder(list[_Newest])


class _Envelope(_Head, frozen=True, kw_only=True):
    data: msgspec.Raw

    def lift(self) -> RecordedEvent:
        return lifted(**{**msgspec.structs.asdict(self), "data": bytes(self.data)})


def _envelope(event: RecordedEvent) -> _Envelope:
    stored = event.data.stored if isinstance(event.data, Unreadable) else encode_data(event.data)
    return _Envelope(**{**msgspec.structs.asdict(event), "data": msgspec.Raw(stored)})
