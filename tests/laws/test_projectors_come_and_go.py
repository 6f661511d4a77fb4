"""Projectors come, go, die and stand still while files are loaded: nothing is lost or doubled, nobody waits long."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text

from cli.servers.postgres import Postgres
from cli.stack import Stack
from projector.balancing import Balance, share_of
from projector.living import SEEN
from shared.database import make_engine
from shared.leases import Leases
from tests.conftest import SETTINGS
from tests.files import debt, debts
from tests.laws.conftest import Tables
from tests.steps import Api, eventually

TAKEOVER_S = 15.0
"""What is promised of a lease that lives for ten seconds, as it does by default."""
ROWS = 3_000
"""Of a file; some chunks."""
MANY_ROWS = 50_000
PAUSE_S = 0.3
"""Between two files of one sender: what is tested is who loads them, not how fast."""
OWNERS = "SELECT name, owner FROM read.leases WHERE name LIKE 'lane:%' AND expires_at > clock_timestamp()"


@pytest.fixture(scope="module")
def coming() -> Iterator[Stack]:
    """A whole Tablefold with one projector and leases of the usual length."""
    settings = {name: value for name, value in SETTINGS.items() if name != "TABLEFOLD_LEASE_S"}
    with tempfile.TemporaryDirectory(prefix="tablefold-test-") as folder:
        Path(folder).chmod(0o711)
        with Stack(Path(folder) / "data", projectors=1, settings=settings) as running:
            yield running


@pytest.fixture
def api(coming: Stack, request: pytest.FixtureRequest) -> Iterator[Api]:
    """Its gateway, for an administrator."""
    client = Api(coming.url, coming.key(f"caller{len(request.node.name)}"))
    yield client
    client.http.close()


@pytest.fixture
def tables(coming: Stack) -> Tables:
    """Its database."""
    return Tables(coming.environment["TABLEFOLD_DATABASE_URL"])


class Sender:
    """Sends files one after the other, three under way at a time, and follows each to its end."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._stopped = Event()
        self.sent: list[str] = []
        self.longest_s = 0.0

    def send_until_stopped(self) -> None:
        """Send, follow, send the next."""
        while not self._stopped.wait(PAUSE_S):
            began = time.monotonic()
            answer = self._api.send("debts", debts(*(debt() for _ in range(ROWS))))
            assert answer.status_code == 202, answer.text
            self.sent.append(answer.json()["id"])
            report = self._api.follow(answer.json()["id"], timeout_s=120)
            assert (report["state"], report["rows"]["accepted"]) == ("published", ROWS)
            self.longest_s = max(self.longest_s, time.monotonic() - began)

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()

    def close(self) -> None:
        """Let go of the connections."""
        self._api.http.close()


@contextmanager
def sending(api: Api) -> Iterator[Sender]:
    """Files are sent while the block runs."""
    sender = Sender(Api(api.url, api.token))
    with ThreadPoolExecutor(2) as pool:
        work: list[Future[None]] = [pool.submit(sender.send_until_stopped) for _ in range(2)]
        try:
            yield sender
        finally:
            sender.stop()
        for each in work:
            each.result()
    sender.close()


def test_projectors_come_go_die_and_stand_still_while_files_are_loaded(api: Api, coming: Stack, tables: Tables) -> None:
    lanes = len(api.get("/datasets")["results"])
    took: dict[str, float] = {}
    with sending(api) as sender:
        for projectors in (1, 2, 4):
            coming.scale(projectors)
            took[f"even among {projectors}"] = until_even(coming, tables, lanes)
        name = owner_of(coming, tables, "lane:debts")
        coming.processes[name].kill()
        took["killed"] = until_owned_by_another(coming, tables, name)
        coming.revive()
        until_even(coming, tables, lanes)
        name = owner_of(coming, tables, "lane:debts")
        coming.processes[name].pause()
        took["paused"] = until_owned_by_another(coming, tables, name)
        before = len(sender.sent)
        eventually(lambda: True if len(sender.sent) >= before + 4 else None, 60)  # All of them without it.
        coming.processes[name].resume()
        until_even(coming, tables, lanes)
        coming.scale(2)
        took["even among 2 again"] = until_even(coming, tables, lanes)
    assert max(took["killed"], took["paused"]) < TAKEOVER_S, took
    assert api.count("debts") == len(sender.sent) * ROWS, "nothing is lost, nothing is loaded twice"
    assert {api.follow(each)["state"] for each in sender.sent} == {"published"}
    check_rebuild(api)


