"""The statements that the query API prepares for some requests, to be run without it; beside the flow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from query_api.at_hand import Row
from query_api.prepared import ONE_PLAN, Prepared

Sent = tuple[str, tuple[object, ...], str]
"""SQL, its values, and how it is planned."""

KINDS: dict[str, Callable[[str], Any]] = {"decimal": Decimal, "uuid": UUID}
"""The kinds of values that requests differ in, and what reads them."""


class Statement(msgspec.Struct, frozen=True):
    """SQL with the values of $1, $2, ...: those at the places in `varying` are another request's each time."""

    sql: str
    values: list[Any]
    varying: dict[int, str]
    plans: str

    def bound(self, given: dict[str, str]) -> list[Any]:
        """The values for a request that gives the varying ones by their places."""
        values = list(self.values)
        for at, kind in self.varying.items():
            values[at] = KINDS[kind](given[str(at)])
        return values


class Recorder(Prepared):
    """Keeps what is asked; each statement is run once, with the values that it is asked with first."""

    def __init__(self, url: str) -> None:
        super().__init__(url, name="tablefold-bench", size=1)
        self.sent: list[Sent] = []
        self._found: dict[tuple[str, str], Sequence[Row]] = {}

    async def fetch(self, statement: str, *values: object, plans: str = ONE_PLAN) -> Sequence[Row]:
        """What was found with other values, where it was run before."""
        self.sent.append((statement, values, plans))
        if (statement, plans) not in self._found:
            self._found[statement, plans] = await super().fetch(statement, *values, plans=plans)
        return self._found[statement, plans]


async def record(
    recorder: Recorder, asked: Sequence[Callable[[], Awaitable[object]]]
) -> tuple[Statement, list[dict[int, str]]]:
    """The one statement that all of these come to, and the varying values of each."""
    recorder.sent.clear()
    for ask in asked:
        await ask()
    return alike(recorder.sent)


def alike(sent: Sequence[Sent]) -> tuple[Statement, list[dict[int, str]]]:
    """The same of what was sent."""
    ((sql, plans),) = {(sql, plans) for sql, _, plans in sent}
    columns = [*zip(*(values for _, values, _ in sent), strict=True)]
    varying = {at: _kind(column[0]) for at, column in enumerate(columns) if any(one != column[0] for one in column)}
    first = [None if at in varying else column[0] for at, column in enumerate(columns)]
    return Statement(sql, first, varying, plans), [{at: str(values[at]) for at in varying} for _, values, _ in sent]


def _kind(value: object) -> str:
    return next(name for name, kind in KINDS.items() if isinstance(value, kind))  # type: ignore[arg-type]  # all are types
