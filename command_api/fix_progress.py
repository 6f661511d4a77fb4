"""What became of the rows of a fixed file so far: event -> outcome -> *HTTP*."""

from __future__ import annotations

from typing import Any

import msgspec

from command_api.fix_files import FixedRow
from command_api.outcomes import Outcome

MAX_ROWS_TOLD = 100
"""Rejected rows of which the answer says what is wrong."""


class Fixed(msgspec.Struct, kw_only=True):
    """What became of the rows of one file so far.

    `unknown` are those that are no rejected rows of the upload: fixed before, or never there. `parked` ones wait, see
    GET /parked. `errors` has the first rejected ones, each with its row in the upload, its line in this file and its
    row errors.
    """

    fixed: int = 0
    rejected: int = 0
    unknown: int = 0
    parked: int = 0
    errors: list[dict[str, Any]] = []


class Progress(msgspec.Struct, kw_only=True):
    """The appended rows that have no outcome yet, by position and in order; what is `told` of all others.

    `conflict` says why the upload as a whole takes no corrections.
    """

    told: Fixed
    waiting: dict[int, FixedRow] = {}
    first: int | None = None
    last: int | None = None
    replayed: bool = False
    conflict: str | None = None

    def unread(self, row: FixedRow) -> None:
        """Count a row that cannot become an event."""
        if row.error is None:
            self.told.unknown += 1
            return
        self._reject(row, [{"field": None, "code": row.error.code, "message": row.error.message}])

    def decide(self, position: int, outcome: Outcome) -> None:
        """Count a row by its outcome."""
        row = self.waiting.pop(position)
        detail = outcome.detail or {}
        match outcome.code:
            case "applied":
                self.told.fixed += 1
            case "rejected":
                self._reject(row, detail.get("errors", []))
            case "conflict":
                self.conflict = detail.get("reason", "The upload takes no corrections.")
            case "parked":
                self.told.parked += 1
            case _:
                self.told.unknown += 1

    def _reject(self, row: FixedRow, errors: list[dict[str, Any]]) -> None:
        self.told.rejected += 1
        if len(self.told.errors) < MAX_ROWS_TOLD:
            self.told.errors.append({"row": row.row, "line": row.line, "errors": errors})


def told(progress: Progress) -> dict[str, object]:
    """What the answer says: counts, the first errors, and which events the rows became; how many are `waiting`."""
    so_far = msgspec.structs.asdict(progress.told)
    if not progress.told.parked:
        del so_far["parked"]
    counts = {**so_far, "positions": {"first": progress.first, "last": progress.last}}
    if progress.waiting:
        return {"message": "Accepted, but not applied to all rows yet", **counts, "waiting": len(progress.waiting)}
    return {"message": "Rows corrected", **counts}
