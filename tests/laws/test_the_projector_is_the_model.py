"""Whatever happens to uploads and records, in whatever order: the read tables say what the plain model says.

`TABLEFOLD_TIMES=20` looks longer. A failure prints the steps, and a blob with which hypothesis repeats them.
"""

from __future__ import annotations

import pytest
from hypothesis import given

from shared.events import UploadApproved, UploadFailed, UploadPublished, UploadWithdrawn
from tests.driven.driver import Place
from tests.driven.happenings import Correct, Fix, Remove, Send, Settle, Step, Withdraw, looking, steps
from tests.driven.play import Play, played
from tests.driven.tiny import CREWS, NOTES, TASKS

GOOD = ("1", "a", "", "")


@looking(14)
@given(happens=steps(TASKS))
async def test_one_row_makes_one_record(place: Place, happens: list[Step]) -> None:
    async with played(place, TASKS) as play:
        await play.steps(happens)


@looking(9)
@given(happens=steps(CREWS))
async def test_many_rows_make_one_record(place: Place, happens: list[Step]) -> None:
    async with played(place, CREWS) as play:
        await play.steps(happens)


@looking(4)
@given(happens=steps(NOTES))
async def test_records_without_a_key(place: Place, happens: list[Step]) -> None:
    async with played(place, NOTES) as play:
        await play.steps(happens)


async def test_fixes_of_two_files_that_come_together_are_made_in_their_order(place: Place) -> None:
    bad = Send((("?", "a", "", ""), ("?", "b", "", "")), review=False, abort=False)
    fixes = [Fix(upload, row, {"task no": key}) for upload, row, key in ((0, 0, "1"), (1, 0, "2"), (0, 1, "2"))]
    async with played(place, TASKS) as play:
        await play.steps([bad, bad, Settle(9), *fixes, Settle(9)])


async def test_a_key_is_found_in_a_rejected_row_however_it_is_written(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps([file(("03", "", "", "")), Settle(9), Correct("3", {"title": "a"}, "any"), Settle(9)])

        assert alive(play) == {"3": (1, "fixed")}


async def test_of_two_rejected_rows_with_one_key_the_newest_is_repaired(place: Place) -> None:
    bad = file(("1", "", "", ""), ("1", "", "1", ""))
    async with played(place, TASKS) as play:
        await play.steps([bad, Settle(9), bad, Settle(9), Correct("1", {"title": "a"}, "any"), Settle(9)])

        assert alive(play) == {"1": (2, "fixed")}
        assert [play.model.chains["1"][0].row] == [3]


async def test_what_a_person_had_removed_does_not_come_back(place: Place) -> None:
    async with played(place, TASKS) as play:
        await play.steps([file(GOOD), Settle(9), Remove("1", "any"), file(GOOD), Settle(9), Withdraw(0), Settle(9)])

        assert alive(play) == {}


@pytest.mark.parametrize("abort", [False, True], ids=["publication", "failure"])
async def test_a_withdrawal_before_it_in_the_log_beats_a_decision(place: Place, abort: bool) -> None:
    async with played(place, TASKS) as play:
        await play.steps([file(GOOD), Settle(9)])
        upload_id = await play.driver.send([GOOD, ("", "", "", "1")], abort=abort)
        await play.advance(1, 0, decide=False)
        while await play.advance(0, 0, decide=False):
            pass
        await play.driver.append(UploadWithdrawn(upload_id=upload_id))
        await play.driver.decide()
        assert [type(event.data) for event in await play.driver.events(9)] == [
            UploadWithdrawn,
            UploadFailed if abort else UploadPublished,
        ]
        await play.settle(9)

        assert alive(play) == {"1": (1, "uploaded")}
        assert play.model.uploads[upload_id].state == "withdrawn"


async def test_an_approval_counts_by_its_place_in_the_log_not_by_what_is_under_way(place: Place) -> None:
    async with played(place, TASKS) as play:
        upload_id = await play.driver.send([("1", "", "", "")], review=True, abort=True)
        await play.advance(1, 0, decide=False)
        await play.driver.append(UploadApproved(upload_id=upload_id))
        await play.driver.decide()
        await play.settle(9)

        assert play.model.outcomes[2].code == "applied"
        assert play.model.uploads[upload_id].state == "failed"


def file(*rows: tuple[str, ...]) -> Send:
    """A file that nobody reviews."""
    return Send(rows, review=False, abort=False)


def alive(play: Play) -> dict[str, tuple[int | None, str]]:
    """Which upload each record comes from, and how."""
    return {key: (live.upload, live.change) for key in play.model.chains if (live := play.model.live(key))}
