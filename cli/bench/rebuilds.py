"""`./tablefold bench rebuild`: a large file and many corrections, folded again while people read; the flow, timed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import polars as pl

from cli.bench.edits import EditGoal, percentile
from cli.rebuilding import follow_rebuild
from cli.samples import write_debts
from cli.samples.sending import connect, follow, get, send
from cli.stack import Stack
from shared.database import make_engine
from shared.errors import TablefoldError
from shared.event_store import EventStore, Proposal
from shared.events import RecordCorrected

SEED = 11
DATASET = "debts"
READERS = 2
QUIET_S = 5.0
THINK_S = 0.01
LOOK_S = 0.02
APPENDED_AT_ONCE = 1000
DEADLINE_S = 1800.0

POSITION = """
    SELECT position FROM read.checkpoints JOIN read.generations USING (dataset, generation)
    WHERE dataset = $1 AND rebuild_id IS NOT DISTINCT FROM $2 ORDER BY generation LIMIT 1
"""

ATTACHED = """
    SELECT generation, extract(epoch FROM attached_at - received_at)::float AS first_s,
        extract(epoch FROM attached_at - began_at)::float AS again_s,
        extract(epoch FROM clock_timestamp() - attached_at)::float AS ago_s
    FROM read.uploads JOIN read.generations USING (dataset, generation) WHERE dataset = $1 ORDER BY generation
