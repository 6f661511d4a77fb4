"""`./tablefold rebuild` and `verify`: ask, show how far it is and what came of it; the flow from outside."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx
import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.samples.sending import connect
from shared.errors import BadSettings, TablefoldError, Unavailable

POLL_S = 0.5
WIDTH = 120
"""Columns of output at least; a narrow terminal wraps it as it likes."""
SHOWN = 10
"""Samples of differences that are printed of each table."""
DIFFERS = 3
"""The exit code where something differs."""

P = ParamSpec("P")
R = TypeVar("R")


class Rebuild(msgspec.Struct, frozen=True, kw_only=True):
    """A rebuild as the query API shows it."""

    id: str
    purpose: str
    state: str
    name: str | None = None
    generation: int | None = None
    position: int | None = None
    head: int | None = None
    rows: int | None = None
    rows_expected: int | None = None
    rows_per_s: float | None = None
    events_per_s: float | None = None
    left_s: float | None = None
    asked_at: str = ""
    asked_by: str = ""
    failure: str | None = None
    compared: dict[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state not in ("waiting", "building")


def with_options(command: Callable[Concatenate[str, P], R]) -> Callable[Concatenate[str, P], R]:
    """What both commands can be told."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="The report as JSON instead of tables."),
        click.option("--no-wait", is_flag=True, help="Ask for it and do not wait for what comes of it."),
        click.option(
            "--token", envvar="TABLEFOLD_TOKEN", default="", help="An access token or API key of a publisher."
        ),
        click.option("--url", envvar="TABLEFOLD_URL", default="http://127.0.0.1:8000", show_default=True),
        click.argument("dataset"),
    ):
        command = option(command)
    return command


@click.command()
@with_options
@click.option("--until", help="For --as: the last position (inclusive), or a time such as 2026-03-01T00:00:00Z.")
@click.option("--as", "name", help="Make a generation that GET /DATASET?as_of=NAME reads, beside what is served.")
@click.option("--accept-differences", is_flag=True, help="Serve it even where it says something else.")
@click.option("--cancel", metavar="ID", help="Cancel a rebuild, or drop an as-of generation.")
@click.option("--restore", metavar="ID", help="Serve again what that rebuild has replaced.")
@click.option("--list", "listed", is_flag=True, help="List all rebuilds, newest first.")
def rebuild(
    dataset: str,
    url: str,
    token: str,
    no_wait: bool,
    as_json: bool,
    until: str | None,
    name: str | None,
    accept_differences: bool,
    cancel: str | None,
    restore: str | None,
    listed: bool,
) -> None:
    """Fold the log of a dataset again beside what is served, compare, and serve it; exit code 3 where it differs."""
    path = f"/datasets/{dataset}/rebuilds"
    with _client(url, token) as client:
        if listed:
            _show_list(_ask(client, "GET", path)["results"])
        elif cancel:
            print(_ask(client, "DELETE", f"{path}/{cancel}")["message"])
        else:
            wish: dict[str, object] = {"purpose": "as-of", "name": name} if name else {"purpose": "rebuild"}
            if until:
                wish["until"] = int(until) if until.isdecimal() else until
            if accept_differences:
                wish["accept_differences"] = True
            asked = _ask(client, "POST", f"{path}/{restore}/restore") if restore else _ask(client, "POST", path, wish)
            sys.exit(_follow(client, asked["links"]["self"], no_wait=no_wait, as_json=as_json))


@click.command()
@with_options
def verify(dataset: str, url: str, token: str, no_wait: bool, as_json: bool) -> None:
    """Fold the log of a dataset into tables of its own and compare them, row for row; exit code 3 where they differ."""
    with _client(url, token) as client:
        asked = _ask(client, "POST", f"/datasets/{dataset}/rebuilds", {"purpose": "verify"})
        sys.exit(_follow(client, asked["links"]["self"], no_wait=no_wait, as_json=as_json))


def _client(url: str, token: str) -> httpx.Client:
    if not token:
        raise BadSettings("TABLEFOLD_TOKEN is not set: an access token (POST /tokens) or API key of a publisher.")
    return connect(url, token)


