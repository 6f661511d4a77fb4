"""Merging segments changes where records stand, and nothing else, whoever dies at whichever step."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.compacting import Compactor
from projector.merging import Interfered, Merge
from query_api.live_records import live_records
from shared.datasets.declaration import Dataset
from shared.read_tables import segment_name
from shared.served import read_served
from tests.driven.driver import Driver, Place
from tests.driven.happenings import Correct, Send, Settle, Step, Withdraw
from tests.driven.play import Play, played
from tests.driven.ranked import RANKED_SHIFTS, RANKED_TASKS, RankedPlay
from tests.driven.tiny import NOTES, TASKS, kind_of

STEPS = ("begin", "copy", "index", "catch_up", "swap")
OVER = 3
"""So many rows make a segment of its own."""


def sent(*keys: str, title: str = "a") -> list[Step]:
    """A file with these keys and rows that are bad, so that it has a segment of its own."""
    rows = [(key, title, "1", "") for key in keys] + [("?", "", "", "")] * (OVER - len(keys))
    return [Send(tuple(rows), review=False, abort=False), Settle(9)]


FOUR = [step for at in range(4) for step in sent(str(at), title="abc"[at % 3])]
"""Four segments, each with a record."""


async def all_steps(driver: Driver, sources: Sequence[int]) -> None:
    assert await driver.compactor.merge(sources)
    await driver.tidy()


async def check_tables(play: Play) -> None:
    """There is a table for each segment in the books, and no other."""
    kept = {segment_name(number) for number in await play.driver.read.segments()}
    assert {one for one in await play.driver.read.tables() if re.fullmatch(r"(segment|merged)_\d+", one)} == kept


async def test_records_of_merged_segments_are_what_they_were_and_their_tables_are_gone(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps(FOUR)
        await all_steps(play.driver, (1, 2, 4))
        await play.compare()

        assert await play.driver.read.segments() == {0, 3, -1}
        await check_tables(play)
        await all_steps(play.driver, (-1, 3))
        await play.compare()
        assert await play.driver.read.segments() == {0, -2}
        await check_tables(play)


@pytest.mark.parametrize(
    "dataset", [TASKS, RANKED_TASKS, RANKED_SHIFTS, NOTES], ids=["tasks", "ranked tasks", "ranked shifts", "notes"]
)
async def test_a_merged_upload_is_withdrawn_exactly_and_what_it_had_replaced_comes_back(
    place: Place, dataset: Dataset
) -> None:
    cells = {"tasks": ("a", "1", "DONE"), "shifts": ("2015-01-01", "1"), "notes": ()}[kind_of(dataset)]

    def file(*keys: str) -> list[Step]:
        return [Send(tuple((key, *cells) for key in keys), review=False, abort=False), Settle(9)]

    async with ranked(place, dataset) as play:
        await play.steps([*file("1", "2", "3"), *file("3", "4", "5"), *file("5", "6", "7")])
        live = sorted(await play.driver.read.segments() - {0})
        await all_steps(play.driver, live)
        await play.steps([Withdraw(1), Settle(9)])
        await play.steps([Withdraw(0), Settle(9), Withdraw(2), Settle(9)])
        await check_tables(play)


@pytest.mark.parametrize("done", range(len(STEPS) + 1))
async def test_whoever_dies_between_two_steps_leaves_nothing_that_the_next_owner_does_not_drop(
    place: Place, done: int
) -> None:
    async with played(place, TASKS) as play:
        await play.steps(FOUR)
        merge = await so_far(play.driver.compactor, done)
        dead, play.driver.lane = play.driver.compactor, play.driver.own(epoch=1)
        await take_over(play.driver)
        await play.steps([Correct("2", {"title": "b"}, "any"), Withdraw(0), Settle(9)])
        while await play.driver.compactor.look():
            pass
        await play.compare()
        await check_tables(play)
        assert len(await play.driver.compactor.sizes()) <= place.compaction.most
        if merge and done < len(STEPS):  # It wakes up: whatever it does now is refused, or is nothing.
            for step in STEPS[done:]:
                with pytest.raises(Exception, match=r"newer owner|was given up|does not exist|are live"):
                    await getattr(dead, step)(merge)
        await dead.abandon()
        await play.compare()
        await check_tables(play)


@pytest.mark.parametrize("step", ["copy", "index", "catch_up"])
@pytest.mark.parametrize(
    "happens", [Correct("2", {"title": "c"}, "any"), Withdraw(1)], ids=["correction", "withdrawal"]
)
async def test_what_happens_while_a_merge_is_under_way_is_carried_over_or_ends_the_merge(
    place: Place, step: str, happens: Step
) -> None:
    async with played(place, TASKS) as play:
        await play.steps([*sent("1", "2", "3"), *sent("4", "5", "6"), *sent("7")])
        compactor = play.driver.compactor
        merge = await compactor.begin((1, 2))
        await do(compactor, merge, STEPS[1 : STEPS.index(step) + 1])
        await play.steps([happens, Settle(9)])
        rest = STEPS[STEPS.index(step) + 1 :]
        if isinstance(happens, Withdraw):
            with pytest.raises(Interfered, match="are live"):
                await do(compactor, merge, rest)
        else:
            await do(compactor, merge, rest)
        await play.driver.tidy()
        await play.compare()
        await check_tables(play)


async def test_an_upload_that_was_previewed_before_a_merge_replaces_what_was_merged(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps([*sent("1", "2", "3"), *sent("4", "5", "6")])
        await play.step(Send((("2", "b", "", ""), ("5", "b", "", ""), ("7", "b", "", "")), review=False, abort=False))
        await play.advance(1, 0, decide=False)
        while await play.advance(0, 0, decide=False):
            pass
        await all_steps(play.driver, (1, 2))
        await play.settle(9)

        assert await play.driver.read.segments() == {0, 3, -1}
        (report,) = [one for one in (await play.driver.read.uploads()).values() if one["number"] == 3]
        assert report["records_superseded"] == 2


async def test_a_reader_who_began_before_sees_the_same_and_only_the_dropping_waits_for_it(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps(FOUR)
        driver = play.driver
        async with place.engine.connect() as reader:
            await reader.execution_options(isolation_level="REPEATABLE READ")
            async with reader.begin():
                before = await read(reader, driver)
                assert await driver.compactor.merge((1, 2, 3, 4))
                began = time.monotonic()
                await driver.compactor.drop()
                assert time.monotonic() - began < 5
                assert await read(reader, driver) == before
                assert len(before) == 4
        async with place.engine.connect() as reader:
            assert await read(reader, driver) == before
        await driver.compactor.drop()
        await check_tables(play)


async def test_a_swap_that_has_to_wait_is_tried_again_and_holds_nobody_up(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps(FOUR)
        compactor = play.driver.compactor
        merge = await compactor.begin((1, 2, 3))
        await do(compactor, merge, ("copy", "index", "catch_up"))
        async with place.engine.connect() as holder, holder.begin():
            records = f'"{play.driver.dataset.name}_1".records'
            await holder.execute(text(f"LOCK TABLE {records} IN SHARE UPDATE EXCLUSIVE MODE"))
            began = time.monotonic()
            with pytest.raises(Exception, match="lock timeout"):
                await compactor.swap(merge)
            assert time.monotonic() - began < 2
            await play.compare()
        await compactor.swap(merge)
        await play.driver.tidy()
        await play.compare()
        assert await play.driver.read.segments() == {0, 4, -1}


async def test_segments_stay_few_and_a_hollow_one_gives_its_space_back(place: Place) -> None:
    async with played(place, TASKS) as play:
        for number in range(12):
            await play.steps(sent(str(number)))
            while await play.driver.compactor.look():
                pass
            assert len(await play.driver.read.segments()) <= 1 + place.compaction.most
        await play.steps(Correct(str(number), {"title": "b"}, "any") for number in range(12))
        before = {one.number for one in await play.driver.compactor.sizes()}
        async with place.engine.begin() as connection:
            for number in before:
                await connection.execute(text(f'ANALYZE "{play.driver.dataset.name}_1"."{segment_name(number)}"'))
        assert await play.driver.compactor.look()
        await play.driver.tidy()
        assert not before & await play.driver.read.segments()
        await play.compare()
        await check_tables(play)


@asynccontextmanager
async def ranked(place: Place, dataset: Dataset) -> AsyncIterator[Play]:
    """A dataset of its own, its rankings held to what its records come to."""
    driver = await place.begin(dataset)
    try:
        yield RankedPlay(driver)
    finally:
        await driver.drop()


async def read(connection: AsyncConnection, driver: Driver) -> list[tuple[object, ...]]:
    """The live records as the query API reads them."""
    served = await read_served(connection, driver.dataset)
    records = live_records(driver.dataset, served)
    found = await connection.execute(sa.select(records.c.number, records.c.title, records.c.upload, records.c.row))
    return sorted(tuple(row) for row in found)


async def take_over(driver: Driver) -> None:
    """The checkpoint has the epoch of the driver's lane."""
    statement = text("UPDATE read.checkpoints SET epoch = 1 WHERE dataset = :dataset")
    async with driver.place.engine.begin() as connection:
        await connection.execute(statement, {"dataset": driver.dataset.name})


async def so_far(compactor: Compactor, done: int) -> Merge | None:
    """A merge of which so many steps are done."""
    merge = await compactor.begin((1, 2, 3)) if done else None
    if merge is not None:
        await do(compactor, merge, STEPS[1:done])
    return merge


async def do(compactor: Compactor, merge: Merge, steps: Sequence[str]) -> None:
    """Some steps of a merge."""
    for step in steps:
        await getattr(compactor, step)(merge)
