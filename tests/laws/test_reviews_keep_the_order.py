"""Uploads of one dataset are published in the order received; one that waits for a person makes later ones wait."""

from __future__ import annotations

import msgspec
import pytest

from tests.driven.driver import Place
from tests.driven.happenings import Approve, Correct, Send, Settle, Step, Withdraw
from tests.driven.play import Play, played
from tests.driven.tiny import TASKS

GOOD, BAD = ("1", "a", "", ""), ("2", "", "", "")
REVIEWED = Send((GOOD,), review=True, abort=False)
PLAIN = Send((GOOD, ("2", "b", "", "")), review=False, abort=False)


async def states(play: Play) -> list[str]:
    """The states of all uploads, in the order received."""
    return [report["state"] for report in (await play.driver.read.uploads()).values()]


@pytest.mark.parametrize(
    ("decision", "first"), [(Approve(1), "published"), (Withdraw(1), "withdrawn")], ids=["approved", "withdrawn"]
)
async def test_a_review_that_waits_makes_later_uploads_wait(place: Place, decision: Step, first: str) -> None:
    async with played(place, TASKS) as play:
        await play.steps([REVIEWED, PLAIN])
        assert await states(play) == ["review", "loaded"]
        assert await play.driver.read.chains() == {}

        await play.steps([decision])
        assert await states(play) == [first, "published"]


async def test_an_upload_that_was_approved_while_it_was_loading_is_not_asked_about_again(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.driver.send(REVIEWED.rows, review=True)
        await play.advance(1, None, decide=False)
        await play.steps([Approve(0)])

        assert await states(play) == ["published"]


async def test_a_file_with_errors_that_was_to_be_whole_fails_and_lets_others_pass(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps([Send((GOOD, BAD), review=True, abort=True), PLAIN])

        assert await states(play) == ["failed", "published"]
        assert {version.upload for chain in play.model.chains.values() for version in chain} == {2}


async def test_a_preview_shows_old_and_new_values_and_touches_nothing(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps([PLAIN, Settle(9), Correct("1", {"title": "c"}, "any"), Settle(9)])
        before = await play.driver.read.chains()
        await play.steps([REVIEWED])
        await play.compare_previews()

        assert await play.driver.read.chains() == before
        (_, report) = (await play.driver.read.uploads()).values()
        (changed,) = msgspec.json.decode(report["preview"])["samples"]["changed"]
        assert (changed["old"]["title"], changed["new"]["title"]) == ("c", "a")
