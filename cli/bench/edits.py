"""`./tablefold bench edits`: from a PUT to the answer that carries the applied version; the whole flow, timed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import polars as pl

from cli.bench.clients import put_for
from cli.samples import write_debts
from cli.samples.sending import connect, follow, send
from cli.stack import Stack

SEED = 7
DEADLINE_S = 600
QUIET, LOADING = "quiet", "while loading"
UNLIMITED = "*=10000000/60"
"""Of `TABLEFOLD_RATE_LIMITS`: calls are counted as always, and more may be made than a machine can."""


class Edited(msgspec.Struct, frozen=True, tag="edits"):
    """Corrections by so many clients at once, each waiting for its answers; `during` is what else went on."""

    clients: int
    during: str
    answers: int
    per_s: float
    p50_ms: float
    p99_ms: float
    most_ms: float


class EditGoal(msgspec.Struct, frozen=True, tag="verdict"):
    """One goal and whether it was reached."""

    name: str
    measured: float
    goal: str
    reached: bool


def measure(
    folder: Path, records: int, loaded_rows: int, seconds: float, on_run: Callable[[Edited], object]
) -> list[Edited]:
    """Correct random records of `debts` by 1 and by 32 clients, then both again while a large file is being loaded."""
    seed, large = folder / "seed.csv", folder / "large.csv"
    write_debts(seed, rows=records, seed=SEED)
    write_debts(large, rows=loaded_rows, seed=SEED + 1)
    keys = pl.read_csv(seed, columns=["debtId"]).to_series().to_list()
    runs: list[Edited] = []
    with Stack(folder / "data", settings={"TABLEFOLD_RATE_LIMITS": UNLIMITED}) as stack:
        token = stack.key("bench", scopes=())
        load(stack.url, token, seed)
        for clients, during in ((1, QUIET), (32, QUIET), (1, LOADING), (32, LOADING)):
            meanwhile = _another(large, clients) if during == LOADING else None
            runs.append(asyncio.run(_run(stack.url, token, keys, clients, seconds, meanwhile)))
            on_run(runs[-1])
    return runs


def load(url: str, token: str, path: Path) -> None:
    """Send a file of `debts` and return once it is published."""
    with connect(url, token) as client:
        follow(client, send(client, "debts", path).id, poll_s=0.05, deadline_s=DEADLINE_S)


def _another(path: Path, number: int) -> Path:
    """The same rows as a file of other bytes, so that it is not taken for the one before."""
    other = path.with_name(f"large-{number}.csv")
    other.write_bytes(path.read_bytes() + b"\n" * number)
    return other


async def _run(
    url: str, token: str, keys: Sequence[str], clients: int, seconds: float, meanwhile: Path | None
) -> Edited:
    """For some seconds, or for as long as the file takes from its first byte until it is published."""
    stop = asyncio.Event()
    address = urlsplit(url)
    loop = asyncio.get_running_loop()
    began = loop.time()
    host, port = str(address.hostname), int(address.port or 80)
    work = asyncio.create_task(put_for(host, port, token, clients, corrections(keys), stop))
    if meanwhile is None:
        await asyncio.wait([work], timeout=seconds)
    else:
        await asyncio.to_thread(load, url, token, meanwhile)
    stop.set()
    took_ms = sorted(1000 * one for one in await work)
    return Edited(
        clients=clients,
        during=QUIET if meanwhile is None else LOADING,
        answers=len(took_ms),
        per_s=round(len(took_ms) / (loop.time() - began), 1),
        p50_ms=percentile(took_ms, 50),
        p99_ms=percentile(took_ms, 99),
        most_ms=round(took_ms[-1], 1),
    )


def corrections(keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """The path and the body of corrections of records at random, without end."""
    chosen = random.Random(SEED)
    while True:
        body = b'{"debt_amount": "%d.%02d"}' % (chosen.randrange(10_000), chosen.randrange(100))
        yield f"/debts/{chosen.choice(keys)}", body


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The value that so many percent do not exceed, rounded to a tenth."""
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 1)


def goals(runs: Sequence[Edited]) -> list[EditGoal]:
    """What was wished for, held against what was measured."""
    found = {(run.clients, run.during): run for run in runs}
    one, many, one_loading, many_loading = (
        found[key] for key in ((1, QUIET), (32, QUIET), (1, LOADING), (32, LOADING))
    )
    return [
        EditGoal("p50 of one client, ms", one.p50_ms, "at most 15", one.p50_ms <= 15),
        EditGoal("p99 of one client, ms", one.p99_ms, "at most 60", one.p99_ms <= 60),
        EditGoal("corrections/s of 32 clients", many.per_s, "at least 800", many.per_s >= 800),
        EditGoal("p99 of one client while loading, ms", one_loading.p99_ms, "at most 1000", one_loading.p99_ms <= 1000),
        EditGoal(
            "p99 of 32 clients while loading, ms", many_loading.p99_ms, "at most 1000", many_loading.p99_ms <= 1000
        ),
    ]
