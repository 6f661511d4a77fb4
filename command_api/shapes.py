"""The shapes of answers that are the same for every dataset, for OpenAPI; *HTTP* -> command."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

UNSAID = msgspec.UNSET
Unsaid = msgspec.UnsetType
Natural = Annotated[int, msgspec.Meta(ge=0)]
Url = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri-reference"})]


class SelfLink(msgspec.Struct):
    """Where to ask what becomes of it."""

    self: Url


class LaterLinks(msgspec.Struct):
    """Where to ask what becomes of it, and of one that waits where all of these are."""

    self: Url
    parked: Url | Unsaid = UNSAID


class Later(msgspec.Struct):
    """The command is in the log and not applied yet; `links.self` will tell what became of it.

    One with a `reason` could not be applied, or is behind another one that could not, and waits until a person decides.
    """

    message: str
    position: Natural
    links: LaterLinks
    reason: str | Unsaid = UNSAID


class Done(msgspec.Struct):
    """It is done."""

    message: str


class Approved(msgspec.Struct):
    """The upload will be published in its turn."""

    message: str


class RowFixed(msgspec.Struct):
    """The record that a corrected row became, with its version."""

    message: str
    version: Natural | Unsaid = UNSAID
    record: dict[str, Any] | Unsaid = UNSAID


class KeptRecord(msgspec.Struct):
    """One of them, and who changed it: a person, or a later upload."""

    key: str
    reason: Literal["person", "upload"]


class KeptRecords(msgspec.Struct):
    """Records that somebody changed since the upload, in all and by whom, and some of them."""

    count: Natural
    person: Natural
    upload: Natural
    records: list[KeptRecord]


class Withdrawn(msgspec.Struct):
    """What a withdrawal undid, and what it kept and why."""

    message: str
    cancelled: bool
    reversed: Natural
    restored: Natural
    kept: KeptRecords


class CorrectedMany(msgspec.Struct):
    """How many records were corrected; some that matched may have gone missing meanwhile."""

    message: str
    corrected: Natural
    missing: Natural


class FaultOfRow(msgspec.Struct):
    """One thing that is wrong with a row of fixes."""

    field: str | None
    code: str
    message: str
    column: str | Unsaid | None = UNSAID
    value: str | Unsaid | None = UNSAID


class RejectedFix(msgspec.Struct):
    """A row that is still not good: its number in the upload, and its line in this file."""

    row: int | None
    line: Natural
    errors: list[FaultOfRow]


class Positions(msgspec.Struct):
    """The events that the rows became, both inclusive; null where there is none."""

    first: Natural | None
    last: Natural | None


class RowsFixed(msgspec.Struct):
    """What became of the rows; `unknown` ones are no rejected rows of the upload, `parked` ones wait for a person.

    The first 100 errors are told.
    """

    message: str
    fixed: Natural
    rejected: Natural
    unknown: Natural
    errors: list[RejectedFix]
    positions: Positions
    parked: Natural | Unsaid = UNSAID


class RowsWaiting(RowsFixed, kw_only=True):
    """The same as far as it is known, and how many rows are not applied yet."""

    waiting: Natural
    links: SelfLink


class Retried(msgspec.Struct):
    """What an event that has waited has done: to a record, to many, or to an upload."""

    message: str
    version: Natural | Unsaid = UNSAID
    record: dict[str, Any] | Unsaid = UNSAID
    corrected: Natural | Unsaid = UNSAID
    missing: Natural | Unsaid = UNSAID
    cancelled: bool | Unsaid = UNSAID
    reversed: Natural | Unsaid = UNSAID
    restored: Natural | Unsaid = UNSAID
    kept: KeptRecords | Unsaid = UNSAID


class RebuildAsked(msgspec.Struct):
    """What was asked for, and where to see how far it is."""

    message: str
    id: UUID
    purpose: Literal["rebuild", "verify", "as-of", "restore"]
    links: SelfLink


class RebuildCancelled(msgspec.Struct):
    """It is called off."""

    message: str
    id: UUID
