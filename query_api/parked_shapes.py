"""The shapes of what is told of events that wait, for OpenAPI; *HTTP* -> query."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from query_api.upload_shapes import UNSAID, Natural, Time, Unsaid, Url


class Stopped(msgspec.Struct):
    """Since when, and why, nothing of a dataset is folded until a person decides."""

    at: Time
    reason: str


class WaitingCounts(msgspec.Struct):
    """How many events could not be applied, and how many wait behind those."""

    parked: Natural
    behind: Natural


class ParkedLinks(msgspec.Struct):
    """What became of the command; for one that is parked, where it is retried (POST) and discarded (DELETE)."""

    change: Url
    retry: Url | Unsaid = UNSAID
    discard: Url | Unsaid = UNSAID


class OneParked(msgspec.Struct):
    """An event that waits or has waited.

    `keys` are what waits with it: a record under the name of its key, a rejected row by `upload` and `row`, or what
    people decide about an `upload`. `behind` is the first position that it waits for; `reason` tells no values.
    """

    dataset: str
    position: Natural
    type: str
    state: Literal["parked", "behind", "retried", "discarded"]
    reason: str | None
    behind: Natural | None
    upload_id: UUID | None
    actor: str
    recorded_at: Time
    keys: list[dict[str, str | int]]
    ended_position: Natural | None
    ended_at: Time | None
    ended_by: str | None
    ended_reason: str | None
    links: ParkedLinks