def test_the_chunks_of_a_projector_that_stands_still_are_loaded_by_the_others_in_time(
    api: Api, coming: Stack, tables: Tables
) -> None:
    coming.scale(2)
    until_even(coming, tables, len(api.get("/datasets")["results"]))
    before = api.count("debts")
    upload_id = api.send("debts", debts(*(debt() for _ in range(MANY_ROWS)))).json()["id"]
    loading = "SELECT chunks_done FROM read.uploads WHERE CAST(id AS text) = $1 AND chunks_done > 20"
    eventually(lambda: tables.fetch(loading, upload_id) or None)
    name = next(one for one in coming.processes if one.startswith("projector-") and one != "projector-1")
    coming.processes[name].pause()
    began = time.monotonic()
    try:
        report = api.follow(upload_id, timeout_s=60)
    except AssertionError as error:
        at_work = "SELECT application_name, state, left(query, 80) FROM pg_stat_activity WHERE state <> 'idle'"
        said = api.get(f"/uploads/{upload_id}"), owners(coming, tables), tables.fetch(at_work)
        raise AssertionError(f"{said}") from error
    finally:
        coming.processes[name].resume()
    assert time.monotonic() - began < 2 * TAKEOVER_S
    assert (report["state"], report["rows"]["accepted"]) == ("published", MANY_ROWS)
    assert api.count("debts") == before + MANY_ROWS


def owners(stack: Stack, tables: Tables) -> dict[str, str]:
    """Which process owns each lane."""
    names = {f":{each.pid}": name for name, each in stack.processes.items()}
    return {row["name"]: names.get(":" + row["owner"].rpartition(":")[2], "nobody") for row in tables.fetch(OWNERS)}


def owner_of(stack: Stack, tables: Tables, lane: str) -> str:
    """The process that owns a lane."""
    return eventually(lambda: owners(stack, tables).get(lane))


def until_even(stack: Stack, tables: Tables, lanes: int) -> float:
    """Seconds until every projector owns as many lanes as every other, but for one."""
    began = time.monotonic()

    def is_even() -> bool | None:
        counts = Counter(owners(stack, tables).values())
        shares = [counts[f"projector-{number + 1}"] for number in range(stack.projectors)]
        return True if sum(shares) == lanes and max(shares) - min(shares) <= 1 else None

    try:
        eventually(is_even, 60)
    except AssertionError as error:
        running = {name: each.is_running for name, each in stack.processes.items()}
        raise AssertionError(f"{owners(stack, tables)}, {running}") from error
    return time.monotonic() - began


def until_owned_by_another(stack: Stack, tables: Tables, name: str) -> float:
    """Seconds until no lane is owned by that projector any more and all have an owner."""
    began = time.monotonic()
    lanes = len(owners(stack, tables))

    def are_taken() -> bool | None:
        found = owners(stack, tables)
        return True if len(found) == lanes and not {name, "nobody"} & set(found.values()) else None

    eventually(are_taken, 60)
    return time.monotonic() - began


def check_rebuild(api: Api) -> None:
    """The log says the same, folded again by whoever is there."""
    address = api.http.post("/datasets/debts/rebuilds", json={}).json()["links"]["self"]

    def ended() -> Any | None:
        found = api.get(address)
        return found if found["state"] in ("live", "differs", "failed") else None

    found = eventually(ended, 120)
    assert (found["state"], found["compared"]["equal"]) == ("live", True), found


@pytest.mark.parametrize(("projectors", "lanes"), [(5, 2), (3, 7), (1, 3)])
async def test_each_owns_its_share_whether_there_are_more_lanes_or_more_projectors(
    database: Postgres, projectors: int, lanes: int
) -> None:
    engine = make_engine(database.url, name="tests")
    names = [f"p{number}" for number in range(projectors)]
    leases = [f"lane:{lanes}_of_{projectors}_{number}" for number in range(lanes)]
    balances = {name: Balance(engine, name, leases, 60, known_looks=0) for name in names}
    owned = {name: Leases(engine, "read", name, 60) for name in names}
    held: dict[str, tuple[str, int]] = {}

    async def live(name: str) -> None:
        """One look of a projector at every lane."""
        async with engine.begin() as connection:
            await connection.execute(SEEN, {"name": name})
        for lease in leases:
            if held.get(lease, ("", 0))[0] == name and await balances[name].is_surplus(lease):
                await owned[name].release(lease, held.pop(lease)[1])
        for lease in leases:
            if await balances[name].may_take() and (epoch := await owned[name].acquire(lease)) is not None:
                held[lease] = name, epoch

    for present in (names[:1], names, names):
        for name in present:
            await live(name)
    for name in names:
        await live(name)
    counts = Counter(name for name, _ in held.values())
    assert {name: counts[name] for name in names} == {name: share_of(name, names, lanes) for name in names}
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM read.projectors"))
    await engine.dispose()
