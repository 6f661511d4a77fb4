"""`./tablefold bench ingest`: from a file to answered queries, beside PostgreSQL's own ways; the whole flow, timed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cli.bench.goals import BAD, BARE, INDEXED, TABLEFOLD, Run
from cli.bench.resources import ResourceWatch, Usage
from cli.bench.rivals import Rival
from cli.samples import write_debts
from cli.samples.sending import Report, connect, follow, get, send
from cli.stack import Stack
from shared.datasets.debts import dataset as debts
from shared.errors import TablefoldError

POLL_S = 0.05
DEADLINE_S = 1_800
SEED = 1
DECLARATION = '''"""Debts once more, for one run of the benchmark."""

from shared.datasets.debts import Debt, TOP_DEBTORS
from shared.datasets.declaration import declare

dataset = declare(
    "{name}", Debt, title="Debts", key="debt_id", encodings=("cp1252",), rankings=(TOP_DEBTORS,)
)
'''


class Measured(msgspec.Struct, frozen=True):
    """All runs, and what the processes took in each run of `tablefold`."""

    runs: list[Run]
    usage: list[Mapping[str, Usage]]
    file_bytes: int


def measure(folder: Path, rows: int, repeats: int, chosen: Sequence[str], on_run: Callable[[Run], object]) -> Measured:
    """Run every chosen way `repeats` times on one private stack in `folder`, each time in another order.

    Every run finds an empty table: each upload goes to a dataset of its own, all with the declaration of `debts`.
    """
    clean, bad = folder / "clean.csv", folder / "bad.csv"
    write_debts(clean, rows=rows, seed=SEED)
    if BAD in chosen:
        write_debts(bad, rows=rows, seed=SEED, bad="all")
    names = [_name(kind, repeat) for kind in ("clean", "bad") for repeat in range(repeats)]
    declared = declare_debts(folder / "datasets", names)
    measured = Measured([], [], clean.stat().st_size)
    with Stack(folder / "data", settings={"TABLEFOLD_DATASETS_FOLDER": str(declared)}) as stack:
        token = stack.key("bench", scopes=())
        rival = Rival(stack.postgres, debts)
        ways: dict[str, Callable[[int], dict[str, float]]] = {
            TABLEFOLD: lambda repeat: upload(stack.url, token, _name("clean", repeat), clean, rows),
            INDEXED: lambda _: rival.copy_indexed(clean),
            BARE: lambda _: rival.copy_bare(clean),
            BAD: lambda repeat: upload(stack.url, token, _name("bad", repeat), bad, rows, rejected=rows),
        }
        for way, repeat in _turns([way for way in ways if way in chosen], repeats):
            rival.settle()
            with ResourceWatch(processes_of(stack)) as watch:
                stages = ways[way](repeat)
            cpu_s = sum(usage.cpu_s for usage in watch.usage.values())
            run = Run(way, repeat, stages.pop("total"), cpu_s, stages)
            measured.runs.append(run)
            if way == TABLEFOLD:
                measured.usage.append(watch.usage)
            on_run(run)
    return measured


def upload(url: str, token: str, dataset: str, path: Path, rows: int, rejected: int = 0) -> dict[str, float]:
    """Seconds from the first byte sent until the upload is published and a record can be read, as `total` and by stage.

    Stages are what the upload tells, and what is seen from outside where it tells nothing. Raises TablefoldError when
    the report does not say what is in the file.
    """
    seen: dict[str, float] = {}
    with connect(url, token) as client:
        started = time.perf_counter()
        receipt = send(client, dataset, path)
        seen["receive"] = time.perf_counter()
        report = follow(
            client, receipt.id, poll_s=POLL_S, deadline_s=DEADLINE_S, on_report=lambda each: _note(seen, each)
        )
        while rejected < rows and b'"results":[]' in get(client, f"/{dataset}?limit=1&count=none"):
            time.sleep(POLL_S)
        ended = time.perf_counter()
    _check(report, rows, rejected)
    told = {name.removesuffix("_s"): seconds for name, seconds in (report.timings or {}).items() if seconds is not None}
    stages = {"receive": seen["receive"] - started, **told} if told else _stages(started, seen)
    return {"total": ended - started, **stages}


def _note(seen: dict[str, float], report: Report) -> None:
    """Remember when each stage was first seen to be over."""
    now, done = time.perf_counter(), report.progress
    if done.chunks_done == done.chunks:
        seen.setdefault("load", now)
    if report.state not in ("loading", "failed"):
        seen.setdefault("index", now)
    if report.state == "published":
        seen.setdefault("publish", now)


def _stages(started: float, seen: dict[str, float]) -> dict[str, float]:
    ends = [started, *seen.values()]
    return {name: end - begin for name, begin, end in zip(seen, ends, ends[1:], strict=False)}


@contextmanager
def fresh_folder(parent: Path | None) -> Iterator[Path]:
    """A new folder in `parent` (default: where temporary files go), removed with everything in it at the end."""
    with tempfile.TemporaryDirectory(prefix="tablefold-bench-", dir=parent) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another user.
        yield folder


def processes_of(stack: Stack) -> dict[str, int]:
    """The process ids of all servers and services, by name."""
    processes = {**stack.processes, "gateway": stack.gateway, "postgres": stack.postgres, "rabbitmq": stack.rabbitmq}
    return {name: process.pid for name, process in processes.items() if process.pid is not None}


def declare_debts(folder: Path, names: Sequence[str]) -> Path:
    """A new folder with a dataset like `debts` for each of the names."""
    folder.mkdir()
    for name in names:
        (folder / f"{name}.py").write_text(DECLARATION.format(name=name))
    return folder


def _name(kind: str, repeat: int) -> str:
    return f"debts_{kind}_{repeat + 1}"


def _turns(ways: list[str], repeats: int) -> Iterator[tuple[str, int]]:
    """Every way in every repeat, each repeat beginning with the next one."""
    for repeat in range(repeats):
        first = repeat % len(ways)
        for way in ways[first:] + ways[:first]:
            yield way, repeat


def _check(report: Report, rows: int, rejected: int) -> None:
    found = report.rows
    expected = (rows, rows - rejected, rejected)
    if (found.read, found.accepted, found.rejected) != expected or (report.state != "published" and not rejected):
        raise TablefoldError(
            f"The upload is {report.state} ({report.failure}) and read, accepted, rejected are"
            f" {found.read}, {found.accepted}, {found.rejected} instead of {expected}."
        )
