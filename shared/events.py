"""All facts, in the past tense; command -> *event* -> log. Wire names are fixed for ever.

A new field needs a default, or a new version of its event and an upcaster of the old one (shared/codec.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from shared.tabular.dialect import Dialect
from shared.tabular.header import Header
from shared.tabular.records import Chunk

Value = str | None | list[dict[str, str | None]]
"""A field in an event: its canonical text, none, or the members of a record."""

Values = dict[str, Value]
"""Fields by name."""

OnError = Literal["skip", "abort"]
"""What bad rows do to their file: nothing, or it fails as a whole."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A fact about one dataset."""


class UploadReceived(Event, frozen=True, kw_only=True, tag="upload-received"):
    """A whole file lies in the blob store and is to be loaded.

    `text_key` names the blob with the same text as UTF-8 (the file's own blob where it is UTF-8 already); the chunks
    are byte ranges of it, cut at record boundaries, header excluded. `source` is the partner it came from. One with
    `review` waits for `upload-approved` once it is loaded.
    """

    upload_id: UUID
    blob_key: str
    text_key: str
    sha256: str
    size_bytes: int
    file_name: str
    media_type: str
    dialect: Dialect
    header: Header
    chunks: tuple[Chunk, ...]
    source: str | None
    review: bool
    on_error: OnError


class UploadApproved(Event, frozen=True, kw_only=True, tag="upload-approved"):
    """A person has seen the preview of an upload that waits for review: it may be published when its turn comes."""

    upload_id: UUID


class UploadWithdrawn(Event, frozen=True, kw_only=True, tag="upload-withdrawn"):
    """As if the upload had never been sent: cancels it before it is published, undoes it afterwards."""

    upload_id: UUID


class RowCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows of a file: read = accepted + rejected + duplicate + blank."""

    read: int
    accepted: int
    rejected: int
    duplicate: int
    blank: int


class UploadPublished(Event, frozen=True, kw_only=True, tag="upload-published"):
    """The staged records of an upload become visible, all at once, at this position."""

    upload_id: UUID
    rows: RowCounts
    records: int


class UploadFailed(Event, frozen=True, kw_only=True, tag="upload-failed"):
    """An upload will never be visible; `code` and `reason` say why."""

    upload_id: UUID
    code: str
    reason: str


class RecordAdded(Event, frozen=True, kw_only=True, tag="record-added"):
    """A record that no file brought; refused where its key is taken."""

    key: str
    values: Values


class RecordCorrected(Event, frozen=True, kw_only=True, tag="record-corrected"):
    """Some fields of one record have other values; refused where it is not there, or its version is none of `expected`.

    `key` is canonical text; a version is the position of the event that made it.
    """

    key: str
    changes: Values
    expected: tuple[int, ...] | None = None


class RecordRemoved(Event, frozen=True, kw_only=True, tag="record-removed"):
    """One record is no more; refused like a correction."""

    key: str
    expected: tuple[int, ...] | None = None


class RecordsCorrected(Event, frozen=True, kw_only=True, tag="records-corrected"):
    """The same change to many records, by the keys that a filter found at position `selected_at`.

    Keys that are no more when it is folded are passed over and counted.
    """

    keys: tuple[str, ...]
    changes: Values
    selected_at: int


class RowCorrected(Event, frozen=True, kw_only=True, tag="row-corrected"):
    """A rejected row with better cells, by label: it enters as a record of its upload, or is refused like any row."""

    upload_id: UUID
    row: int
    cells: dict[str, str]


class EventParked(Event, frozen=True, kw_only=True, tag="event-parked"):
    """An event could not be applied when its turn came: it is skipped there, and waits, as does all about `keys`.

    Appended by whoever owned the lane, before anything behind that event was folded. `reason` tells no values.
    """

    parked_position: int
    keys: tuple[str, ...]
    reason: str


class ParkedRetried(Event, frozen=True, kw_only=True, tag="parked-retried"):
    """What waits is to be applied at this position, as if it came now; the projector says so of what waited behind."""

    parked_position: int


class ParkedDiscarded(Event, frozen=True, kw_only=True, tag="parked-discarded"):
    """What waits will never be applied, and what waits behind it need not wait for it."""

    parked_position: int
    reason: str


ParkingFact = EventParked | ParkedRetried | ParkedDiscarded

RecordFact = RecordAdded | RecordCorrected | RecordRemoved | RecordsCorrected | RowCorrected

Fact = UploadReceived | UploadApproved | UploadWithdrawn | UploadPublished | UploadFailed | RecordFact | ParkingFact


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the log and is no event that this version of Tablefold knows; `why` tells no values of it.

    `stored` is its JSON as it was written.
    """

    type: str
    stored: bytes
    why: str


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it stands in the log: `position` counts from 1 within its dataset, without gaps.

    `version` is that of `data`: the newest one, unless it is unreadable.
    """

    dataset: str
    position: int
    event_id: UUID
    version: int
    actor: str
    correlation_id: UUID
    recorded_at: datetime
    data: Fact | Unreadable
