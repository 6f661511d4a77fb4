"""`./tablefold bench logins`: what a read and a correction take alone, and while many log in; HTTP at both ends."""

from __future__ import annotations

import asyncio
import json
import secrets
from asyncio import FIRST_COMPLETED
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import polars as pl

from cli.bench.clients import get_for, get_request, put_for
from cli.bench.edits import SEED, UNLIMITED, EditGoal, corrections, load, percentile
from cli.samples import write_debts
from cli.stack import Stack

NAME = "bench"
RECORDS = 10_000
QUIET, LOGGING_IN = "quiet", "while they log in"
READ, CORRECTION = "read", "correction"


class Called(msgspec.Struct, frozen=True, tag="calls"):
    """Calls of one client, one after the other; `logins` is how many logins were answered meanwhile."""

    what: str
    during: str
    calls: int
    p50_ms: float
    p99_ms: float
    logins: int


def measure(folder: Path, people: int, seconds: float, on_run: Callable[[Called], object]) -> list[Called]:
    """Read and correct records of `debts`, alone and while so many log in at the same time, again and again."""
    path = folder / "debts.csv"
    write_debts(path, rows=RECORDS, seed=SEED)
    keys = pl.read_csv(path, columns=["debtId"]).to_series().to_list()
    password = secrets.token_urlsafe(24)
    runs: list[Called] = []
    with Stack(folder / "data", settings={"TABLEFOLD_RATE_LIMITS": UNLIMITED}) as stack:
        token = stack.key(NAME, scopes=())
        load(stack.url, token, path)
        names = [f"{NAME}-{number}" for number in range(people)]  # Of one name only a few may try at the same time.
        for name in names:
            stack.key(name, password, scopes=())
        bench = _Bench(stack.url, token, [_login(name, password) for name in names], keys, seconds)
        for during, logins in ((QUIET, 0), (LOGGING_IN, people)):
            for what in (READ, CORRECTION):
                runs.append(asyncio.run(bench.run(what, during, logins)))
                on_run(runs[-1])
    return runs


class _Bench:
    def __init__(self, url: str, token: str, logins: Sequence[bytes], keys: Sequence[str], seconds: float) -> None:
        address = urlsplit(url)
        self._host, self._port = str(address.hostname), int(address.port or 80)
        self._token = token
        self._logins = logins
        self._keys = keys
        self._seconds = seconds

    async def run(self, what: str, during: str, people: int) -> Called:
        """One kind of calls, for so many seconds, beside so many who log in."""
        stop = asyncio.Event()
        calls = asyncio.create_task(self._calls(what, stop))
        logins = asyncio.create_task(get_for(self._host, self._port, people, cycle(self._logins), 200, stop))
        await asyncio.wait([calls, *([logins] if people else [])], timeout=self._seconds, return_when=FIRST_COMPLETED)
        stop.set()
        took_ms = sorted(1000 * one for one in await calls)
        p50_ms, p99_ms = percentile(took_ms, 50), percentile(took_ms, 99)
        return Called(what, during, len(took_ms), p50_ms, p99_ms, logins=len(await logins))

    async def _calls(self, what: str, stop: asyncio.Event) -> list[float]:
        if what == CORRECTION:
            return await put_for(self._host, self._port, self._token, 1, corrections(self._keys), stop)
        shown = {"Authorization": f"Bearer {self._token}"}
        requests = (get_request(path, **shown) for path, _ in corrections(self._keys))
        return await get_for(self._host, self._port, 1, requests, 200, stop)


def _login(name: str, password: str) -> bytes:
    """A login as it is sent."""
    body = json.dumps({"name": name, "password": password})
    head = "POST /tokens HTTP/1.1\r\nHost: tablefold\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def goals(runs: Sequence[Called]) -> list[EditGoal]:
    """What was wished for: that logins slow other calls at most twofold."""
    found = {(run.what, run.during): run for run in runs}
    said = []
    for what in (READ, CORRECTION):
        alone, beside = found[what, QUIET], found[what, LOGGING_IN]
        for name, before_ms, ms in (
            ("p50", alone.p50_ms, beside.p50_ms),
            ("p99", alone.p99_ms, beside.p99_ms),
        ):
            times = round(ms / before_ms, 2)
            said.append(EditGoal(f"{name} of a {what} beside logins / alone", times, "at most 2", times <= 2))
    return said
