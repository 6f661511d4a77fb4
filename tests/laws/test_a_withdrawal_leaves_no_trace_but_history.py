"""A withdrawn upload is as if it had never been sent; only the history remembers it."""

from __future__ import annotations

import random
from uuid import uuid4

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from projector.sweeping import sweep
from shared.events import UploadWithdrawn
from shared.read_tables import segment_name
from tests.driven.driver import Place
from tests.driven.happenings import Correct, Remove, Send, Settle, Step, Withdraw, looking, steps
from tests.driven.play import Play, played
from tests.driven.tiny import CREWS, TASKS

OLD, NEW, OTHER = (("1", title, "", "") for title in ("old", "new", "etc"))


def titles(play: Play) -> dict[str, object]:
    """The titles of all records that can be seen."""
    return {key: live.values["title"] for key in play.model.chains if (live := play.model.live(key))}


def sent(*rows: tuple[str, ...]) -> tuple[Step, Step]:
    """A file, and the time to publish it."""
    return Send(rows, review=False, abort=False), Settle(9)


async def test_what_was_there_before_comes_back(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps([*sent(OLD), *sent(NEW, ("2", "x", "", "")), Withdraw(0)])

        assert titles(play) == {"1": "old"}
        (first, second, again) = (await play.driver.read.chains())["1"]
        assert first.end
        assert second.end
        assert (first.end.kind, second.end.kind, again.end) == ("superseded", "withdrawn", None)
        assert (again.upload, again.row, again.values) == (first.upload, first.row, first.values)


async def test_what_a_later_file_overwrote_stays_overwritten(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps([*sent(OLD), *sent(NEW), *sent(OTHER), Withdraw(1)])
        assert titles(play) == {"1": "etc"}
        await play.steps([Withdraw(0)])
        assert titles(play) == {"1": "old"}
        await play.steps([Withdraw(2)])
        assert titles(play) == {}


async def test_what_a_person_did_stays(place: Place) -> None:
    async with played(place, TASKS) as play:
        rows = (OLD, ("2", "x", "", ""), ("3", "x", "", ""))
        await play.steps([*sent(*rows), Correct("1", {"title": "own"}, "any"), Remove("2", "any"), Withdraw(0)])

        assert titles(play) == {"1": "own"}
        (withdrawn,) = play.model.uploads.values()
        assert withdrawn.withdrawal == {"cancelled": False, "reversed": 1, "restored": 0, "kept": {"1": "person"}}


async def test_a_withdrawn_file_may_be_sent_again(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps(sent(OLD))
        (first,) = play.model.uploads.values()
        copies = [msgspec.structs.replace(first.received, upload_id=uuid4()) for _ in range(3)]

        assert not (await play.driver.append(copies[0], claim="file:same")).again
        assert (await play.driver.append(copies[1], claim="file:same")).again
        await play.driver.append(UploadWithdrawn(upload_id=copies[0].upload_id))
        assert not (await play.driver.append(copies[2], claim="file:same")).again


async def withdraw_all(play: Play, seed: int) -> None:
    """Withdraw every upload that can be withdrawn, in any order, some at the same time."""
    chance = random.Random(seed)
    uploads = list(play.model.uploads)
    for upload_id in chance.sample(uploads, len(uploads)):
        await play.driver.append(UploadWithdrawn(upload_id=upload_id), actor="bob")
        if chance.random() < 0.5:
            await play.settle(9)
    await play.settle(9)


@looking(4)
@given(happens=steps(TASKS), seed=st.integers(0, 99))
async def test_when_all_is_withdrawn_only_what_people_made_is_left(
    place: Place, happens: list[Step], seed: int
) -> None:
    async with played(place, TASKS) as play:
        await play.steps(happens)
        before = await play.driver.read.chains()
        await withdraw_all(play, seed)
        after = await play.driver.read.chains()

        live = [version for chain in after.values() for version in chain if version.end is None]
        assert all(version.change in ("added", "corrected") for version in live)
        versions = [(key, version.position) for key, chain in after.items() for version in chain]
        assert {(key, version.position) for key, chain in before.items() for version in chain} <= set(versions)
        assert {upload.state for upload in play.model.uploads.values()} <= {"withdrawn", "failed"}


@looking(5)
@given(happens=steps(CREWS, people=False), seed=st.integers(0, 99))
async def test_when_all_is_withdrawn_and_nobody_changed_anything_nothing_is_left(
    place: Place, happens: list[Step], seed: int
) -> None:
    async with played(place, CREWS) as play:
        await play.steps(happens)
        await withdraw_all(play, seed)

        chains = await play.driver.read.chains()
        assert all(version.end for chain in chains.values() for version in chain)
        await sweep(place.engine, play.driver.dataset, play.driver.generation)
        await play.driver.tidy()
        kept = {segment_name(number) for number in await play.driver.read.segments()}
        assert await play.driver.read.tables() == {"records", "history", "rejects", "row_errors"} | kept


@looking(5)
@given(happens=steps(TASKS, people=False))
async def test_what_is_left_is_what_the_other_files_say(place: Place, happens: list[Step]) -> None:
    """As if what was withdrawn had never been sent."""
    async with played(place, TASKS) as play:
        await play.steps(happens)

        said: dict[str, tuple[object, ...]] = {}
        for upload in play.model.uploads.values():
            if upload.state == "published":
                said |= {key: (values, upload.number, row) for row, (key, values) in upload.file.records.items()}
        chains = await play.driver.read.chains()
        live = {key: chain[-1] for key, chain in chains.items() if chain[-1].end is None}
        assert {key: (one.values, one.upload, one.row) for key, one in live.items()} == said
