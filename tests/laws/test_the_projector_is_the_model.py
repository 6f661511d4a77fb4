"""Whatever happens to uploads and records, in whatever order: the read tables say what the plain model says.

`TABLEFOLD_EXAMPLES=1000` looks longer. A failure prints the steps and a blob with which hypothesis repeats them.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings

from tests.driven.driver import Place
from tests.driven.happenings import Step, steps
from tests.driven.play import played
from tests.driven.tiny import CREWS, NOTES, TASKS

EXAMPLES = int(os.environ.get("TABLEFOLD_EXAMPLES", "40"))


def looking(examples: int) -> settings:
    """So many examples, each as long as it takes."""
    return settings(
        max_examples=max(examples, 1),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@looking(EXAMPLES)
@given(happens=steps(TASKS))
async def test_records_that_rows_bring(place: Place, happens: list[Step]) -> None:
    async with played(place, TASKS) as play:
        await play.steps(happens)


@looking(EXAMPLES // 2)
@given(happens=steps(CREWS))
async def test_records_with_members(place: Place, happens: list[Step]) -> None:
    async with played(place, CREWS) as play:
        await play.steps(happens)


@looking(EXAMPLES // 8)
@given(happens=steps(NOTES))
async def test_records_without_a_key(place: Place, happens: list[Step]) -> None:
    async with played(place, NOTES) as play:
        await play.steps(happens)
