"""The shape of an upload as it is answered, for OpenAPI; *HTTP* -> query."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from shared.events import OnError
from shared.tabular.dialect import Dialect
from shared.tabular.header import Header

UNSAID = msgspec.UNSET
Unsaid = msgspec.UnsetType
Natural = Annotated[int, msgspec.Meta(ge=0)]
Url = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri-reference"})]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
State = Literal["loading", "loaded", "publishing", "review", "published", "failed", "withdrawn"]


class ReceivedFile(msgspec.Struct):
    """The file as it came."""

    name: str
    media_type: str
    size_bytes: Natural
    sha256: str


class Progress(msgspec.Struct):
    """How many of the file's chunks are loaded, and how many rows were in them."""

    chunks: Natural
    chunks_done: Natural
    rows_loaded: Natural


class Rows(msgspec.Struct):
    """What became of the rows: read = accepted + rejected + duplicate + blank, once the upload is published."""

    read: Natural
    accepted: Natural
    rejected: Natural
    duplicate: Natural
    blank: Natural


class Failure(msgspec.Struct):
    """Why an upload failed, by a code of the row errors."""

    code: str
    reason: str


class Preview(msgspec.Struct):
    """What publishing it would change as of a position; `samples` only of a single upload with a review."""

    new: Natural
    changed: Natural
    unchanged: Natural
    rejected: Natural
    as_of: Natural | None
    samples: dict[str, list[dict[str, Any]]] | Unsaid = UNSAID


class Kept(msgspec.Struct):
    """Records that somebody changed since, in all and by whom; the `records` only of a single upload."""

    count: Natural
    person: Natural
    upload: Natural
    records: list[dict[str, Any]] | Unsaid = UNSAID


class Withdrawal(msgspec.Struct):
    """What the withdrawal of an upload undid, and what it kept."""

    cancelled: bool
    reversed: Natural
    restored: Natural
    kept: Kept


class Timings(msgspec.Struct):
    """Seconds of each stage, as far as it came."""

    fold_s: float | None
    load_s: float | None
    index_s: float | None
    publish_s: float | None


class UploadLinks(msgspec.Struct):
    """Where everything about an upload is; `publish` takes a POST, while it waits for review."""

    self: Url
    errors: Url
    errors_csv: Url
    file: Url
    publish: Url | Unsaid = UNSAID


class OneUpload(msgspec.Struct):
    """A received file, and what became of it; lists leave out samples and the records that a withdrawal kept."""

    id: UUID
    dataset: str
    number: Natural
    state: State
    review: bool
    on_error: OnError
    waits_for: str | None
    file: ReceivedFile
    source: str | None
    dialect: Dialect
    header: Header
    progress: Progress
    rows: Rows
    records: Natural | None
    records_superseded: Natural | None
    failure: Failure | None
    received_at: Time
    published_at: Time | None
    received_position: Natural
    published_position: Natural | None
    preview: Preview | None
    withdrawal: Withdrawal | None
    withdrawn_at: Time | None
    withdrawn_by: str | None
    withdrawn_position: Natural | None
    timings: Timings
    links: UploadLinks
