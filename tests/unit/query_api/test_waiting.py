"""Headers that ask a read to wait."""

from __future__ import annotations

import pytest

from shared.errors import BadParameter
from shared.http.positions import Position, read_position, read_positions
from shared.http.preferences import wait_s


@pytest.mark.parametrize(
    ("prefer", "patience_s"),
    [
        ("", 2),
        ("wait=5", 5),
        ("wait=0", 0),
        ("WAIT = 7", 7),
        ('wait="3"', 3),
        ("respond-async, wait=4", 4),
        ("wait=4;x=y, respond-async", 4),
        ("wait=600", 10),
        ("wait=-1", 2),
        ("wait=abc", 2),
        ("await=5", 2),
    ],
)
def test_patience_is_what_prefer_asks_for_up_to_ten_seconds(prefer: str, patience_s: int) -> None:
    assert wait_s(prefer) == patience_s


def test_a_position_is_read_as_it_is_written() -> None:
    assert read_position(str(Position("debts", 57))) == Position("debts", 57)


def test_several_positions_stand_with_commas_between() -> None:
    both = [Position("debts", 57), Position("sales", 3)]
    assert read_positions("debts:57, sales:3") == both
    with pytest.raises(BadParameter, match="no position"):
        read_positions("debts:57,")


@pytest.mark.parametrize("text", ["", "57", "debts", "debts:", ":57", "debts:-1", "debts:5 7", "debts:" + "9" * 19])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="no position"):
        read_position(text)