def _ask(client: httpx.Client, method: str, path: str, body: object = None) -> Mapping[str, Any]:
    """The JSON of an answer that is no refusal; raises TablefoldError with what the refusal says."""
    try:
        answer = client.request(method, path, json=body)
    except httpx.HTTPError as error:
        raise TablefoldError(f"{client.base_url} does not answer: {error}") from error
    if answer.status_code in (502, 503):
        raise Unavailable(f"{client.base_url} says {answer.status_code}: is everything running?")
    found: Mapping[str, Any] = answer.json() if answer.content else {}
    if answer.is_error:
        raise TablefoldError(str(found.get("detail", answer.status_code)))
    return found


def follow_rebuild(
    client: httpx.Client, path: str, on_look: Callable[[Rebuild], object] = lambda _: None, poll_s: float = POLL_S
) -> Rebuild:
    """What becomes of a rebuild, as soon as it is over."""
    while True:
        with suppress(Unavailable):
            found = msgspec.convert(_ask(client, "GET", path), Rebuild)
            on_look(found)
            if found.is_over:
                return found
        time.sleep(poll_s)


def _follow(client: httpx.Client, path: str, *, no_wait: bool, as_json: bool) -> int:
    if no_wait:
        print(path)
        return 0
    said = ""

    def show(found: Rebuild) -> None:
        nonlocal said
        if (line := progress_line(found)) != said and not as_json:
            print(said := line, flush=True)

    found = follow_rebuild(client, path, show)
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _show_compared(found)
    return {"live": 0, "ready": 0, "verified": 0, "differs": DIFFERS}.get(found.state, 1)


def progress_line(found: Rebuild) -> str:
    """How far a rebuild is, in one line."""
    parts = [f"{found.state}"]
    if found.position is not None and found.head:
        parts.append(f"position {found.position:,} of {found.head:,} ({found.events_per_s or 0:,.0f}/s)")
    if found.rows_expected:
        parts.append(f"{found.rows or 0:,} of {found.rows_expected:,} rows ({found.rows_per_s or 0:,.0f}/s)")
    if found.left_s and not found.is_over:
        parts.append(f"{found.left_s:,.0f} s left")
    return ", ".join(parts)


def _show_list(found: list[Mapping[str, Any]]) -> None:
    table = Table("id", "purpose", "state", "name", "generation", "asked by", "asked at", box=None, pad_edge=False)
    for one in msgspec.convert(found, list[Rebuild]):
        cells = (one.id, one.purpose, one.state, one.name or "", one.generation or "", one.asked_by, one.asked_at[:19])
        table.add_row(*(escape(str(cell)) for cell in cells))
    _console().print(table)


def _show_compared(found: Rebuild) -> None:
    if found.failure:
        print(f"It has failed: {found.failure}")
    if found.compared is None:
        return
    table = Table("table", "rows before", "after", "digest", "", "gone", "new", "changed", box=None, pad_edge=False)
    samples: list[str] = []
    for one in found.compared["tables"]:
        counts = [str(one[kind]) for kind in ("gone", "new", "changed")]
        rows = [f"{one[side]['rows']:,}" for side in ("before", "after")]
        table.add_row(one["name"], *rows, one["after"]["digest"], "equal" if one["equal"] else "differs", *counts)
        samples += [f"{one['name']} {each['kind']}: {each['key']}{_fields(each)}" for each in one["samples"][:SHOWN]]
    console = _console()
    console.print(table)
    for sample in samples:
        console.print(escape(sample))


def _fields(sample: Mapping[str, Any]) -> str:
    """What changed in a row, field by field."""
    before, after = sample.get("before") or {}, sample.get("after") or {}
    if not before or not after:
        return ""
    changed = [name for name, value in before.items() if value != after.get(name)]
    return f" ({', '.join(f'{name} {before[name]!r} -> {after.get(name)!r}' for name in changed)})"


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, width=max(Console().width, WIDTH))
