"""Versions of records, uploads and outcomes as plain data; log -> model -> *answers*."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from shared.events import UploadReceived, Values
from tests.driven.rows import PlainFile

OF_UPLOAD = ("uploaded", "fixed")


class End(NamedTuple):
    """When and how a version ended, and for which upload or person."""

    position: int
    at: datetime
    kind: str
    by: int | None
    actor: str | None


@dataclass
class Version:
    """A record from `position` on; `upload` and `row` are where it comes from."""

    position: int
    at: datetime
    values: Values
    change: str
    upload: int | None
    row: int | None
    actor: str | None
    end: End | None = None

    def is_of(self, upload: int) -> bool:
        """Whether a withdrawal of the upload undoes it; what a person added or corrected stays."""
        return self.upload == upload and self.change in OF_UPLOAD


@dataclass
class Upload:
    """An upload; `state` is waiting until it is published, failed or withdrawn.

    One is `refused` whose publication could not be applied: it is about to fail.
    """

    received: UploadReceived
    number: int
    file: PlainFile
    records: int
    state: str = "waiting"
    approved: bool = False
    refused: bool = False
    superseded: int | None = None
    published: int | None = None
    withdrawn: int | None = None
    withdrawal: Mapping[str, Any] | None = None

    def count(self, *outcomes: str) -> int:
        """How many of its rows have such an outcome."""
        return sum(one in outcomes for one in self.file.outcomes.values())


class Outcome(NamedTuple):
    """What became of a command."""

    code: str
    key: str | None = None
    version: int | None = None
    record: Values | None = None
    detail: Any = None