"""


class Rebuilt(msgspec.Struct, frozen=True, tag="rebuild"):
    """One rebuild: seconds until the rows were there, then all corrections, then until it was compared and served.

    `first_s` is how long the file took when it came, from its event on. Reads go on during a second rebuild.
    """

    rows: int
    edits: int
    first_s: float
    rows_s: float
    edits_s: float
    served_s: float
    edits_per_s: float
    reads_before: int
    reads_during: int
    p50_before_ms: float
    p50_during_ms: float
    p99_before_ms: float
    p99_during_ms: float


def measure(folder: Path, rows: int, edits: int) -> Rebuilt:
    """Load rows, correct some of them, then rebuild all of it, alone and beside readers."""
    path = folder / "debts.csv"
    write_debts(path, rows=rows, seed=SEED)
    keys = pl.read_csv(path, columns=["debtId"]).to_series().str.to_lowercase().to_list()
    with Stack(folder / "data") as stack:
        return _measure(stack, path, keys, rows, edits)


def _measure(stack: Stack, path: Path, keys: Sequence[str], rows: int, edits: int) -> Rebuilt:
    database, token = stack.environment["TABLEFOLD_DATABASE_URL"], stack.key("bench", scopes=())
    with connect(stack.url, token) as client:
        follow(client, send(client, DATASET, path).id, poll_s=0.05, deadline_s=DEADLINE_S)
        asyncio.run(_append(database, keys, edits))
        _until(database, None, 2 + edits)
        caught_up, served_s = _again(client, database, 2 + edits)
        with _reading(stack.url, token, keys) as before:
            time.sleep(QUIET_S)
        with _reading(stack.url, token, keys) as during:
            _again(client, database, 2 + edits)
        return _rebuilt(rows, edits, caught_up, served_s, _took(before), _took(during))


def _again(client: httpx.Client, database: str, position: int) -> tuple[Reached, float]:
    """Rebuild; when it was at a position, and the seconds from then until it was served. Raises TablefoldError."""
    own = client.post(f"/datasets/{DATASET}/rebuilds", json={}).raise_for_status().json()
    caught_up = _until(database, UUID(own["id"]), position)
    found = follow_rebuild(client, own["links"]["self"], poll_s=0.05)
    if found.state != "live" or not found.compared or not found.compared["equal"]:
        raise TablefoldError(f"The rebuild is {found.state}: {found.failure or found.compared}")
    return caught_up, time.perf_counter() - caught_up.at


class Reached(msgspec.Struct, frozen=True):
    """A position that was reached, when, and what the books said of the file then."""

    position: int
    at: float
    files: list[dict[str, Any]]


def _rebuilt(
    rows: int, edits: int, reached: Reached, served_s: float, before: list[float], during: list[float]
) -> Rebuilt:
    first, again = reached.files[0], reached.files[-1]
    return Rebuilt(
        rows=rows,
        edits=edits,
        first_s=round(first["first_s"], 2),
        rows_s=round(again["again_s"], 2),
        edits_s=round(again["ago_s"], 2),
        served_s=round(served_s, 2),
        edits_per_s=round(edits / again["ago_s"]),
        reads_before=len(before),
        reads_during=len(during),
        p50_before_ms=percentile(before, 50),
        p50_during_ms=percentile(during, 50),
        p99_before_ms=percentile(before, 99),
        p99_during_ms=percentile(during, 99),
    )


async def _append(database: str, keys: Sequence[str], edits: int) -> None:
    """Corrections into the event store, many in a transaction, as commands that come together are."""
    engine = make_engine(database, name="bench", pool_size=2)
    store, chance = EventStore(engine), random.Random(SEED)
    try:
        for begun in range(0, edits, APPENDED_AT_ONCE):
            corrected = [
                RecordCorrected(key=chance.choice(keys), changes={"debt_amount": f"{chance.randrange(10_000)}.00"})
                for _ in range(min(APPENDED_AT_ONCE, edits - begun))
            ]
            await store.append_all(DATASET, [Proposal(event=event, actor="bench") for event in corrected])
    finally:
        await engine.dispose()


def _until(database: str, rebuild_id: UUID | None, position: int) -> Reached:
    """Return as soon as a generation has folded that position: the one of a rebuild, or the first."""
    return asyncio.run(_reach(database, rebuild_id, position))


async def _reach(database: str, rebuild_id: UUID | None, position: int) -> Reached:
    connection = await asyncpg.connect(database)
    deadline = time.monotonic() + DEADLINE_S
    try:
        while (await connection.fetchval(POSITION, DATASET, rebuild_id) or 0) < position:
            if time.monotonic() > deadline:
                raise TablefoldError(f"Position {position} was not folded within {DEADLINE_S:g} s: see the logs.")
            await asyncio.sleep(LOOK_S)
        files = [dict(row) for row in await connection.fetch(ATTACHED, DATASET)]
        return Reached(position, time.perf_counter(), files)
    finally:
        await connection.close()


Reads = list[Future[list[float]]]


@contextmanager
def _reading(url: str, token: str, keys: Sequence[str]) -> Iterator[Reads]:
    """People who read records and lists, one after the other, for as long as the block lasts."""
    stop, took = Event(), Reads()
    with ThreadPoolExecutor(READERS) as pool:
        took += [pool.submit(_read_on, url, token, keys, number, stop) for number in range(READERS)]
        try:
            yield took
        finally:
            stop.set()


def _read_on(url: str, token: str, keys: Sequence[str], seed: int, stop: Event) -> list[float]:
    chance, took_ms = random.Random(seed), []
    with connect(url, token) as client:
        while not stop.is_set():
            for path in (f"/{DATASET}/{chance.choice(keys)}", f"/{DATASET}?limit=50&sort=-debt_amount&count=none"):
                began = time.perf_counter()
                get(client, path)
                took_ms.append(1000 * (time.perf_counter() - began))
                time.sleep(THINK_S)
    return took_ms


def _took(reads: Reads) -> list[float]:
    return sorted(one for each in reads for one in each.result())


def goals(found: Rebuilt) -> list[EditGoal]:
    """What was wished for, held against what was measured."""
    slower, reads = found.rows_s / found.first_s, found.p99_during_ms / found.p99_before_ms
    return [
        EditGoal("time for the rows / the first load's", round(slower, 3), "at most 1.1", slower <= 1.1),
        EditGoal("corrections/s", found.edits_per_s, "at least 20000", found.edits_per_s >= 20_000),
        EditGoal("p99 of reads during it / before", round(reads, 2), "at most 2", reads <= 2),
    ]
