"""`./tablefold bench reads`: pages, records, rankings and 304s of millions of debts, beside the least; timed."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from cli.bench.clients import get_for, get_request
from cli.bench.edits import UNLIMITED, EditGoal, percentile
from cli.bench.limit import transactions_per_s
from cli.bench.rows import rows_of
from cli.bench.statements import Recorder, Statement, record
from cli.samples import write_debts
from cli.samples.sending import connect, follow, send
from cli.services import Service
from cli.stack import Stack
from query_api.cursors import Cursors
from query_api.records import Records
from query_api.snapshots import make_reader
from shared.datasets.catalogue import load_catalogue
from shared.selection.parameters import read_query
from shared.settings import read_settings

SEED = 17
DATASET = "debts_read"
DECLARATION = f'''"""Debts once more, with a ranking that is read from an index."""

from shared.datasets.debts import Debt
from shared.datasets.declaration import declare
from shared.datasets.rankings import RecordRanking

LARGEST = RecordRanking(
    name="largest", title="The largest debts", fields=("debt_id", "name", "debt_amount"), order="debt_amount"
)
dataset = declare("{DATASET}", Debt, title="Debts", key="debt_id", rankings=(LARGEST,))
'''
DIFFERENT = 20_000
"""Different pages and records: more pages than are kept in memory, so that each is read."""
MANY = 16
BARE, LEAST = "", "/least"
"""Where cli/bench/bare.py answers."""
DEADLINE_S = 1_800.0
WARM_UP_S = 0.5
TURNS = 4
"""So often what is compared takes turns: machines that others use as well change their speed from second to second."""

LEAST_SHARE, LEAST_SAME, LEAST_EXPORTED = 0.8, 3_000, 150_000

BY_AMOUNT = f"/{DATASET}?sort=-debt_amount&limit=50&count=none"
PAGE, DEEP, ONE, TOP, SAME = "page by filter and sort", "page at half the depth", "one record", "top 10", "304"
COUNTED = "page by filter and sort, counted to 10,000"

MIDDLE = (
    f"SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY debt_amount) FROM {DATASET}_1.records TABLESAMPLE SYSTEM (1)"
)
KEYS = f"SELECT debt_id FROM {DATASET}_1.records TABLESAMPLE BERNOULLI (CAST($1 AS float))"
SOME = (
    f"SELECT debt_amount, debt_id FROM {DATASET}_1.records WHERE debt_amount <= $1 ORDER BY debt_amount DESC LIMIT $2"
)
"""Rows from the middle of the list on."""


class Read(msgspec.Struct, frozen=True, tag="reads"):
    """One kind of request: by one client, by many, and what others come to (cli/bench/bare.py).

    `bare` makes its JSON from rows, `least` and pgbench run the query API's own SQL.
    """

    kind: str
    p50_ms: float
    p99_ms: float
    per_s: float
    bare_p99_ms: float | None
    bare_per_s: float | None
    least_per_s: float | None
    pgbench_per_s: float | None


class Exported(msgspec.Struct, frozen=True, tag="export"):
    """All records as CSV."""

    rows: int
    seconds: float
    rows_per_s: int


class Kind(msgspec.Struct, frozen=True):
    """Paths of one kind of request; where each is one statement, that is asked without the query API as well.

    Where it `is_rows`, they are all that is found, and can be read by a plain statement.
    """

    name: str
    paths: list[str]
    status: int = 200
    is_one_statement: bool = False
    is_rows: bool = False


def measure(
    folder: Path, rows: int, segments: int, seconds: float, on_run: Callable[[Read], object]
) -> tuple[list[Read], Exported]:
    """Load debts in so many files, then read them, each kind for so many seconds by one client and by many."""
    declared = folder / "datasets"
    declared.mkdir()
    (declared / f"{DATASET}.py").write_text(DECLARATION)
    settings = {"TABLEFOLD_RATE_LIMITS": UNLIMITED, "TABLEFOLD_DATASETS_FOLDER": str(declared)}
    settings["TABLEFOLD_SEGMENTS"] = str(segments)
    with Stack(folder / "data", settings=settings) as stack:
        token, seeing = stack.key("bench", scopes=()), stack.key("bench-exports")
        for number in range(segments):
            path = folder / "debts.csv"
            write_debts(path, rows=rows // segments, seed=SEED + number)
            with connect(stack.url, token) as client:
                follow(client, send(client, DATASET, path).id, poll_s=0.05, deadline_s=DEADLINE_S)
        kinds = asyncio.run(_kinds(stack))
        found = _measure(stack, folder, token, kinds, seconds, on_run)
        return found, _export(stack.servers.query_api_at, seeing)


async def _kinds(stack: Stack) -> list[Kind]:
    connection = await asyncpg.connect(stack.environment["TABLEFOLD_DATABASE_URL"])
    try:
        await connection.execute("VACUUM (ANALYZE)")
        deep = await connection.fetch(SOME, await connection.fetchval(MIDDLE), 5 * DIFFERENT)
        rows = await connection.fetchval(f"SELECT count(*) FROM {DATASET}_1.records")
        keys = await connection.fetch(KEYS, min(100.0, 200.0 * DIFFERENT / rows))
    finally:
        await connection.close()
    chance = random.Random(SEED)
    amounts = [f"{chance.randrange(2_000, 9_900)}.{chance.randrange(100):02}" for _ in range(DIFFERENT)]
    _, cursors, reader = _reader(stack)
    query = read_query(f"/{DATASET}", BY_AMOUNT.partition("?")[2].encode(), reader.parameters)
    edges = [cursors.write(query, False, tuple(row)) for row in chance.sample(deep, min(DIFFERENT, len(deep)))]
    records = [f"/{DATASET}/{row['debt_id']}" for row in chance.sample(keys, min(DIFFERENT, len(keys)))]
    pages = [f"{BY_AMOUNT}&max_debt_amount={amount}" for amount in amounts]
    return [
        Kind(PAGE, pages, is_one_statement=True, is_rows=True),
        Kind(DEEP, [f"{BY_AMOUNT}&cursor={edge}" for edge in edges], is_one_statement=True, is_rows=True),
        Kind(ONE, records, is_one_statement=True, is_rows=True),
        Kind(COUNTED, [page.replace("&count=none", "") for page in pages], is_one_statement=True),
        Kind(TOP, [f"/{DATASET}/rankings/largest?limit=10"]),
        Kind(SAME, pages[:1], status=304),
    ]


def _reader(stack: Stack, recorder: Recorder | None = None) -> tuple[AsyncEngine, Cursors, Records]:
    settings = read_settings(stack.variables.of("query_api"))
    dataset, cursors = load_catalogue(settings.datasets_folder)[DATASET], Cursors(settings.cursor_key)
    engine = make_reader(stack.environment["TABLEFOLD_DATABASE_URL"], name="tablefold-bench")
    return engine, cursors, Records(dataset, engine, cursors, recorder)


class BareEndpoint(Service):
    """cli/bench/bare.py as a process, under the same server as the query API."""

    def __init__(self, stack: Stack, statements: dict[str, Statement], path: Path) -> None:
        path.write_bytes(msgspec.json.encode(statements))
        settings = {
            "TABLEFOLD_BENCH_DATABASE": stack.environment["TABLEFOLD_DATABASE_URL"],
        }
        port = stack.servers.folder.port("bare")
        super().__init__("bare", stack.servers.folder, "cli.bench.bare", settings, f"127.0.0.1:{port}")
        self._path = path

    def command(self) -> list[str]:
        """With the file of its statements."""
        return [*super().command(), str(self._path)]

    def is_ready(self) -> bool:
        """Whether it has said so."""
        return "action=ready" in self.log.read_text()


def _measure(
    stack: Stack, folder: Path, token: str, kinds: Sequence[Kind], seconds: float, on_run: Callable[[Read], object]
) -> list[Read]:
    statements = asyncio.run(_statements(stack, kinds))
    bare = BareEndpoint(stack, {name: one for name, (one, _) in statements.items()}, folder / "bare.json")
    bare.start()
    try:
        found = []
        for at, kind in enumerate(kinds):
            compared = [Asking(stack.servers.query_api_at, _requests(stack, kind, token), kind.status)]
            named = {LEAST: f"least-{at}", BARE: f"rows-{at}"}
            others = {which: name for which, name in named.items() if name in statements}
            compared += [_asking(bare, which, name, statements[name][1]) for which, name in others.items()]
            limit = None
            if LEAST in others:
                url = stack.environment["TABLEFOLD_DATABASE_URL"]
                limit = transactions_per_s(folder, url, *statements[others[LEAST]], MANY, max(1, round(seconds)))
            found.append(_read(kind, _ask(compared, seconds), list(others), limit))
            on_run(found[-1])
        return found
    finally:
        bare.stop()


def _asking(bare: BareEndpoint, which: str, name: str, given: Sequence[dict[int, str]]) -> Asking:
    queries = ("&".join(f"{place}={text}" for place, text in one.items()) for one in given)
    return Asking(bare.listen, [get_request(f"{which}/{name}?{query}") for query in queries], 200)


def _read(kind: Kind, asked: Sequence[Asked], others: Sequence[str], limit: float | None) -> Read:
    own, found = asked[0], dict(zip(others, asked[1:], strict=True))
    bare, least = found.get(BARE), found.get(LEAST)
    return Read(
        kind=kind.name,
        p50_ms=own.p50_ms,
        p99_ms=own.p99_ms,
        per_s=own.per_s,
        bare_p99_ms=bare.p99_ms if bare else None,
        bare_per_s=bare.per_s if bare else None,
        least_per_s=least.per_s if least else None,
        pgbench_per_s=round(limit) if limit else None,
    )


async def _statements(stack: Stack, kinds: Sequence[Kind]) -> dict[str, tuple[Statement, list[dict[int, str]]]]:
    recorder = Recorder(stack.environment["TABLEFOLD_DATABASE_URL"])
    engine, cursors, records = _reader(stack, recorder)
    found = {}
    try:
        for at, kind in enumerate(kinds):
            if kind.is_one_statement:
                found[f"least-{at}"] = await record(recorder, [_reading(records, path) for path in kind.paths])
            if kind.is_rows:
                found[f"rows-{at}"] = await rows_of(records, engine, cursors, kind.paths)
        return found
    finally:
        await recorder.close()
        await engine.dispose()


def _reading(records: Records, path: str) -> Callable[[], Awaitable[object]]:
    """What the query API does for a page or a record."""
    own, _, said = path.partition("?")
    if not said:
        return partial(records.one, own.rpartition("/")[2], read_query(own, b"", {}))
    return partial(records.made, read_query(own, said.encode(), records.parameters))


def _requests(stack: Stack, kind: Kind, token: str) -> list[bytes]:
    shown = {"Authorization": f"Bearer {token}"}
    if kind.status == 304:
        with httpx.Client(base_url=f"http://{stack.servers.query_api_at}", headers=shown) as client:
            shown["If-None-Match"] = client.get(kind.paths[0]).headers["ETag"]
    return [get_request(path, **shown) for path in kind.paths]


class Asked(msgspec.Struct, frozen=True):
    """What came of one kind of request to one address."""

    p50_ms: float
    p99_ms: float
    per_s: float


class Asking:
    """Requests to one address, over and over, and how long each took that counts, in ms."""

    def __init__(self, address: str, requests: Sequence[bytes], status: int) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._requests = itertools.cycle(requests)
        self._status = status
        self.alone_ms: list[float] = []
        self._together = 0
        self._took_s = 0.0

    def alone(self, seconds: float) -> None:
        """By one client, for its times."""
        self.alone_ms += self._run(1, seconds)

    def together(self, seconds: float) -> None:
        """By many, for their number."""
        began = time.perf_counter()
        self._together += len(self._run(MANY, seconds))
        self._took_s += time.perf_counter() - began

    def warm_up(self, clients: int) -> None:
        """What does not count."""
        self._run(clients, WARM_UP_S)

    @property
    def asked(self) -> Asked:
        """What came of it."""
        times = sorted(self.alone_ms)
        return Asked(percentile(times, 50), percentile(times, 99), round(self._together / self._took_s))

    def _run(self, clients: int, seconds: float) -> list[float]:
        async def run() -> list[float]:
            stop = asyncio.Event()
            asyncio.get_running_loop().call_later(seconds, stop.set)
            return await get_for(self._host, int(self._port), clients, self._requests, self._status, stop)

        return [1000 * one for one in asyncio.run(run())]


def _ask(compared: Sequence[Asking], seconds: float) -> list[Asked]:
    """Each for so many seconds by one client and by many, in turns."""
    for each in compared:
        each.warm_up(1)
    for _ in range(TURNS):
        for each in compared:
            each.alone(seconds / TURNS)
    for each in compared:
        each.warm_up(MANY)
    for _ in range(TURNS):
        for each in compared:
            each.together(seconds / TURNS)
    return [each.asked for each in compared]


def _export(address: str, token: str) -> Exported:
    began, lines = time.perf_counter(), 0
    shown = {"Authorization": f"Bearer {token}"}
    path = f"http://{address}/{DATASET}?format=csv"
    with httpx.stream("GET", path, headers=shown, timeout=DEADLINE_S, trust_env=False) as answer:
        for block in answer.iter_raw():
            lines += block.count(b"\n")
    seconds = time.perf_counter() - began
    return Exported(lines - 1, round(seconds, 2), round((lines - 1) / seconds))


def goals(reads: Sequence[Read], exported: Exported) -> list[EditGoal]:
    """What was wished for, held against what was measured."""
    slowest = max(reads, key=lambda one: one.p99_ms)
    found = [EditGoal(f"p99 of one client, ms: {slowest.kind}", slowest.p99_ms, "at most 10", slowest.p99_ms <= 10)]
    for one in reads:
        others = one.bare_per_s or one.least_per_s
        if others is not None:
            share = one.per_s / others
            name = f"requests/s / the {'bare' if one.bare_per_s else 'least'} endpoint's: {one.kind}"
            found.append(EditGoal(name, round(share, 2), "at least 0.8", share >= LEAST_SHARE))
        if one.kind == SAME:
            found.append(EditGoal("304s per s of one process", one.per_s, "at least 3000", one.per_s >= LEAST_SAME))
    rate = exported.rows_per_s
    return [*found, EditGoal("rows/s of an export as CSV", rate, "at least 150000", rate >= LEAST_EXPORTED)]
