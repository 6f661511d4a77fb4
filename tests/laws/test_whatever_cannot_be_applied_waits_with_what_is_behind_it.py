"""An event that cannot be applied waits with all that is behind it; all else goes on, and a replay says the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given

from projector import parking
from projector.folding import FOLDS
from projector.lanes import TAKE_OVER
from projector.parking import Parking, read_facts
from shared.datasets.declaration import Dataset
from shared.errors import Fenced, LaneStopped
from shared.event_log import Delivered
from shared.event_store import Proposal
from shared.events import EventParked, ParkedDiscarded, RecordCorrected, RecordedEvent
from tests.driven.cursed import (
    Curse,
    Cursed,
    CursedPlay,
    CursedStep,
    Discard,
    Mend,
    Retry,
    cursed_folds,
    cursed_steps,
)
from tests.driven.driver import Over, Place, Told
from tests.driven.happenings import Add, Correct, CorrectMany, Remove, Send, Settle, looking
from tests.driven.read_back import ReadBack
from tests.driven.rebuilt import ask, builder_of, made, opened, rebuild, run
from tests.driven.tiny import CREWS, TASKS


@pytest.fixture(scope="module")
def cursed() -> Iterator[Cursed]:
    with cursed_folds() as found:
        yield found


@asynccontextmanager
async def playing(place: Place, cursed: Cursed, dataset: Dataset = TASKS) -> AsyncIterator[CursedPlay]:
    """A dataset of its own."""
    driver = await place.begin(dataset)
    try:
        yield CursedPlay(driver, cursed)
    finally:
        await driver.drop()


@looking(7)
@given(happens=cursed_steps(TASKS))
async def test_whatever_happens_it_is_as_the_model_says(
    place: Place, cursed: Cursed, happens: list[CursedStep]
) -> None:
    async with playing(place, cursed) as play:
        await play.all(happens)
        await rebuilds_to_the_same(play)


@looking(4)
@given(happens=cursed_steps(CREWS))
async def test_of_records_with_members(place: Place, cursed: Cursed, happens: list[CursedStep]) -> None:
    async with playing(place, cursed, CREWS) as play:
        await play.all(happens)
        await rebuilds_to_the_same(play)


FILE = Send((("1", "a", "", ""), ("2", "b", "", "")), review=False, abort=False)
CURSED = Curse(Correct("1", {"title": "x"}, "any"))


async def test_what_is_behind_it_follows_in_its_order_and_all_else_does_not_wait(place: Place, cursed: Cursed) -> None:
    behind: list[CursedStep] = [
        Correct("1", {"title": "y"}, "any"),
        CorrectMany(("1", "2"), {"state": "DONE"}),
        Remove("1", "any"),
    ]
    async with playing(place, cursed) as play:
        await play.all([FILE, Settle(9), CURSED, *behind, Settle(9)])
        assert titles(play) == {"1": ("a", "OPEN"), "2": ("b", "DONE")}
        assert [row.state for row in play.model.waiting.rows.values()] == ["parked", "behind", "behind", "behind"]
        await rebuilds_to_the_same(play)

        await play.all([Mend(), Retry(0), Settle(9)])
        assert titles(play) == {"2": ("b", "DONE")}
        versions = [(version.values["title"], version.end and version.end.kind) for version in play.model.chains["1"]]
        assert versions == [("a", "corrected"), ("x", "corrected"), ("y", "corrected"), ("y", "removed")]
        assert {row.state for row in play.model.waiting.rows.values()} == {"retried"}
        await rebuilds_to_the_same(play)


async def test_a_replay_skips_it_although_it_could_be_applied_by_now(place: Place, cursed: Cursed) -> None:
    async with playing(place, cursed) as play:
        await play.all([FILE, Settle(9), CURSED, Settle(9), Mend(), Correct("1", {"title": "y"}, "any"), Settle(9)])
        await rebuilds_to_the_same(play)
        assert titles(play) == {"1": ("a", "OPEN"), "2": ("b", "OPEN")}


async def test_as_of_a_moment_before_it_was_parked_it_was_not_applied_either(place: Place, cursed: Cursed) -> None:
    async with playing(place, cursed) as play:
        await play.all([FILE, Settle(9), CURSED, Correct("2", {"title": "z"}, "any"), Settle(9), Mend(), Retry(0)])
        (position,) = play.model.waiting.rows
        await ask(play.driver, "as-of", name="then", until=position)
        build = await opened(play.driver)
        await run(play.driver, await builder_of(play.driver, build))
        assert (await made(play.driver, build))["state"] == "ready"
        then = ReadBack(place.engine, play.driver.dataset, build.generation)
        assert [(row[0], row[2], row[5]) for row in await then.parked()] == [(position, "parked", None)]
        assert {key: chain[-1].values["title"] for key, chain in (await then.chains()).items()} == {"1": "a", "2": "b"}


async def test_a_publication_that_cannot_be_applied_fails_its_upload_and_keeps_none_waiting(
    place: Place, cursed: Cursed
) -> None:
    async with playing(place, cursed) as play:
        await play.all([FILE, Settle(9)])
        first = await play.driver.send([("3", "c", "", "")])
        second = await play.driver.send([("4", "d", "", "")])
        cursed.uploads.add(first)
        await play.all([Settle(9)])
        assert [play.model.uploads[one].state for one in (first, second)] == ["failed", "published"]
        await play.all([Mend(), Retry(0), Settle(9)])
        assert titles(play).keys() == {"1", "2", "4"}, "that order is over: the file is to be sent again"
        await play.all([Discard(0), Settle(9)])
        await rebuilds_to_the_same(play)


async def test_an_owner_who_overslept_parks_nothing(place: Place, cursed: Cursed) -> None:
    async with playing(place, cursed) as play:
        await play.all([FILE, Settle(9)])
        await play.cursed_step(CURSED)
        of = {"dataset": play.driver.dataset.name, "generation": play.driver.generation}
        async with place.engine.begin() as connection:
            await connection.execute(TAKE_OVER, {**of, "epoch": 7})
        with pytest.raises(Fenced):
            await play.driver.fold(9)
        assert await facts(play) == []
        play.driver.lane = play.driver.own(7)
        await play.all([Settle(9)])
        assert len(await facts(play)) == 1


async def test_who_owns_the_lane_next_follows_what_was_said_before_a_crash(place: Place, cursed: Cursed) -> None:
    async with playing(place, cursed) as play:
        await play.all([FILE, Settle(9)])
        await play.cursed_step(CURSED)
        (event,) = await play.driver.events(9)
        before = Parking(place.engine, place.wakeups, play.driver.dataset.name, play.driver.generation, 0)
        await before.park(event, ValueError("123-45-6789"))
        await play.all([Mend(), Settle(9)])
        assert [row.reason for row in play.model.waiting.rows.values()] == ["ValueError"]
        assert titles(play)["1"] == ("a", "OPEN")


class Importing(Told):
    """Brings one message, and then what was appended to the log meanwhile, in one transaction."""

    def __init__(self, play: CursedPlay, first: Sequence[RecordedEvent]) -> None:
        super().__init__([first])
        self._play = play
        self._after = first[-1].position
        self._was_imported = False

    async def next(self, timeout_s: float) -> Delivered | None:
        try:
            return await super().next(timeout_s)
        except Over:
            if self._was_imported:
                raise
        self._was_imported = True
        fact = EventParked(parked_position=self._after + 1, keys=("record 1",), reason="It was so elsewhere.")
        said = (RecordCorrected(key="1", changes={"title": "x"}), fact)
        proposals = [Proposal(event=event, actor="ann") for event in said]
        await self._play.driver.place.store.append_all(self._play.driver.dataset.name, proposals)
        events = await self._play.driver.place.store.read(self._play.driver.dataset.name, self._after, 9)
        return Delivered(1, events)


async def test_a_lane_that_runs_follows_what_an_imported_log_says(place: Place, cursed: Cursed) -> None:
    async with playing(place, cursed) as play:
        await play.all([FILE, Settle(9)])
        await play.step(Correct("2", {"title": "z"}, "any"))
        first = await play.driver.events(9)
        with pytest.raises(Over):
            await play.driver.lane._fold_all(Importing(play, first), play.driver.waiting)  # noqa: SLF001  # without its broker
        assert [(row[2], row[3]) for row in await play.driver.read.parked()] == [("parked", "It was so elsewhere.")]
        live = {key: chain[-1].values["title"] for key, chain in (await play.driver.read.chains()).items()}
        assert live == {"1": "a", "2": "z"}


PASSING = [ConnectionResetError(), OSError(28, "No space left on device"), MemoryError(), TimeoutError()]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: type(fault).__name__)
async def test_what_passes_by_itself_is_never_parked(
    place: Place, cursed: Cursed, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    async def fails(*_: object) -> None:
        raise fault

    async with playing(place, cursed) as play:
        await play.all([FILE, Settle(9)])
        await play.step(Correct("1", {"title": "y"}, "any"))
        with monkeypatch.context() as patch:
            patch.setitem(FOLDS, RecordCorrected, fails)
            for _ in range(5):
                with pytest.raises(type(fault)):
                    await play.driver.fold(9)
        await play.all([Settle(9)])
        assert await facts(play) == []
        assert titles(play)["1"] == ("y", "OPEN")


async def test_a_burst_stops_the_lane_until_a_person_decides(
    place: Place, cursed: Cursed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "BURST", 3)
    async with playing(place, cursed) as play:
        await play.all([FILE, Settle(9)])
        for key in ("7", "8", "9", "10"):
            await play.cursed_step(Curse(Add(key, {"title": "a", "effort": None, "state": "OPEN"})))
        for _ in range(2):
            with pytest.raises(LaneStopped, match="3 of the last 1000 events could not be applied"):
                await play.driver.fold(9)
        assert len(await facts(play)) == 3
        await play.step(Correct("1", {"title": "y"}, "any"))
        await play.driver.append(ParkedDiscarded(parked_position=play.driver.position + 1, reason="x"), actor="pat")
        await play.all([Settle(9)])
        assert len(await facts(play)) == 4
        assert titles(play)["1"] == ("y", "OPEN")
        await rebuilds_to_the_same(play)


def titles(play: CursedPlay) -> dict[str, tuple[Any, Any]]:
    """Titles and states of the records that can be seen."""
    live = {key: play.model.live(key) for key in sorted(play.model.chains)}
    return {key: (one.values["title"], one.values["state"]) for key, one in live.items() if one}


async def facts(play: CursedPlay) -> list[int]:
    """The positions of which the log says that they are parked."""
    return list(await read_facts(play.driver.place.engine, play.driver.dataset.name, 0))


async def rebuilds_to_the_same(play: CursedPlay) -> None:
    """Whether it is mended by now or not, a replay skips what was skipped, and applies what was, where it was."""
    row = await rebuild(play.driver)
    assert (row["state"], row["failure"]) == ("live", None), row["compared"]
    assert row["compared"]["equal"], row["compared"]
    await play.compare()
