"""Whatever happens to uploads and records: each ranking is what one would add up from the records.

`TABLEFOLD_TIMES=20` looks longer. A failure prints the steps and a blob with which hypothesis repeats them.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.sweeping import sweep
from shared.datasets.catalogue import shipped
from shared.datasets.declaration import Dataset
from shared.datasets.rankings import faults_of_rankings
from tests.driven.driver import Place
from tests.driven.happenings import Send, Settle, Step, Withdraw, looking, steps
from tests.driven.ranked import RANKED_CREWS, RANKED_SHIFTS, RANKED_TASKS, REPLACED_NOTES, RankedPlay
from tests.driven.replacing import Replacing
from tests.driven.tiny import rules_of


async def play(place: Place, dataset: Dataset, happens: list[Step]) -> None:
    """Let all this happen to a dataset of its own."""
    driver = await place.begin(dataset)
    try:
        play = RankedPlay(driver)
        if dataset.replaces:
            play.model = Replacing(rules_of(driver.dataset), driver.files)
        await play.steps(happens)
        await sweep(place.engine, driver.dataset, driver.generation)
        loaded = {upload.number for upload in play.model.uploads.values() if upload.state == "waiting"}
        assert {int(name.split("_")[1]) for name in await play.partials()} <= loaded
    finally:
        await driver.drop()


@looking(4)
@given(happens=steps(RANKED_TASKS))
async def test_of_records_that_rows_bring(place: Place, happens: list[Step]) -> None:
    await play(place, RANKED_TASKS, happens)


@looking(4)
@given(happens=steps(RANKED_CREWS))
async def test_of_records_with_members(place: Place, happens: list[Step]) -> None:
    await play(place, RANKED_CREWS, happens)


@looking(4)
@given(happens=steps(RANKED_SHIFTS))
async def test_of_records_that_lie_in_partitions(place: Place, happens: list[Step]) -> None:
    await play(place, RANKED_SHIFTS, happens)


NOTE = st.sampled_from(("a", "b", "long"))
FILE = st.builds(Send, st.lists(st.tuples(NOTE), max_size=6).map(tuple), st.just(False), st.just(False))
REPLACEMENTS = st.lists(
    st.one_of(FILE, st.builds(Withdraw, st.integers(0, 4)), st.builds(Settle, st.integers(1, 9))), max_size=14
)


@looking(4)
@given(happens=steps(REPLACED_NOTES) | REPLACEMENTS)
async def test_of_files_that_replace_each_other(place: Place, happens: list[Step]) -> None:
    await play(place, REPLACED_NOTES, happens)


@pytest.mark.parametrize("dataset", [RANKED_TASKS, RANKED_CREWS, REPLACED_NOTES, *shipped().values()])
def test_they_are_declared_well(dataset: Dataset) -> None:
    assert list(faults_of_rankings(dataset.rankings, {field.name: field for field in dataset.fields})) == []
