"""What every fold is given: one transaction of one lane, and what is to be done after it; log -> *projection*."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.datasets.declaration import Dataset
from shared.event_log import Load
from shared.events import EventParked


class Afterwards(msgspec.Struct):
    """What a fold wants done once it is committed; losing it costs time, never data."""

    loads: list[Load] = []
    attached: list[int] = []
    """Numbers of segments that the planner knows nothing of yet."""
    cancelled: list[int] = []
    """Numbers of uploads whose tables nobody needs any more."""
    decided: bool = False
    """Whether a person has decided about an upload that others may have waited for."""


class Fold(msgspec.Struct, frozen=True):
    """Where events are applied."""

    connection: AsyncConnection
    dataset: Dataset
    generation: int
    small_upload_rows: int
    afterwards: Afterwards
    told_after: int = 0
    """What became of commands at or below that position nobody asks any more: it is not written."""
    parked: Mapping[int, EventParked] = {}
    """What the log says further on of events that are skipped when their turn comes, by their positions."""
