"""No answer is older than the position that it says, whoever has it already and whatever happens meanwhile."""

from __future__ import annotations

from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any
from uuid import uuid4

from tests.laws.test_readers_do_not_notice_a_rebuild import bytes_of, rebuilt
from tests.laws.test_readers_do_not_notice_a_rebuild import sold as sold_in
from tests.steps import PACE_S, Api

ELSEWHERE = (f"Country {uuid4()}",)
"""No other law adds up what is sold there."""

SEEN_LEAST = 50


def sold(at: int, order_id: int | None = None) -> list[str]:
    """A row of sales."""
    return sold_in(at, order_id, ELSEWHERE)


class Corrections:
    """One record that is corrected again and again, with the position at which it had each of its values."""

    def __init__(self, api: Api, key: int) -> None:
        self._api = Api(api.url, api.token)
        self._key = key
        self.positions: list[int] = []
        self.values: list[str] = []

    def correct_until(self, done: Event) -> None:
        """Another value each time, applied before the next is sent."""
        while not done.wait(PACE_S):
            value = f"{len(self.values)}.00"
            body = {"total_revenue": value}
            answer = self._api.http.patch(f"/sales/{self._key}", json=body, headers={"Prefer": "wait=10"})
            assert answer.status_code == 200, answer.text
            self.values.append(value)
            self.positions.append(position_of(answer))
        self._api.http.close()

    def value_at(self, position: int) -> str | None:
        """What the record said then; None before it was corrected here."""
        at = bisect_right(self.positions, position)
        return self.values[at - 1] if at else None


class Reader:
    """Asks for the same things again and again, each time with the tag that it had last."""

    def __init__(self, api: Api, corrections: Corrections, paths: tuple[str, ...]) -> None:
        self._api = Api(api.url, api.token)
        self._corrections = corrections
        self._paths = paths
        self._tags: dict[str, str] = {}
        self.bodies: dict[tuple[str, int], Any] = {}
        self.unchanged = 0

    def read_until(self, done: Event) -> None:
        """Every answer is at least as new as what was applied before it was asked for, and the same as any other one
        that says the same position.
        """
        while not done.is_set():
            for path in self._paths:
                self._read(path)
                self._read(path)  # Often before the next correction, so that nothing has changed.
        self._api.http.close()

    def _read(self, path: str) -> None:
        applied = self._corrections.positions[-1:]
        known = {"If-None-Match": self._tags[path]} if path in self._tags else {}
        answer = self._api.http.get(path, headers=known)
        assert answer.status_code in (200, 304), answer.text
        position, tag = position_of(answer), answer.headers["ETag"]
        assert position >= max(applied, default=0)
        if answer.status_code == 304:
            self.unchanged += 1
            assert tag == self._tags[path]
            assert (path, position) in self.bodies
            return
        self._tags[path] = tag
        assert self.bodies.setdefault((path, position), answer.json()) == answer.json()


def position_of(answer: Any) -> int:
    """Of an answer that says it; every one has to."""
    return int(answer.headers["Position"].rpartition(":")[2])


@contextmanager
def hammered(api: Api, source: str, key: int) -> Any:
    """Two readers and a corrector beside the block; what they found is held against each other at the end."""
    corrections, done = Corrections(api, key), Event()
    of_source = f"source={source}"
    paths = (
        f"/sales?{of_source}&order_id={key}&count=exact",
        f"/sales/summary?{of_source}",
        "/sales/rankings/by-country?limit=1000",
        "/sales?limit=20&sort=-total_revenue",
    )
    readers = [Reader(api, corrections, paths) for _ in range(2)]
    with ThreadPoolExecutor(3) as pool:
        works = (corrections.correct_until, *(one.read_until for one in readers))
        running = [pool.submit(work, done) for work in works]
        try:
            yield
        finally:
            done.set()
        for one in running:
            one.result()
    _held(corrections, readers, paths[0])


def _held(corrections: Corrections, readers: list[Reader], path: str) -> None:
    seen: dict[tuple[str, int], Any] = {}
    for reader in readers:
        for said, body in reader.bodies.items():
            assert seen.setdefault(said, body) == body
    of_record = {position: body for (asked, position), body in seen.items() if asked == path}
    for position, body in of_record.items():
        expected = corrections.value_at(position)
        if expected is not None:
            assert [one["total_revenue"] for one in body["results"]] == [expected]
    assert len(of_record) >= SEEN_LEAST / 5
    assert len(seen) >= SEEN_LEAST
    assert sum(one.unchanged for one in readers) > 0


def test_while_people_correct_and_files_come_and_go_and_all_is_rebuilt(api: Api, source: str) -> None:
    key = uuid4().int % 10**15
    rows = [sold(at) for at in range(1500)]
    api.upload("sales", bytes_of(sold(0, key), *rows), source=source)

    with hammered(api, source, key):
        small = api.upload("sales", bytes_of(*(sold(at) for at in range(20))), source=source)
        large = api.upload("sales", bytes_of(*(sold(at) for at in range(3000))), source=source)
        built = rebuilt(api)
        again = api.upload("sales", bytes_of(*rows[:700], *(sold(at) for at in range(700))), source=source)
        for one in (small, again, large):
            api.withdraw(one["id"])
        back = rebuilt(api)

    assert (built["state"], back["state"]) == ("live", "live"), (built["failure"], back["failure"])
    assert api.count("sales", source=source) == 1501
