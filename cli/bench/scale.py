"""`./tablefold bench scale`: the processor time of each stage, and what more projectors bring; the whole flow."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import msgspec

from cli.bench.ingest import DEADLINE_S, POLL_S, declare_debts, processes_of
from cli.bench.resources import ResourceWatch, Usage
from cli.samples import write_debts
from cli.samples.sending import Report, connect, follow, send
from cli.stack import Stack
from shared.errors import TablefoldError

SEED = 11
FILES = 4
"""Files that are loaded at the same time when projectors are counted: indexes of one are built while others load."""
PARTS = {
    "gateway": "gateway",
    "command-api": "command-api",
    "projector": "projectors",
    "postgres": "postgresql",
    "rabbitmq": "rabbitmq",
    "query-api": "query-api",
}
"""Which part of the installation a process belongs to, by the beginning of its name."""
ALONE = "debts_alone"
"""The dataset of the file whose stages are looked at; its segment is the first."""
SIZES = f"SELECT pg_table_size('{ALONE}_1.segment_1'), pg_indexes_size('{ALONE}_1.segment_1')"
WRITTEN = "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS double precision)"
STAGES = ("receive", "load", "index", "publish")

ByPart = Mapping[str, float]


class StageCost(msgspec.Struct, frozen=True, tag="stage"):
    """What one stage of one file took: seconds, and processor seconds per million rows by part."""

    stage: str
    seconds: float
    cpu_s_per_million: dict[str, float]


class Scaled(msgspec.Struct, frozen=True, tag="scale"):
    """Several files at once with so many projectors.

    `postgresql_cores` and `projector_cores` are how many cores each kept busy, `left_cores` what PostgreSQL left.
    """

    projectors: int
    seconds: float
    rows_per_s: int
    postgresql_cores: float
    projector_cores: float
    left_cores: float


class Stored(msgspec.Struct, frozen=True, tag="stored"):
    """What a row of that file takes: as it was sent, in its table, in the indexes of it, and written to the WAL."""

    file_bytes: float
    table_bytes: float
    index_bytes: float
    wal_bytes: float


class Measured(msgspec.Struct, frozen=True):
    """One file by stages and bytes, then several at once for each number of projectors."""

    stages: list[StageCost]
    stored: list[Stored]
    scaled: list[Scaled]

    @property
    def projectors_per_postgresql_core(self) -> float:
        """How many cores of projectors keep one core of PostgreSQL busy; both at work."""
        spent = {part: sum(one.cpu_s_per_million.get(part, 0.0) for one in self.stages) for part in PARTS.values()}
        return round(spent["projectors"] / spent["postgresql"], 2) if spent["postgresql"] else 0.0


def measure(folder: Path, rows: int, counts: Sequence[int], on_result: Callable[[msgspec.Struct], object]) -> Measured:
    """Load `rows` rows as one file, then the same rows as FILES files for each number of projectors."""
    whole, part = folder / "whole.csv", folder / "part.csv"
    write_debts(whole, rows=rows, seed=SEED)
    write_debts(part, rows=max(1, rows // FILES), seed=SEED)
    names = {count: [f"debts_{count}_{number + 1}" for number in range(FILES)] for count in counts}
    declared = declare_debts(folder / "datasets", [ALONE, *(name for each in names.values() for name in each)])
    measured = Measured([], [], [])
    with Stack(folder / "data", settings={"TABLEFOLD_DATASETS_FOLDER": str(declared)}) as stack:
        token = stack.key("bench", scopes=())
        database = stack.environment["TABLEFOLD_DATABASE_URL"]
        before = asyncio.run(_written(database))
        measured.stages.extend(stage_costs(stack, token, ALONE, whole, rows))
        measured.stored.append(asyncio.run(_stored(database, whole.stat().st_size, rows, before)))
        for cost in (*measured.stages, *measured.stored):
            on_result(cost)
        for count in counts:
            stack.scale(count)
            measured.scaled.append(_scaled(stack, token, names[count], part, rows // FILES))
            on_result(measured.scaled[-1])
    return measured


def stage_costs(stack: Stack, token: str, dataset: str, path: Path, rows: int) -> list[StageCost]:
    """Load one file and look at all processes whenever a stage is over; raises TablefoldError where it fails."""
    seen: dict[str, tuple[float, ByPart]] = {}
    with ResourceWatch(processes_of(stack)) as watch, connect(stack.url, token) as client:

        def note(stage: str) -> None:
            if stage not in seen:
                seen[stage] = (time.perf_counter(), by_part(watch.now()))

        def note_report(report: Report) -> None:
            for stage in over(report):
                note(stage)

        began = time.perf_counter(), by_part(watch.now())
        receipt = send(client, dataset, path)
        note("receive")
        report = follow(client, receipt.id, poll_s=POLL_S, deadline_s=DEADLINE_S, on_report=note_report)
    _check(report, rows)
    return differences(began, [(stage, *seen[stage]) for stage in STAGES if stage in seen], rows)


def over(report: Report) -> list[str]:
    """The stages that are over when an upload is reported like that."""
    done = report.progress
    ended = {
        "load": done.chunks_done == done.chunks and done.chunks > 0,
        "index": report.state not in ("loading", "failed"),
        "publish": report.state == "published",
    }
    return [stage for stage, is_over in ended.items() if is_over]


def differences(began: tuple[float, ByPart], seen: Sequence[tuple[str, float, ByPart]], rows: int) -> list[StageCost]:
    """What was taken between one look and the next, for so many rows."""
    costs = []
    before_s, before = began
    for stage, at_s, spent in seen:
        per_million = {part: round(1e6 * (spent[part] - before.get(part, 0.0)) / rows, 2) for part in spent}
        costs.append(StageCost(stage, round(at_s - before_s, 2), per_million))
        before_s, before = at_s, spent
    return costs


def by_part(usage: Mapping[str, Usage]) -> ByPart:
    """Processor seconds by part of the installation."""
    spent = dict.fromkeys(PARTS.values(), 0.0)
    for name, each in usage.items():
        part = next((part for beginning, part in PARTS.items() if name.startswith(beginning)), None)
        if part is not None:
            spent[part] += each.cpu_s
    return spent


async def _stored(database_url: str, file_bytes: int, rows: int, before: float) -> Stored:
    connection = await asyncpg.connect(database_url)
    try:
        sizes = [*(await connection.fetch(SIZES))[0]]
    finally:
        await connection.close()
    written = await _written(database_url)
    return Stored(*(round(one / rows, 1) for one in (file_bytes, *sizes, written - before)))


async def _written(database_url: str) -> float:
    """How many bytes of WAL there were so far."""
    connection = await asyncpg.connect(database_url)
    try:
        return float(await connection.fetchval(WRITTEN))
    finally:
        await connection.close()


def _scaled(stack: Stack, token: str, datasets: Sequence[str], path: Path, rows: int) -> Scaled:
    def load(dataset: str) -> Report:
        with connect(stack.url, token) as client:
            return follow(client, send(client, dataset, path).id, poll_s=POLL_S, deadline_s=DEADLINE_S)

    began = time.perf_counter()
    with ResourceWatch(processes_of(stack)) as watch, ThreadPoolExecutor(len(datasets)) as pool:
        reports = list(pool.map(load, datasets))
    seconds = time.perf_counter() - began
    for report in reports:
        _check(report, rows)
    spent = by_part(watch.usage)
    return Scaled(
        projectors=stack.projectors,
        seconds=round(seconds, 2),
        rows_per_s=round(rows * len(datasets) / seconds),
        postgresql_cores=round(spent["postgresql"] / seconds, 2),
        projector_cores=round(spent["projectors"] / seconds, 2),
        left_cores=round((os.cpu_count() or 1) - spent["postgresql"] / seconds, 2),
    )


def _check(report: Report, rows: int) -> None:
    if report.state != "published" or report.rows.accepted != rows:
        raise TablefoldError(
            f"The upload is {report.state} ({report.failure}) with {report.rows.accepted} rows instead of {rows}."
        )
