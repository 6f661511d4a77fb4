"""While files come by the hundred, segments stay few, whoever is killed; readers see no mix, no pause and no error."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from cli.stack import Stack
from tests.conftest import SETTINGS
from tests.files import debt, debts
from tests.laws.conftest import Tables
from tests.steps import PACE_S, Api, eventually

MOST = 4
FILES = 120
ROWS = 12
"""Of a file; more than go into the open segment."""
SENDERS = 6
LONGEST_S = 4.0
"""The longest that one read may take on a busy machine: no lock keeps it that long."""
OF_COMPACTION = {
    **SETTINGS,
    "TABLEFOLD_SMALL_UPLOAD_ROWS": "10",
    "TABLEFOLD_SEGMENTS": str(MOST),
    "TABLEFOLD_MERGED_S": "3",
}


@pytest.fixture(scope="module")
def merging() -> Iterator[Stack]:
    """A whole Tablefold that begins to merge at five segments."""
    with tempfile.TemporaryDirectory(prefix="tablefold-test-") as folder:
        Path(folder).chmod(0o711)
        with Stack(Path(folder) / "data", settings=OF_COMPACTION) as running:
            yield running


class Reader:
    """Reads all the time; a count never falls, and no read fails or takes long."""

    def __init__(self, api: Api) -> None:
        self._api = Api(api.url, api.token)
        self.counts: list[int] = []
        self.took_s: list[float] = []

    def read_until(self, done: Event) -> None:
        """Read again and again; the first time makes connections and statements, and is not timed."""
        self._api.get("/debts", limit=1, count="exact")
        while not done.wait(PACE_S):
            began = time.monotonic()
            page = self._api.get("/debts", limit=1, count="exact")
            self.took_s.append(time.monotonic() - began)
            self.counts.append(page["count"]["value"])
        self._api.http.close()


@pytest.fixture
def api(merging: Stack) -> Iterator[Api]:
    """Its gateway, for an administrator."""
    client = Api(merging.url, merging.key("merger"))
    yield client
    client.http.close()


def test_segments_stay_few_and_readers_notice_nothing(api: Api, merging: Stack) -> None:
    tables = Tables(merging.environment["TABLEFOLD_DATABASE_URL"])
    keys = [[uuid4() for _ in range(ROWS)] for _ in range(FILES)]
    reader, done = Reader(api), Event()
    most_segments = 0

    def send(own: list[Any]) -> str:
        answer = api.send("debts", debts(*(debt(key) for key in own)))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    with ThreadPoolExecutor(SENDERS + 1) as pool:
        reading = pool.submit(reader.read_until, done)
        try:
            ids: list[str] = []
            for at in range(0, FILES, 40):
                ids += pool.map(send, keys[at : at + 40])
                name = merging.processes[owner(merging, tables)]
                name.kill()
                merging.revive()
                assert api.follow(ids[-1])["state"] == "published"
                most_segments = max(most_segments, len(api.get("/datasets/debts")["segments"]))
            are_few(api)
        finally:
            done.set()
        reading.result()
    assert {api.follow(each)["state"] for each in ids} == {"published"}
    assert reader.counts == sorted(reader.counts), "what is there stays there"
    assert reader.counts[-1] <= FILES * ROWS == api.count("debts")
    assert all(count % ROWS == 0 for count in reader.counts), "a file is there as a whole"
    assert max(reader.took_s) < LONGEST_S
    assert most_segments < FILES / 2
    said = api.get("/datasets/debts")["compaction"]
    assert said["segments_merged"] >= FILES - MOST

    withdrawn = ids[::40]
    for each in withdrawn:
        told = api.withdraw(each)
        assert (told["reversed"], told["restored"], told["kept"]["count"]) == (ROWS, 0, 0), told
    assert api.count("debts") == (FILES - len(withdrawn)) * ROWS
    check_space(api, tables)
    check_rebuild(api)


def are_few(api: Api) -> None:
    """So many segments as are kept at most, and the open one, as soon as the merges that are due are done."""
    eventually(lambda: True if len(api.get("/datasets/debts")["segments"]) <= 1 + MOST else None)


def owner(stack: Stack, tables: Tables) -> str:
    """The projector that owns the lane of debts."""
    statement = "SELECT owner FROM read.leases WHERE name = 'lane:debts' AND expires_at > now()"
    found = eventually(lambda: tables.fetch(statement) or None)[0]["owner"]
    return next(name for name, each in stack.processes.items() if found.endswith(f":{each.pid}"))


def check_space(api: Api, tables: Tables) -> None:
    """What was replaced is gone: there is a table for each segment in the books and no other."""

    def tidy() -> bool | None:
        said = api.get("/datasets/debts")["compaction"]
        return True if not said["under_way"] and not said["to_be_dropped"] else None

    eventually(tidy)
    there = tables.value(r"""
        SELECT count(*) FROM pg_tables
        WHERE schemaname = 'debts_1' AND (tablename ~ '^(segment|merged)_\d+$')
    """)
    assert there == tables.value("SELECT count(*) FROM read.segments WHERE (dataset, generation) = ('debts', 1)")


def check_rebuild(api: Api) -> None:
    """The log says the same, folded again."""
    asked = api.http.post("/datasets/debts/rebuilds", json={})
    assert asked.status_code == 202, asked.text
    address = asked.json()["links"]["self"]

    def ended() -> Any | None:
        found = api.get(address)
        return found if found["state"] in ("live", "differs", "failed") else None

    found = eventually(ended, 120)
    assert (found["state"], found["compared"]["equal"]) == ("live", True), found
    are_few(api)
