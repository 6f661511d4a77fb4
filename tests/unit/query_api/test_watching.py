"""One watcher and many who listen, over a double of what it reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from query_api.event_ids import Since
from query_api.happenings import Happening
from query_api.lag import Lag
from query_api.listeners import Listener, Reading, Seats
from query_api.looks import Asked, Look
from query_api.watching import CHANNELS, Watcher
from shared.auth.callers import Caller, Role
from shared.errors import TooMany, Unauthenticated, Unavailable
from shared.tasks import beside
from shared.wakeups import Wakeups

DEBTS = frozenset({"debts"})
UPLOAD = {
    **dict.fromkeys(
        ("source", "dialect", "header", "records", "records_superseded", "failure", "received_at", "published_at")
    ),
    **dict.fromkeys(("preview", "withdrawal", "withdrawn_at", "withdrawn_by", "folded_at", "chunks_loaded_at")),
    **dict.fromkeys(("indexed_at", "attached_at", "waits_for", "previewed_position", "file_name", "media_type")),
    **dict.fromkeys(("published_position", "failed_position", "withdrawn_position", "sha256", "size_bytes")),
    **dict.fromkeys(("rows_read", "rows_accepted", "rows_rejected", "rows_duplicate", "rows_blank", "chunks"), 0),
    "dataset": "debts",
    "number": 1,
    "state": "loading",
    "review": False,
    "on_error": "skip",
    "actor": "ann",
    "received_position": 1,
    "chunks_done": 0,
}


class Books:
    """What the watcher reads, and how often it did."""

    def __init__(self) -> None:
        self.position = 1
        self.uploads: dict[UUID, dict[str, Any]] = {}
        self.looks = 0
        self.failure: Exception | None = None
        self._failed = asyncio.Event()
        self.asked = Asked()

    async def look(self, asked: Asked) -> Look:
        self.looks += 1
        self.asked = asked
        if self.failure is not None:
            self._failed.set()
            raise self.failure
        rows = [{**row} for row in self.uploads.values()]
        followed: dict[UUID, list[dict[str, object]]] = {one: [] for one in self.uploads if one in asked.followed}
        return Look({"debts": (1, Lag(self.position, None, None, None, None, None))}, cast(Any, rows), {}, followed)

    async def fails(self) -> None:
        """Wait until a look has failed."""
        self._failed.clear()
        async with asyncio.timeout(2):
            await self._failed.wait()

    def happen(self, upload: UUID, **changes: object) -> None:
        self.uploads[upload] = {**UPLOAD, "id": upload, **self.uploads.get(upload, {}), **changes}


class Known:
    """Who may listen still."""

    def __init__(self) -> None:
        self.disabled: set[str] = set()
        self.asked = 0

    async def look_again(self, shown: Collection[str]) -> None:
        self.asked += bool(shown)

    async def caller(self, shown: str) -> Caller:
        if shown in self.disabled:
            raise Unauthenticated("Not any more.")
        return somebody(shown)


def somebody(name: str = "ann", role: Role = Role.ADMINISTRATOR) -> Caller:
    return Caller(user_id=UUID(int=1), name=name, role=role)


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
async def watcher(books: Books, known: Known) -> AsyncIterator[Watcher]:
    watcher = Watcher(books, known, Wakeups("", CHANNELS), poll_s=0.01, pause_s=0.01, check_s=0.02)
    async with beside(watcher.run()):
        yield watcher


@asynccontextmanager
async def listening(watcher: Watcher, name: str = "ann", upload: UUID | None = None) -> AsyncIterator[Listener]:
    """A listener who has read what was there when he came."""
    listener = Listener(somebody(name), name, DEBTS, upload)
    async with watcher.listening(listener):
        if upload is None:
            await listener.take(1)
        yield listener


async def take(listener: Listener, *names: str) -> list[Happening]:
    """What comes next with one of these names."""
    async with asyncio.timeout(2):
        while not (found := [one for one in await listener.take(1) if one.name in names]):
            pass
    return found


async def test_nobody_listens_and_nothing_is_read(watcher: Watcher, books: Books) -> None:
    async with listening(watcher):
        assert books.looks > 0
    before = -1
    async with asyncio.timeout(2):
        while books.looks != before:
            before = books.looks
            await asyncio.sleep(0.05)
    async with listening(watcher):
        assert books.looks == before + 1


async def test_three_hundred_listeners_are_read_for_once_and_each_is_told_once(
    watcher: Watcher, books: Books, known: Known
) -> None:
    upload = uuid4()
    async with AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(listening(watcher, f"u{at}")) for at in range(300)]
        looks, asked = books.looks, known.asked
        books.happen(upload)
        books.position = 2
        books.happen(upload, received_position=2)
        told = [await take(one, "received") for one in listeners]
        assert [len(one) for one in told] == [1] * 300
        assert len({id(one[0].data) for one in told}) == 1
        assert books.looks - looks < 300 / 4
        assert known.asked - asked < 300 / 4


async def test_facts_come_in_their_order_and_progress_between(watcher: Watcher, books: Books) -> None:
    first, second = uuid4(), uuid4()
    async with listening(watcher) as listener:
        books.position = 3
        books.happen(second, received_position=3)
        books.happen(first, received_position=2)
        found = await take(listener, "received")
        assert [one.position for one in found] == [2, 3]
        books.happen(first, chunks_done=1)
        assert [one.upload for one in await take(listener, "progress")] == [first]
        books.position = 4
        books.happen(first, state="published", published_position=4)
        (published,) = await take(listener, "published")
        assert (published.position, published.is_over) == (4, True)


async def test_who_follows_one_upload_hears_of_that_alone_and_gets_it_whole(watcher: Watcher, books: Books) -> None:
    followed, other = uuid4(), uuid4()
    books.happen(followed)
    async with listening(watcher, upload=followed) as listener, listening(watcher):
        books.happen(other, chunks_done=1)
        books.happen(followed, chunks_done=2)
        found = await take(listener, "progress")
        assert {one.upload for one in found} == {followed}
        assert found[-1].whole is not None
    assert dict.fromkeys(books.asked.followed) in ({}, {followed: None})


async def test_who_is_disabled_is_let_go_and_the_others_stay(watcher: Watcher, known: Known, books: Books) -> None:
    async with listening(watcher, "ann") as ann, listening(watcher, "bo") as bo:
        known.disabled.add("ann")
        async with asyncio.timeout(2):
            while ann.ended is None:
                await ann.take(0.1)
        assert isinstance(ann.ended, Unauthenticated)
        assert bo.ended is None
        books.happen(uuid4(), chunks_done=1)
        await take(bo, "received", "progress")


async def test_while_nothing_can_be_read_nobody_is_let_in_and_who_is_in_stays(watcher: Watcher, books: Books) -> None:
    books.failure = OSError("away")
    with pytest.raises(Unavailable):
        async with listening(watcher):
            pass
    books.failure = None
    async with listening(watcher) as listener:
        books.failure = OSError("away")
        await books.fails()
        books.failure = None
        books.happen(uuid4(), chunks_done=1)
        await take(listener, "received", "progress")


async def test_at_the_end_all_are_let_go_and_nobody_is_let_in(watcher: Watcher) -> None:
    async with listening(watcher) as listener:
        watcher.close()
        assert await listener.take(1) == []
        assert isinstance(listener.ended, Unavailable)
        with pytest.raises(Unavailable, match="starts anew"):
            async with listening(watcher):
                pass


def fact(position: int, subject: str, dataset: str = "debts") -> Happening:
    return Happening(
        name="published", subject=subject, dataset=dataset, seen_at=position, position=position, data=b"{}"
    )


async def test_of_what_is_not_read_the_newest_of_each_subject_is_kept_in_the_order_of_the_log() -> None:
    listener = Listener(somebody(), "", DEBTS)
    for position, subject in enumerate(("a", "b", "a", "c"), start=1):
        listener.offer(fact(position, subject))
    assert [(one.subject, one.position) for one in await listener.take(1)] == [("b", 2), ("a", 3), ("c", 4)]


async def test_who_leaves_too_much_unread_is_let_go_with_nothing_kept() -> None:
    listener = Listener(somebody(), "", DEBTS, most_unread=10)
    for position in range(1, 30):
        listener.offer(fact(position, f"{position}"))
    assert await listener.take(1) == []
    assert isinstance(listener.ended, Unavailable)
    assert "last id" in str(listener.ended)


async def test_a_listener_is_offered_what_is_his() -> None:
    viewer = Listener(somebody("bo", Role.VIEWER), "", frozenset({"debts", "sales"}))
    own = Happening(name="published", subject="1", dataset="debts", seen_at=1, data=b"", upload=uuid4(), actor="bo")
    others = Happening(name="published", subject="2", dataset="debts", seen_at=1, data=b"", upload=uuid4(), actor="ann")
    lag = Happening(name="lag", subject="3", dataset="sales", seen_at=1, data=b"")
    elsewhere = Happening(name="lag", subject="4", dataset="deals", seen_at=1, data=b"")
    for one in (own, others, lag, elsewhere):
        viewer.offer(one)
    assert await viewer.take(1) == [own, lag]


def test_what_was_read_before_is_not_sent_again() -> None:
    reading = Reading(Since({"debts": 2}))
    block = reading.block([fact(2, "a"), fact(3, "b"), fact(3, "b"), fact(1, "c", "sales")]).decode()
    assert [line for line in block.split("\n") if line.startswith("id")] == ["id: debts:3", "id: debts:3,sales:1"]
    reading.reach("debts", 9)
    stale = Happening(name="progress", subject="a", dataset="debts", seen_at=8, data=b"{}")
    assert reading.block([fact(9, "d"), stale]) == b""
    assert reading.block([fact(10, "e")]) == b"id: debts:10,sales:1\nevent: published\ndata: {}\n\n"


def rebuild(asked_us: int, digits: str, *, is_over: bool = False) -> Happening:
    return Happening(
        name="rebuild",
        subject=digits,
        dataset="debts",
        seen_at=0,
        data=b"{}",
        rebuild=digits,
        asked_us=asked_us,
        is_over=is_over,
    )


def test_an_id_names_the_rebuilds_that_are_under_way_and_an_outcome_is_sent_once() -> None:
    reading = Reading(Since({"debts": 1}))
    reading.block([rebuild(5, "0000000a"), rebuild(7, "0000000b")])
    assert str(reading) == "debts:1;7.0000000a.0000000b"
    assert reading.block([rebuild(5, "0000000a", is_over=True)])
    assert str(reading) == "debts:1;7.0000000b"
    assert reading.block([rebuild(5, "0000000a")]) == b""


def test_seats_are_bounded_for_all_and_for_each() -> None:
    seats = Seats(most=3, most_of_one=2)
    with seats.taken("ann"), seats.taken("ann"):
        with pytest.raises(TooMany), seats.taken("ann"):
            pass
        with seats.taken("bo"), pytest.raises(Unavailable), seats.taken("cy"):
            pass
        with seats.taken("cy"):
            pass
    with seats.taken("ann"), seats.taken("ann"):
        pass
