"""Applying anything twice changes nothing: messages, loads, decisions. Nor does it matter how the log is cut."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from projector.generations import make_generation
from shared.errors import Fenced
from shared.event_log import Load
from tests.driven.driver import Driver, Place
from tests.driven.happenings import Step, looking, steps
from tests.driven.play import played
from tests.driven.read_back import everything
from tests.driven.tiny import CREWS, TASKS


async def said_by(driver: Driver) -> dict[str, list[str]]:
    """All that stands in the read tables of a driven dataset."""
    return await everything(driver.place.engine, driver.dataset, driver.generation)


async def rejects_of_published(driver: Driver) -> list[tuple[object, object]]:
    """Rows of uploads that were published once; of others there is only what was loaded before they were cancelled."""
    published = [one["number"] for one in (await driver.read.uploads()).values() if one["published_position"]]
    outcomes, errors = await driver.read.rejects()
    return [(outcomes.get(number), errors.get(number)) for number in published]


@looking(3)
@given(happens=steps(TASKS), size=st.integers(1, 9))
async def test_messages_that_come_again_change_nothing(place: Place, happens: list[Step], size: int) -> None:
    async with played(place, TASKS) as play:
        await play.steps(happens)
        log = await place.store.read(play.driver.dataset.name, 0, 1000)
        before = await said_by(play.driver)

        again = [log[begin : begin + size] for begin in range(0, len(log), size)]
        await play.driver.deliver(*again, log)

        assert await said_by(play.driver) == before


@looking(3)
@given(happens=steps(TASKS), back=st.integers(1, 5))
async def test_an_owner_who_slept_changes_nothing(place: Place, happens: list[Step], back: int) -> None:
    async with played(place, TASKS) as play:
        await play.steps(happens)
        last = play.driver.position
        slept = play.driver.own(epoch=0)
        slept.position = max(last - back, 0)
        events = await place.store.read(play.driver.dataset.name, slept.position, back)
        before = await said_by(play.driver)

        if events:
            with pytest.raises((Fenced, DBAPIError)):
                await play.driver.deliver(events, lane=slept)

        assert await said_by(play.driver) == before


@looking(3)
@given(happens=steps(CREWS))
async def test_loads_and_decisions_that_come_again_change_nothing(place: Place, happens: list[Step]) -> None:
    async with played(place, CREWS) as play:
        await play.steps(happens)
        before = await said_by(play.driver)

        for upload in play.model.uploads.values():
            for chunk in upload.received.chunks or [None]:
                number = chunk.number if chunk else 0
                load = Load(play.driver.dataset.name, play.driver.generation, upload.number, number)
                await place.loader.handle(load)
        await play.driver.decide()

        assert await said_by(play.driver) == before
        assert await play.driver.events(1) == []


@looking(3)
@given(happens=steps(TASKS), seed=st.integers(0, 9))
async def test_another_generation_says_the_same(place: Place, happens: list[Step], seed: int) -> None:
    """Folded one event at a time, its chunks in another order: what was said depends on the log alone."""
    async with played(place, TASKS) as play:
        await play.steps(happens)
        first = play.driver
        async with place.engine.begin() as connection:
            await make_generation(connection, first.dataset, 2)
            await connection.execute(
                text("""
                    INSERT INTO read.checkpoints (dataset, generation, position, epoch, folded_at)
                    VALUES (:dataset, 2, 0, 0, clock_timestamp())
                """),
                {"dataset": first.dataset.name},
            )
        second = Driver(place, first.dataset, 2)
        try:
            chance = random.Random(seed)
            while await second.fold(1):
                while await second.load(chance.randrange(100)):
                    pass

            assert await second.read.chains() == await first.read.chains()
            assert await second.read.outcomes() == await first.read.outcomes()
            assert await rejects_of_published(second) == await rejects_of_published(first)
        finally:
            await second.drop()
