"""The ids of events, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from query_api.event_ids import Since, read_since
from shared.errors import BadParameter

NAMES = some.from_regex("[a-z_][a-z0-9_]{0,20}", fullmatch=True)
NUMBERS = some.integers(1, 10**17)
REBUILDS = some.lists(some.from_regex("[0-9a-f]{8}", fullmatch=True), max_size=5, unique=True)


@given(some.dictionaries(NAMES, NUMBERS, min_size=1, max_size=8), NUMBERS, REBUILDS)
def test_an_id_says_how_far_its_reader_has_come(positions: dict[str, int], asked_us: int, rebuilds: list[str]) -> None:
    since = Since(positions, asked_us, rebuilds)
    assert read_since(str(since)) == since


def test_an_id_is_short() -> None:
    assert str(Since({"debts": 57, "sales": 0, "deals": 3})) == "debts:57,deals:3"
    assert str(Since({}, 12, ["00ff00ff"])) == ";12.00ff00ff"
    assert read_since("debts:57") == Since({"debts": 57})


@pytest.mark.parametrize(
    "text", ["", "57", "debts", "debts:", "debts:-1", "debts:1,", ";", "debts:٣", "debts:1;x", "a:1" * 2000]
)
def test_another_id_is_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="no id of an event"):
        read_since(text)
