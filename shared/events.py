"""All facts, in the past tense; command -> *event* -> log. Wire names are fixed for ever; new fields need defaults."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from shared.tabular.dialect import Dialect
from shared.tabular.header import Header
from shared.tabular.records import Chunk


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A fact about one dataset."""


class UploadReceived(Event, frozen=True, kw_only=True, tag="upload-received"):
    """A whole file lies in the blob store and is to be loaded.

    `text_key` names the blob with the same text as UTF-8 (the file's own blob where it is UTF-8 already); the chunks
    are byte ranges of it, cut at record boundaries, header excluded. `source` is the partner it came from.
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
    source: str | None = None


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


Fact = UploadReceived | UploadPublished | UploadFailed


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it stands in the log: `position` counts from 1 within its dataset, without gaps."""

    dataset: str
    position: int
    event_id: UUID
    version: int
    actor: str
    correlation_id: UUID
    recorded_at: datetime
    data: Fact
