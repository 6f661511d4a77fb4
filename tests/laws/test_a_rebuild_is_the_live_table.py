"""A rebuild is the live table: folded from the first event, it says what was said before, and life goes on with it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from projector import editing, rebuilding
from projector.comparing import Compared
from projector.dropping import drop_useless
from projector.flipping import Cancelled
from projector.generations import declaration_of
from projector.opening import Build, building
from projector.rebuilding import Builder
from shared.datasets.declaration import Dataset
from shared.errors import Fenced
from shared.events import RecordedEvent
from tests.driven.driver import Place
from tests.driven.happenings import Correct, Remove, Send, Settle, Step, Withdraw, looking, steps
from tests.driven.play import Play
from tests.driven.ranked import RANKED_CREWS, RANKED_SHIFTS, RANKED_TASKS, REPLACED_NOTES, RankedPlay
from tests.driven.read_back import ReadBack
from tests.driven.rebuilt import ask, builder_of, follow, made, opened, rebuild, run
from tests.driven.replacing import Replacing
from tests.driven.tiny import rules_of

FILE = Send((("1", "a", "1", ""), ("2", "b", "2.5", "DONE"), ("3", "c", "", "")), review=False, abort=False)
LATER = Send((("2", "c", "1", ""), ("3", "c", "", "DONE"), ("?", "c", "", "")), review=False, abort=False)
LIFE: list[Step] = [FILE, Settle(9), Correct("1", {"title": "b"}, "any"), LATER, Settle(9), Withdraw(1), Settle(9)]


@asynccontextmanager
async def playing(place: Place, dataset: Dataset = RANKED_TASKS) -> AsyncIterator[Play]:
    """A dataset of its own, of which rankings are compared as well."""
    driver = await place.begin(dataset)
    play = RankedPlay(driver)
    if dataset.replaces:
        play.model = Replacing(rules_of(driver.dataset), driver.files)
    try:
        yield play
    finally:
        await driver.drop()


@looking(3)
@given(happens=steps(RANKED_TASKS), then=steps(RANKED_TASKS), cut=st.integers(2, 40))
async def test_it_is_made_while_files_are_loaded_and_people_go_on(
    place: Place, happens: list[Step], then: list[Step], cut: int
) -> None:
    async with playing(place) as play:
        for step in happens[:cut]:
            await play.step(step)
        row = await rebuild(play.driver)
        assert row["state"] == "live", row["failure"] or row["compared"]
        await play.steps([*happens[cut:], *then[:10]])
        assert (await rebuild(play.driver))["state"] == "live"
        await play.compare()


@pytest.mark.parametrize("dataset", [RANKED_CREWS, RANKED_SHIFTS, REPLACED_NOTES], ids=lambda one: one.name)
@looking(2)
@given(data=st.data())
async def test_of_members_of_partitions_and_of_files_that_replace_each_other(
    place: Place, dataset: Dataset, data: st.DataObject
) -> None:
    async with playing(place, dataset) as play:
        await play.steps(data.draw(steps(dataset)))
        row = await rebuild(play.driver)
        assert row["state"] == "live", row["failure"] or row["compared"]
        await play.compare()


@pytest.mark.parametrize("dataset", [RANKED_TASKS, RANKED_CREWS, RANKED_SHIFTS], ids=lambda one: one.name)
@looking(3)
@given(data=st.data(), asked_about=st.sampled_from([0, 0, 4]))
async def test_of_what_nobody_asks_about_any_more_too(
    place: Place, dataset: Dataset, data: st.DataObject, asked_about: int
) -> None:
    """Records are then changed without a look at them; the digests of both generations are compared."""
    async with playing(place, dataset) as play:
        await play.steps(data.draw(steps(dataset)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rebuilding, "KEPT", asked_about)
            row = await rebuild(play.driver)
        assert row["state"] == "live", row["failure"] or row["compared"]


async def test_edits_that_nobody_asks_about_change_what_they_should_and_nothing_else(place: Place) -> None:
    life = [*LIFE, Correct("1", {"title": "x"}, "old"), Correct("2", {"title": "y"}, "seen"), Remove("3", "any")]
    life += [Correct("9", {"title": "x"}, "any"), Remove("1", "old"), Correct("1", {"state": "DONE"}, "any"), Settle(9)]
    async with playing(place) as play:
        await play.steps(life)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rebuilding, "KEPT", 0)
            patch.setattr(editing, "read_current", None)  # Nothing is looked at.
            row = await rebuild(play.driver)
        assert row["state"] == "live", row["failure"] or row["compared"]


class Crash(Exception):
    """The process is gone."""


@contextmanager
def dying(builder: Builder, runs: int) -> Iterator[None]:
    """A process that is gone after so many transactions."""
    fold_run, left = builder._fold_run, itertools.count(runs, -1)  # noqa: SLF001  # where a crash may come

    async def fold_or_die(*run: Any) -> None:
        if next(left) <= 0:
            raise Crash
        await fold_run(*run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "_fold_run", fold_or_die)
        yield


@pytest.mark.parametrize("runs", range(3))
async def test_a_builder_that_dies_is_followed_by_another_and_does_no_harm_when_it_wakes(
    place: Place, runs: int
) -> None:
    async with playing(place) as play:
        await play.steps(LIFE)
        await ask(play.driver)
        build = await opened(play.driver)
        first = await builder_of(play.driver, build)
        with dying(first, runs), pytest.raises(Crash):
            await run(play.driver, first, most=5)
        second = await builder_of(play.driver, build)
        with pytest.raises(Fenced):
            await run(play.driver, first, most=5)
        await run(play.driver, second, most=5)

        assert (await made(play.driver, build))["state"] == "live"
        await follow(play.driver, build.generation)
        await play.compare()


@pytest.mark.parametrize("step", ["compare", "flip"])
async def test_a_crash_between_the_last_steps_is_none(place: Place, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    async def crash(*_: object) -> None:
        raise Crash

    async with playing(place) as play:
        await play.steps(LIFE)
        await ask(play.driver)
        build = await opened(play.driver)
        dying = await builder_of(play.driver, build)
        with monkeypatch.context() as patch:
            patch.setattr(rebuilding, step, crash)
            with pytest.raises(Crash):
                await run(play.driver, dying)
        await play.steps([FILE, Settle(9)])
        await run(play.driver, await builder_of(play.driver, build))

        assert (await made(play.driver, build))["state"] == "live"
        await follow(play.driver, build.generation)
        await play.compare()


async def test_an_owner_who_sleeps_through_the_flip_folds_nothing_more(place: Place) -> None:
    async with playing(place) as play:
        await play.steps(LIFE)
        slept, before = play.driver.lane, play.driver.read
        await rebuild(play.driver)
        await play.step(Correct("1", {"title": "c"}, "any"))
        events: Sequence[RecordedEvent] = await play.driver.events(9)
        was = await before.chains()
        with pytest.raises(Fenced):
            await play.driver.deliver(events, lane=slept)

        assert await before.chains() == was
        await play.settle(9)


async def test_one_that_is_cancelled_leaves_no_trace_and_can_be_asked_for_again(place: Place) -> None:
    async with playing(place) as play:
        await play.steps(LIFE)
        rebuild_id = await ask(play.driver)
        build = await opened(play.driver)
        builder = await builder_of(play.driver, build)
        async with place.engine.begin() as connection:
            cancel = text("UPDATE store.rebuilds SET cancelled_at = clock_timestamp() WHERE id = :id")
            await connection.execute(cancel, {"id": rebuild_id})
        with pytest.raises(Cancelled):  # It is at its last step when it finds out.
            await run(play.driver, builder)
        assert await building(place.engine, place.catalogue) == []
        await drop_useless(place.engine, 3600)

        row = await made(play.driver, build)
        assert (row["state"], row["dropped_at"] is None) == ("cancelled", False)
        gone = ReadBack(place.engine, play.driver.dataset, build.generation)
        assert (await gone.tables(), await gone.uploads()) == (set(), {})
        await play.compare()
        assert (await rebuild(play.driver))["generation"] == build.generation + 1
        await play.compare()


async def test_what_it_replaced_can_be_served_again_with_all_that_happened_since(place: Place) -> None:
    async with playing(place) as play:
        await play.steps(LIFE)
        first = await rebuild(play.driver)
        await play.steps([Correct("2", {"title": "a"}, "any"), FILE, Settle(9)])
        await ask(play.driver, "restore", restores=first["rebuild_id"])
        build = await opened(play.driver)
        assert build.generation == first["replaced"] == 1
        await run(play.driver, await builder_of(play.driver, build))
        await follow(play.driver, 1)
        await play.steps([Correct("3", {"title": "a"}, "any"), LATER, Settle(9)])

        async with place.engine.connect() as connection:
            states = text("SELECT generation, state FROM read.generations WHERE dataset = :dataset ORDER BY 1")
            found = (await connection.execute(states, {"dataset": build.dataset})).all()
        assert found == [(1, "live"), (2, "retired")]


async def test_one_that_was_replaced_is_dropped_in_the_end(place: Place) -> None:
    async with playing(place) as play:
        await play.steps(LIFE)
        row = await rebuild(play.driver)
        old = ReadBack(place.engine, play.driver.dataset, row["replaced"])
        await drop_useless(place.engine, 3600)
        assert await old.tables()
        async with place.engine.begin() as connection:
            age = text("UPDATE read.generations SET retired_at = retired_at - interval '2 hours' WHERE dataset = :d")
            await connection.execute(age, {"d": play.driver.dataset.name})
        await drop_useless(place.engine, 3600)

        assert await old.tables() == set()
        await play.compare()


async def verified(play: Play) -> tuple[str, Compared]:
    """What a verification finds."""
    await ask(play.driver, "verify")
    build: Build = await opened(play.driver)
    await run(play.driver, await builder_of(play.driver, build))
    row = await made(play.driver, build)
    await drop_useless(play.driver.place.engine, 3600)
    assert await ReadBack(play.driver.place.engine, play.driver.dataset, build.generation).tables() == set()
    return row["state"], msgspec.convert(row["compared"], Compared)


async def test_a_verification_names_exactly_the_key_that_is_not_as_the_log_says(place: Place) -> None:
    async with playing(place) as play:
        await play.steps(LIFE)
        state, compared = await verified(play)
        assert (state, compared.equal) == ("verified", True)
        assert sum(table.before.rows for table in compared.tables) > 10

        async with place.engine.begin() as connection:
            schema = f"{play.driver.dataset.name}_1"
            await connection.execute(text(f"UPDATE {schema}.segment_0 SET title = 'x' WHERE number = 1"))
            await connection.execute(text(f"UPDATE {schema}.ranking_titles SET effort = effort + 1 WHERE name = 'c'"))
        state, compared = await verified(play)

        assert (state, compared.equal) == ("differs", False)
        wrong = {table.name: table for table in compared.tables if not table.equal}
        assert set(wrong) == {"records", "ranking_titles"}
        assert [(one.key, one.kind) for one in wrong["records"].samples] == [("1", "changed")]
        (sample,) = wrong["records"].samples
        assert (sample.before["title"], sample.after["title"]) == ("x", "b")
        assert [one.key for one in wrong["ranking_titles"].samples] == ["c"]


async def test_an_as_of_generation_says_what_was_known_then(place: Place) -> None:
    async with playing(place) as play:
        await play.steps(LIFE[:2])
        then, known = play.driver.position, await play.driver.read.chains()
        await play.steps(LIFE[2:])
        await ask(play.driver, "as-of", name="then", until=then)
        build = await opened(play.driver)
        await run(play.driver, await builder_of(play.driver, build), most=50)

        row = await made(play.driver, build)
        assert (row["state"], row["name"]) == ("ready", "then")
        assert await ReadBack(place.engine, play.driver.dataset, build.generation).chains() == known
        await play.compare()


def redeclared(**changes: Any) -> Dataset:
    """Tasks with other rules for some fields."""
    fields = tuple(
        msgspec.structs.replace(field, **changes[field.name]) if field.name in changes else field
        for field in RANKED_TASKS.fields
    )
    return msgspec.structs.replace(RANKED_TASKS, fields=fields)


async def test_another_declaration_is_folded_when_told_and_a_report_says_what_came_out_differently(
    place: Place,
) -> None:
    async with playing(place) as play:
        long = Send((("4", "long", "", ""), ("5", "a", "7", "")), review=False, abort=False)
        await play.steps([*LIFE, long, Correct("2", {"state": "DONE"}, "any"), Settle(9)])
        name = play.driver.dataset.name
        newer = msgspec.structs.replace(
            redeclared(title={"max_length": 4}, effort={"maximum": 5}, state={"choices": ("OPEN", "FAILED")}), name=name
        )
        async with place.engine.connect() as connection:
            assert (await declaration_of(connection, newer, 1)).fingerprint == play.driver.dataset.fingerprint
        before = await play.driver.read.chains()
        place.catalogue[name] = newer
        row = await rebuild(play.driver, newer)

        assert row["state"] == "live", row["failure"]
        assert row["fingerprint"] == newer.fingerprint
        compared = msgspec.convert(row["compared"], Compared)
        assert (compared.declaration_changed, compared.equal) == (True, False)
        tables = {table.name: table for table in compared.tables}
        said = {one.key: one.kind for one in tables["records"].samples}
        assert said == {"4": "new", "5": "gone", "3": "gone", "2": "changed"}
        assert tables["rejects"].samples
        assert all("cells" not in (one.before or one.after) for one in tables["rejects"].samples)
        chains = await play.driver.read.chains()
        assert [one.values["title"] for one in chains["4"]] == ["long"]
        assert set(before) - set(chains) == {"5"}
        refused = [one for one in (await play.driver.read.outcomes()).values() if one.code == "rejected"]
        assert [one.key for one in refused] == ["2"]


async def test_a_file_that_lacks_what_is_mandatory_by_now_has_no_good_row(place: Place) -> None:
    async with playing(place) as play:
        await play.steps(LIFE)
        name = play.driver.dataset.name
        owner = msgspec.structs.replace(RANKED_TASKS.field("title"), name="owner", parameter="owner")
        newer = msgspec.structs.replace(RANKED_TASKS, fields=(*RANKED_TASKS.fields, owner), name=name)
        place.catalogue[name] = newer
        row = await rebuild(play.driver, newer)

        assert row["state"] == "live", row["failure"]
        assert await play.driver.read.chains() == {}
        outcomes, errors = await play.driver.read.rejects()
        assert all(said == "rejected" for rows in outcomes.values() for said in rows.values())
        assert ("owner", "required") in errors[1][2]
