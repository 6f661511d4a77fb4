"""How events about records are put together: as many at once as there may be, each key's in their order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from projector.editing import keys_of, waves
from shared.events import Fact, RecordCorrected, RecordedEvent, RecordsCorrected, RowCorrected

UPLOAD = UUID(int=1)
KEYS = st.sampled_from("abc")
FACTS = st.one_of(
    st.builds(lambda key: RecordCorrected(key=key, changes={}), KEYS),
    st.builds(lambda keys: RecordsCorrected(keys=tuple(sorted(keys)), changes={}, selected_at=0), st.sets(KEYS)),
    st.builds(lambda row: RowCorrected(upload_id=UPLOAD, row=row, cells={}), st.integers(1, 3)),
)


def events_of(facts: Iterable[Fact]) -> list[RecordedEvent]:
    """Consecutive events."""
    said = {"actor": "ann", "correlation_id": uuid4(), "recorded_at": datetime.now(UTC), "dataset": "debts"}
    return [
        RecordedEvent(position=at, event_id=uuid4(), data=fact, version=1, **said)  # type: ignore[arg-type]  # as they are
        for at, fact in enumerate(facts, 1)
    ]


@given(st.lists(FACTS, max_size=12))
def test_each_key_keeps_its_order_and_no_wave_has_a_key_twice(facts: list[Fact]) -> None:
    events = events_of(facts)
    found = list(waves(events))

    assert sorted(one.position for wave in found for one in wave) == [one.position for one in events]
    for wave in found:
        keys = [key for one in wave for key in keys_of(one)]
        assert len(keys) == len(set(keys))
    for key in {key for one in events for key in keys_of(one)}:
        about = [one.position for wave in found for one in wave if key in keys_of(one)]
        assert about == sorted(about)


@given(st.lists(FACTS, max_size=12))
def test_corrected_rows_stay_where_they_stand(facts: list[Fact]) -> None:
    at = {one.position: number for number, wave in enumerate(waves(events_of(facts))) for one in wave}
    kinds = [isinstance(fact, RowCorrected) for fact in facts]

    for first, second in zip(range(1, len(facts)), range(2, len(facts) + 1), strict=True):
        if kinds[first - 1] or kinds[second - 1]:
            assert at[first] <= at[second]


def test_as_many_events_as_there_are_keys_are_one_wave() -> None:
    events = events_of(RecordCorrected(key=str(at % 50), changes={}) for at in range(100))

    assert [len(wave) for wave in waves(events)] == [50, 50]
