"""Whatever happens to uploads and records, in whatever order: the read tables say what the plain model says.

`TABLEFOLD_TIMES=20` looks longer. A failure prints the steps, and a blob with which hypothesis repeats them.
"""

from __future__ import annotations

from hypothesis import given

from tests.driven.driver import Place
from tests.driven.happenings import Fix, Send, Settle, Step, looking, steps
from tests.driven.play import played
from tests.driven.tiny import CREWS, NOTES, TASKS


@looking(40)
@given(happens=steps(TASKS))
async def test_one_row_makes_one_record(place: Place, happens: list[Step]) -> None:
    async with played(place, TASKS) as play:
        await play.steps(happens)


@looking(20)
@given(happens=steps(CREWS))
async def test_many_rows_make_one_record(place: Place, happens: list[Step]) -> None:
    async with played(place, CREWS) as play:
        await play.steps(happens)


@looking(5)
@given(happens=steps(NOTES))
async def test_records_without_a_key(place: Place, happens: list[Step]) -> None:
    async with played(place, NOTES) as play:
        await play.steps(happens)


async def test_fixes_of_two_files_that_come_together_are_made_in_their_order(place: Place) -> None:
    bad = Send((("?", "a", "", ""), ("?", "b", "", "")), review=False, abort=False)
    fixes = [Fix(upload, row, {"task no": key}) for upload, row, key in ((0, 0, "1"), (1, 0, "2"), (0, 1, "2"))]
    async with played(place, TASKS) as play:
        await play.steps([bad, bad, Settle(9), *fixes, Settle(9)])
