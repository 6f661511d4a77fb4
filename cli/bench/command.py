"""The commands `./tablefold bench ...` and how they show what was measured; beside the flow."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.bench import edits as editing
from cli.bench import ingest as ingesting
from cli.bench import logins as logging_in
from cli.bench import reads as reading
from cli.bench import rebuilds as rebuilding
from cli.bench import scale as scaling
from cli.bench.goals import WAYS, ProcessUse, Run, Summary, Verdict, largest, summarize, verdicts

WIDTH = 120
"""Columns of output at least; a narrow terminal wraps it as it likes."""


json_option = click.option("--json", "as_json", is_flag=True, help="JSON lines instead of tables.")
data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="An existing folder on the disk to be measured; a new one is made in it, and removed at the end.",
)


class Machine(msgspec.Struct, frozen=True, tag="machine"):
    """What the run was made on and of; `load_before` is what ran beside it, as the load of the minute before."""

    cores: int
    memory_gb: float
    load_before: float
    python: str
    rows: int
    repeats: int
    file_mb: float


@click.group()
def bench() -> None:
    """Measure this machine on private servers."""


@bench.command()
@click.option("--rows", type=click.IntRange(min=1), default=1_000_000, show_default=True)
@click.option("--repeat", "repeats", type=click.IntRange(min=1), default=1, show_default=True, help="Runs of each way.")
@click.option(
    "--way",
    "ways",
    type=click.Choice(list(WAYS)),
    multiple=True,
    default=list(WAYS),
    help="Only this way; may be given more than once.",
)
@json_option
@data_option
def ingest(rows: int, repeats: int, ways: tuple[str, ...], as_json: bool, data: Path | None) -> None:
    """Load one file with Tablefold and with PostgreSQL's own ways; hold times and memory against our goals."""
    console = Console(highlight=False, soft_wrap=True, width=max(Console().width, WIDTH))

    def show_run(run: Run) -> None:
        stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in run.stages.items())
        _out(run) if as_json else console.print(
            f"{run.way:<18} {run.seconds:7.2f} s   CPU {run.cpu_s:6.2f} s   {stages}"
        )

    load = os.getloadavg()[0]
    with ingesting.fresh_folder(data) as folder:
        measured = ingesting.measure(folder, rows, repeats, ways, show_run)
    machine = _machine(load, rows, repeats, measured.file_bytes)
    summaries = summarize(measured.runs, rows)
    processes = largest(measured.usage)
    found = verdicts(summaries, processes)
    if as_json:
        for each in (machine, *summaries, *processes, *found):
            _out(each)
    else:
        _show(console, machine, summaries, processes, found)


@bench.command()
@click.option("--records", type=click.IntRange(min=1), default=100_000, show_default=True, help="Records to correct.")
@click.option("--rows", type=click.IntRange(min=1), default=1_000_000, show_default=True, help="Rows loaded meanwhile.")
@click.option("--seconds", type=click.FloatRange(min=1), default=20.0, show_default=True, help="Length of a run.")
@json_option
@data_option
def edits(records: int, rows: int, seconds: float, as_json: bool, data: Path | None) -> None:
    """Correct records over HTTP, by 1 and 32 clients, alone and while a file is loaded; hold them against our goals."""
    table = Table("clients", "", "answers", "per s", "p50 ms", "p99 ms", "most ms", box=None, pad_edge=False)

    def show(run: editing.Edited) -> None:
        figures = (run.answers, run.per_s, run.p50_ms, run.p99_ms, run.most_ms)
        _out(run) if as_json else table.add_row(str(run.clients), run.during, *(f"{one:,g}" for one in figures))

    with ingesting.fresh_folder(data) as folder:
        found = editing.goals(editing.measure(folder, records, rows, seconds, show))
    if as_json:
        for each in found:
            _out(each)
        return
    _show_goals(table, found)


@bench.command()
@click.option("--people", type=click.IntRange(1, 64), default=50, show_default=True, help="Who log in at once.")
@click.option("--seconds", type=click.FloatRange(min=1), default=15.0, show_default=True, help="Length of a run.")
@json_option
@data_option
def logins(people: int, seconds: float, as_json: bool, data: Path | None) -> None:
    """Read and correct records one after the other, alone and while many log in again and again."""
    table = Table("call", "", "calls", "p50 ms", "p99 ms", "logins", box=None, pad_edge=False)

    def show(run: logging_in.Called) -> None:
        figures = (run.calls, run.p50_ms, run.p99_ms, run.logins)
        _out(run) if as_json else table.add_row(run.what, run.during, *(f"{one:,g}" for one in figures))

    with ingesting.fresh_folder(data) as folder:
        found = logging_in.goals(logging_in.measure(folder, people, seconds, show))
    if as_json:
        for each in found:
            _out(each)
        return
    _show_goals(table, found)


@bench.command()
@click.option("--rows", type=click.IntRange(min=1), default=1_000_000, show_default=True, help="Rows of one file.")
@click.option("--edits", "corrections", type=click.IntRange(min=1), default=100_000, show_default=True)
@json_option
@data_option
def rebuild(rows: int, corrections: int, as_json: bool, data: Path | None) -> None:
    """Fold a file and corrections of it again while people read; hold it against the first time and our goals."""
    with ingesting.fresh_folder(data) as folder:
        found = rebuilding.measure(folder, rows, corrections)
    reached = rebuilding.goals(found)
    if as_json:
        for each in (found, *reached):
            _out(each)
        return
    table = Table("", "measured", box=None, pad_edge=False)
    for name, value in msgspec.structs.asdict(found).items():
        table.add_row(name, f"{value:,}")
    _show_goals(table, reached)


