"""What `bench reads` makes of statements and measurements."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any, cast
from uuid import UUID

from cli.bench.reads import SAME, Exported, Read, goals
from cli.bench.statements import Recorder, Statement, record

KEY = UUID(int=7)


class Played:
    """In place of a recorder's database."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, tuple[object, ...], str]] = []

    async def ask(self, *values: object) -> None:
        self.sent.append(("SELECT $1, $2, $3", values, "once"))


async def test_the_values_in_which_requests_differ_are_told_from_those_of_the_statement() -> None:
    played = Played()
    asks = [partial(played.ask, "debts", Decimal(f"{number}.50"), KEY) for number in range(3)]
    statement, given = await record(cast(Recorder, played), asks)

    assert statement == Statement("SELECT $1, $2, $3", ["debts", None, KEY], {1: "decimal"}, "once")
    assert given == [{1: f"{number}.50"} for number in range(3)]
    assert statement.bound({"1": "7.25"}) == ["debts", Decimal("7.25"), KEY]


def read(kind: str = "page", **said: Any) -> Read:
    figures: dict[str, Any] = {"p50_ms": 1.0, "p99_ms": 2.0, "per_s": 800.0, "bare_p99_ms": 2.0, "bare_per_s": 1000.0}
    return Read(kind=kind, pgbench_per_s=2000.0, **{**figures, "least_per_s": 1200.0, **said})


def test_every_goal_is_told_by_what_was_measured() -> None:
    nothing = {"bare_per_s": None, "least_per_s": None}
    reads = [read(), read("deep", p99_ms=10.5, per_s=790.0), read(SAME, per_s=2_999.0, **nothing)]
    reads.append(read("counted", bare_per_s=None, per_s=900.0))
    found = {one.name: (one.measured, one.reached) for one in goals(reads, Exported(10, 1.0, 150_000))}

    assert found == {
        "p99 of one client, ms: deep": (10.5, False),
        "requests/s / the bare endpoint's: page": (0.8, True),
        "requests/s / the bare endpoint's: deep": (0.79, False),
        "requests/s / the least endpoint's: counted": (0.75, False),
        "304s per s of one process": (2_999.0, False),
        "rows/s of an export as CSV": (150_000, True),
    }
