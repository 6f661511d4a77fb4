"""What `./tablefold demo` shows once everything runs; the whole flow, seen from outside."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.table import Table

from cli.samples import SAMPLES, SHAPES, Planted
from cli.samples.sending import Report, connect, follow, get, send
from cli.stack import Stack
from shared.errors import TablefoldError

USER = "demo"
SHOWN = '-H "Authorization: Bearer $TOKEN"'
"""What stands in every line of curl; the token is printed at the beginning."""

SEED = 2_024
DIRTY_SHARE = 0.004
WIDTH = 150
"""Columns of output at least; a narrow terminal wraps it as it likes."""


class Example(msgspec.Struct, frozen=True):
    """One dataset of the demonstration: how many rows, the field of a record's key, and the queries that are shown."""

    rows: int
    key: str | None
    queries: tuple[str, ...]


EXAMPLES: dict[str, Example] = {
    "accounts": Example(
        1_000,
        "client_reference_no",
        ("min_balance=90000&status=in_collection&sort=-balance&limit=2", "consumer_name=phd&limit=2"),
    ),
    "debts": Example(
        20_000,
        "debt_id",
        ("min_debt_amount=9000&sort=-debt_amount&limit=2", "name=almeida&debt_due_date_from=2024-09-01&limit=2"),
    ),
    "sales": Example(
        10_000,
        "order_id",
        ("country=Tunisia&sort=-total_profit&limit=2", "from=2017-07-01&to=2017-07-28&count=exact&limit=1"),
    ),
    "teams": Example(2_000, None, ("team_name=kel&sort=team_name&limit=2",)),
    "deals": Example(800, None, ("min_total=10000&sort=-total&limit=2", "date_from=2024-12-01&count=exact&limit=1")),
    "clients": Example(
        1_000, "client_id", ("min_balance=90000&country=Austria&sort=-account_balance&limit=2", "email=lantern&limit=1")
    ),
    "transactions": Example(
        5_000,
        "transaction_id",
        (
            "start_date=2020-01-01&end_date=2020-03-31&currency=EUR&sort=transaction_date&limit=2",
            "transaction_type=sell&max_amount=-9900&sort=amount&limit=2",
        ),
    ),
}


def run(stack: Stack, *, once: bool) -> None:
    """Upload a sample of every dataset, print the reports and the answers to some queries.

    Files that an earlier start over the same data folder has sent are recognised by their bytes. Raises TablefoldError
    when a report does not add up or does not say what the sample holds.
    """
    folder = stack.servers.folder.path / "samples"
    folder.mkdir(exist_ok=True)
    console = Console(highlight=False, soft_wrap=True, width=max(Console().width, WIDTH))
    console.print(f"Tablefold runs at [bold]{stack.url}[/bold]: gateway, {', '.join(stack.processes)}.")
    password = secrets.token_urlsafe(12)
    token = stack.key(USER, password)
    console.print(f"The administrator is [bold]{USER}[/bold], with the password {password}: it is shown only now.")
    console.print(f"TOKEN={token}", markup=False)
    with connect(stack.url, token) as client:
        show = Show(console, client)
        for dataset, example in EXAMPLES.items():
            path = folder / f"{dataset}.csv"
            planted = SAMPLES[dataset](path, rows=example.rows, seed=SEED, bad=dirt(dataset))
            report = show.upload(dataset, path)
            check(report, planted)
            show.report(report)
            show.answers(dataset, example)
    console.print("\nEvery report says exactly what its file holds." + ("" if once else " Ctrl-C ends everything."))


def dirt(dataset: str) -> dict[str, float]:
    """The shares of bad rows in a sample: every kind that there is."""
    return dict.fromkeys(SHAPES[dataset].kinds, DIRTY_SHARE)


def check(report: Report, planted: Planted) -> None:
    """Raise TablefoldError unless the report adds up and says exactly what was planted in the file."""
    found = msgspec.structs.asdict(report.rows)
    expected = {name: getattr(planted, name) for name in found}
    if report.state != "published":
        raise TablefoldError(f"The sample of {report.dataset} is {report.state}: {report.failure}")
    if not report.rows.add_up:
        raise TablefoldError(f"The report of {report.dataset} does not add up: {found}")
    if found != expected or report.records != planted.records:
        raise TablefoldError(
            f"The report of {report.dataset} says {found} and {report.records} records,"
            f" but the sample holds {expected} and {planted.records} records."
        )


class Show:
    """Does what it prints: each request stands beside the line of curl that gives the same answer."""

    def __init__(self, console: Console, client: httpx.Client) -> None:
        self._console = console
        self._client = client
        self._url = str(client.base_url).rstrip("/")

    def upload(self, dataset: str, path: Path) -> Report:
        """Send a file and wait for its report; a file that is there already is said to be."""
        self._console.print(f"\n[bold]{dataset}[/bold]")
        self._curl(f"-F file=@{_short(path)} {self._url}/{dataset}/uploads")
        started = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        console = self._console
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("sending", total=path.stat().st_size)
            receipt = send(self._client, dataset, path, lambda size: progress.advance(task, size))
            report = follow(self._client, receipt.id, on_report=lambda each: _advance(progress, task, each))
        taken = f"{report.state} after {time.monotonic() - started:.2f} s"
        said = "these bytes are already here; nothing was changed" if receipt.duplicate else taken
        console.print(f"Upload {report.number} of {dataset}: {said}.")
        return report

    def report(self, report: Report) -> None:
        """The counts, and the first of the row errors in both forms."""
        counts = {**msgspec.structs.asdict(report.rows), "records": report.records}
        self._table([{name: f"{count:,}" for name, count in counts.items()}])
        errors = self._ask(f"/uploads/{report.id}/errors?limit=4")["results"]
        names = ("row", "line", "column", "code", "value", "message")
        self._table([{name: str(error[name] or "") for name in names} for error in errors])
        path = f"/uploads/{report.id}/errors.csv"
        self._curl(f"{self._url}{path} | head -n 3")
        for line in get(self._client, path, accept="text/csv").decode().splitlines()[:3]:
            self._console.print(line, markup=False)

    def answers(self, dataset: str, example: Example) -> None:
        """The results of the example's queries, and one record by its key where there is one."""
        pages = [self._ask(f"/{dataset}?{query}") for query in example.queries]
        if example.key:
            self._ask(f"/{dataset}/{pages[0]['results'][0][example.key]}")

    def _ask(self, path: str) -> Any:
        self._curl(f"'{self._url}{path}'")
        answer = json.loads(get(self._client, path))
        if "/errors" not in path:
            for record in answer.get("results", [answer]):
                self._console.print_json(json.dumps(record), indent=None)
        if "count=" in path:
            self._console.print(f"count: {json.dumps(answer['count'])}")
        return answer

    def _table(self, rows: Sequence[Mapping[str, str]]) -> None:
        table = Table(*rows[0], box=None, header_style="dim", pad_edge=False)
        for row in rows:
            table.add_row(*(escape(cell) for cell in row.values()))
        self._console.print(table)

    def _curl(self, arguments: str) -> None:
        self._console.print(f"\n[cyan]$ curl -s {escape(SHOWN)} {escape(arguments)}[/cyan]")


def _advance(progress: Progress, task: TaskID, report: Report) -> None:
    done = report.progress
    progress.update(task, description=report.state, total=max(done.chunks, 1), completed=done.chunks_done)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
