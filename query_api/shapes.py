"""The shapes of answers that are the same for every dataset, for OpenAPI; *HTTP* -> query."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from query_api.parked_shapes import OneParked, Stopped, WaitingCounts
from query_api.upload_shapes import UNSAID, Natural, OneUpload, Time, Unsaid, Url
from shared.auth.callers import Role
from shared.datasets.fields import Case, Kind


class Health(msgspec.Struct):
    """The service lives; so many projectors were seen within 15 s."""

    status: Literal["ok"]
    projectors: Natural


class Number(msgspec.Struct):
    """How many there are: exactly (`eq`), at least (`gte`), or by PostgreSQL's statistics (`estimate`)."""

    value: Natural
    relation: Literal["eq", "gte", "estimate"]


class Bound(msgspec.Struct):
    """A bound that holds only where another field has this value."""

    field: str
    value: str
    minimum: int | Unsaid = UNSAID
    maximum: int | Unsaid = UNSAID


class Partition(msgspec.Struct):
    """How segments are partitioned by a date."""

    years: int
    since: int
    until: int


class DeclaredField(msgspec.Struct):
    """A field as it is declared; what is not said is left out."""

    name: str
    kind: Kind
    required: bool
    labels: list[str] | Unsaid = UNSAID
    choices: list[str] | Unsaid = UNSAID
    default: str | Unsaid = UNSAID
    minimum: int | Unsaid = UNSAID
    maximum: int | Unsaid = UNSAID
    when: list[Bound] | Unsaid = UNSAID
    length: int | Unsaid = UNSAID
    max_length: int | Unsaid = UNSAID
    case: Case | Unsaid = UNSAID
    pattern: str | Unsaid = UNSAID
    refers: str | Unsaid = UNSAID
    partition: Partition | Unsaid = UNSAID
    indexed: bool | Unsaid = UNSAID
    searched: bool | Unsaid = UNSAID
    sensitive: bool | Unsaid = UNSAID


class DeclaredMembers(msgspec.Struct):
    """The list inside each record."""

    name: str
    fields: list[DeclaredField]


class DeclaredParameter(msgspec.Struct):
    """A query parameter of the dataset's list."""

    name: str
    kind: Kind
    description: str


class Declared(msgspec.Struct):
    """Fingerprints of the declaration that made what is served, and of the service's own."""

    served: str
    own: str
    changed: bool


class Segment(msgspec.Struct):
    """One live segment; 0 is the open one, a negative one was merged of several."""

    number: int
    records: Number


class Compaction(msgspec.Struct):
    """What was merged so far, whether something is just now, and how many merges have left tables to be dropped."""

    merges: Natural
    segments_merged: Natural
    last_at: Time | None
    under_way: bool
    to_be_dropped: Natural


class DatasetLinks(msgspec.Struct):
    """Where everything about a dataset is."""

    self: Url
    records: Url
    rebuilds: Url


class OneDataset(msgspec.Struct):
    """A declaration, and what is served of it: where the records are, and how far behind the log."""

    name: str
    title: str
    key: str | None
    replaces: bool
    fields: list[DeclaredField]
    members: DeclaredMembers | None
    parameters: list[DeclaredParameter]
    generation: Natural | None
    position: Natural
    links: DatasetLinks
    declaration: Declared
    head: Natural | None
    head_seen_at: Time | None
    lag_events: Natural | None
    lag_s: Annotated[float, msgspec.Meta(ge=0)] | None
    folded_at: Time | None
    stopped: Stopped | None
    parked: WaitingCounts
    records: Number
    segments: list[Segment]
    compaction: Compaction


class AllDatasets(msgspec.Struct):
    """All datasets."""

    results: list[OneDataset]


class OneError(msgspec.Struct):
    """One thing that is wrong with one row; `column` and `field` are null where the row as a whole is meant."""

    row: Natural
    line: Natural
    column: str | None
    field: str | None
    code: str
    value: str
    message: str


class ErrorList(msgspec.Struct):
    """Row errors by row, with the next page."""

    results: list[OneError]
    next: Url | None
    count: Number | None


class UploadList(msgspec.Struct):
    """Uploads, newest first."""

    results: list[OneUpload]
    next: Url | None
    previous: Url | None
    count: Number | None


class ParkedList(msgspec.Struct):
    """Events that wait, by dataset and position."""

    results: list[OneParked]
    next: Url | None
    previous: Url | None
    count: Number | None


class OneUser(msgspec.Struct):
    """A user; null as quota is the usual one."""

    name: str
    role: Role
    scopes: list[str]
    dataset_roles: dict[str, Role]
    disabled: bool
    upload_bytes_per_day: Natural | None
    created_at: Time


class UserList(msgspec.Struct):
    """Users by name."""

    results: list[OneUser]
    next: Url | None
    previous: Url | None
    count: Number | None


class RankingColumn(msgspec.Struct):
    """A column of a ranking."""

    name: str
    kind: Kind
    sensitive: bool | Unsaid = UNSAID


class RankingParameter(msgspec.Struct):
    """A query parameter of a ranking."""

    name: str
    kind: Kind
    description: str
    default: str | None


class SelfLink(msgspec.Struct):
    """Where it is."""

    self: Url


class DeclaredRanking(msgspec.Struct):
    """A ranking as it is declared."""

    name: str
    title: str
    order: str
    per: str | None
    columns: list[RankingColumn]
    extras: list[str]
    parameters: list[RankingParameter]
    links: SelfLink


class RankedList(msgspec.Struct):
    """The rows of some ranking; its own operation tells their columns."""

    results: list[dict[str, Any]]
    next: None
    previous: None
    count: None
    response: list[dict[str, Any]] | Unsaid = UNSAID


class RankingList(msgspec.Struct):
    """The rankings of a dataset."""

    results: list[DeclaredRanking]


class Compared(msgspec.Struct):
    """How a generation stands to the one that it was compared with; `tables` are in the single rebuild alone."""

    position: Natural
    declaration_changed: bool
    equal: bool
    before: Natural | Unsaid = UNSAID
    after: Natural | Unsaid = UNSAID
    tables: list[dict[str, Any]] | Unsaid = UNSAID


class OneRebuild(msgspec.Struct):
    """What was asked for, how far it is, and what came of it; units stand in the names."""

    id: UUID
    dataset: str
    purpose: Literal["rebuild", "verify", "as-of", "restore"]
    name: str | None
    until_position: Natural | None
    restores: UUID | None
    asked_by: str
    asked_at: Time
    cancelled_by: str | None
    cancelled_at: Time | None
    generation: Natural | None
    replaced: Natural | None
    position: Natural | None
    head: Natural | None
    rows: Natural | None
    rows_expected: Natural | None
    rows_per_s: float | None
    events_per_s: float | None
    left_s: float | None
    began_at: Time | None
    moved_at: Time | None
    ended_at: Time | None
    retired_at: Time | None
    dropped_at: Time | None
    state: str
    compared: Compared | None
    failure: str | None
    links: SelfLink


class RebuildList(msgspec.Struct):
    """The rebuilds of a dataset, newest first."""

    results: list[OneRebuild]
