"""Events to bytes and back, old versions lifted to new ones; event -> *log* -> projection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from shared.events import Event, Fact, RecordedEvent

Plain = dict[str, object]
Upcaster = Callable[[Plain], Plain]

VERSIONS: dict[str, int] = {
    "upload-received": 1,
    "upload-published": 1,
    "upload-failed": 1,
    "upload-approved": 1,
    "upload-withdrawn": 1,
    "record-added": 1,
    "record-corrected": 1,
    "record-removed": 1,
    "records-corrected": 1,
    "row-corrected": 1,
}
"""The version in which each event is written today."""

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""From (type, version) to the next version's plain data; one for each version that was ever released."""


_FACT: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)


def type_of(event: Event) -> str:
    """The event's wire name."""
    return str(type(event).__struct_config__.tag)


def encode_data(event: Event) -> bytes:
    """The event's own fields as JSON, with its type."""
    return msgspec.json.encode(event)


def decode_data(data: bytes, version: int) -> Fact:
    """An event from JSON of any released version; raises msgspec.ValidationError for what is no event."""
    wire_name = msgspec.json.decode(data, type=_Typed).type
    if (wire_name, version) not in UPCASTERS:
        return _FACT.decode(data)
    plain = msgspec.json.decode(data, type=Plain)
    while (upcast := UPCASTERS.get((wire_name, version))) is not None:
        plain, version = upcast(plain), version + 1
    return _FACT.decode(msgspec.json.encode(plain))


def encode_batch(events: Sequence[RecordedEvent]) -> bytes:
    """Consecutive events of one dataset as the body of one message."""
    return msgspec.json.encode(events)


def decode_batch(body: bytes) -> list[RecordedEvent]:
    """The events of one message, each lifted to its newest version; raises msgspec.ValidationError."""
    return [one.lift() for one in msgspec.json.decode(body, type=list[_Envelope])]


class _Typed(msgspec.Struct, frozen=True):
    type: str


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    position: int
    event_id: UUID
    version: int
    actor: str
    correlation_id: UUID
    recorded_at: datetime
    data: msgspec.Raw

    def lift(self) -> RecordedEvent:
        return RecordedEvent(
            dataset=self.dataset,
            position=self.position,
            event_id=self.event_id,
            version=self.version,
            actor=self.actor,
            correlation_id=self.correlation_id,
            recorded_at=self.recorded_at,
            data=decode_data(bytes(self.data), self.version),
        )