@bench.command()
@click.option("--rows", type=click.IntRange(min=scaling.FILES), default=1_000_000, show_default=True)
@click.option(
    "--projectors",
    "counts",
    type=click.IntRange(min=1),
    multiple=True,
    default=[1, 2, 4],
    show_default=True,
    help="How many share the work; may be given more than once.",
)
@json_option
@data_option
def scale(rows: int, counts: tuple[int, ...], as_json: bool, data: Path | None) -> None:
    """Measure what each stage costs in processor time, and what more projectors bring: see docs/scaling.md."""
    with ingesting.fresh_folder(data) as folder:
        measured = scaling.measure(folder, rows, counts, _out if as_json else lambda _: None)
    if not as_json:
        _show_scale(measured)


def _show_scale(measured: scaling.Measured) -> None:
    parts = list(scaling.PARTS.values())
    stages = Table("stage", "s", *(f"{part}, CPU s/M rows" for part in parts), box=None, pad_edge=False)
    for each in measured.stages:
        stages.add_row(each.stage, f"{each.seconds:g}", *(f"{each.cpu_s_per_million[part]:g}" for part in parts))
    names = msgspec.structs.fields(scaling.Scaled)
    scaled = Table(*(one.name for one in names), box=None, pad_edge=False)
    for one in measured.scaled:
        scaled.add_row(*(f"{value:,}" for value in msgspec.structs.astuple(one)))
    console = Console(highlight=False, soft_wrap=True, width=max(Console().width, WIDTH))
    stored = Table("bytes per row: file", "table", "indexes", "WAL", box=None, pad_edge=False)
    for kept in measured.stored:
        stored.add_row(*(f"{value:g}" for value in msgspec.structs.astuple(kept)))
    for shown in (stages, stored, scaled):
        console.print(shown, "")
    ratio = measured.projectors_per_postgresql_core
    console.print(f"One core of PostgreSQL at work takes {ratio:g} cores of projectors; {os.cpu_count()} cores here.")


@bench.command()
@click.option("--rows", type=click.IntRange(min=1000), default=5_000_000, show_default=True, help="Debts in all files.")
@click.option("--segments", type=click.IntRange(min=1), default=10, show_default=True, help="Files, one segment each.")
@click.option("--seconds", type=click.FloatRange(min=0.2), default=3.0, show_default=True, help="Length of a run.")
@json_option
@data_option
def reads(rows: int, segments: int, seconds: float, as_json: bool, data: Path | None) -> None:
    """Read pages, records, rankings and 304s by 1 and 16 clients, beside bare endpoints and pgbench."""
    headings = ("p50 ms", "p99 ms", "per s", "bare p99 ms", "bare per s", "least per s", "pgbench per s")
    table = Table("", *headings, box=None, pad_edge=False)

    def show(run: reading.Read) -> None:
        others = (run.bare_p99_ms, run.bare_per_s, run.least_per_s, run.pgbench_per_s)
        figures = (run.p50_ms, run.p99_ms, run.per_s, *others)
        _out(run) if as_json else table.add_row(run.kind, *("" if one is None else f"{one:,g}" for one in figures))

    with ingesting.fresh_folder(data) as folder:
        found, exported = reading.measure(folder, rows, segments, seconds, show)
    reached = reading.goals(found, exported)
    if as_json:
        for each in (exported, *reached):
            _out(each)
        return
    _show_goals(table, reached)


def _show_goals(measured: Table, found: Sequence[editing.EditGoal]) -> None:
    goals = Table("goal", "measured", "", "", box=None, pad_edge=False)
    for goal in found:
        said = "reached" if goal.reached else "[bold]not reached[/bold]"
        goals.add_row(goal.name, f"{goal.measured:g}", goal.goal, said)
    console = Console(highlight=False, soft_wrap=True, width=max(Console().width, WIDTH))
    for shown in (measured, goals):
        console.print(shown, "")


def _machine(load: float, rows: int, repeats: int, file_bytes: int) -> Machine:
    return Machine(
        cores=os.cpu_count() or 0,
        memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
        load_before=round(load, 1),
        python=platform.python_version(),
        rows=rows,
        repeats=repeats,
        file_mb=round(file_bytes / 1e6, 1),
    )


def _out(line: msgspec.Struct) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)


def _show(
    console: Console,
    machine: Machine,
    summaries: Sequence[Summary],
    processes: Sequence[ProcessUse],
    found: Sequence[Verdict],
) -> None:
    console.print(
        f"\n{machine.rows:,} debts ({machine.file_mb:g} MB), each way {machine.repeats} times, {machine.cores} cores,"
        f" {machine.memory_gb:g} GiB, load before {machine.load_before:g}, Python {machine.python}\n"
    )
    times = Table("way", "median s", "least s", "most s", "CPU s", "rows/s", box=None, pad_edge=False)
    for each in summaries:
        seconds = (f"{one:.2f}" for one in (each.median_s, each.least_s, each.most_s))
        times.add_row(escape(WAYS[each.way]), *seconds, f"{each.cpu_s:.1f}", f"{each.rows_per_s:,}")
    uses = Table("process, during (a)", "peak resident MB", "peak private MB", "CPU s", box=None, pad_edge=False)
    for use in processes:
        uses.add_row(use.process, f"{use.resident_mb:.0f}", f"{use.private_mb:.0f}", f"{use.cpu_s:.1f}")
    goals = Table("goal", "measured", "at most", "", box=None, pad_edge=False)
    for each_goal in found:
        said = "reached" if each_goal.reached else "[bold]not reached[/bold]"
        goals.add_row(escape(each_goal.name), f"{each_goal.measured:g}", f"{each_goal.goal:g}", said)
    for table in (times, uses, goals):
        console.print(table, "")
