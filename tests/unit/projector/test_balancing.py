"""Lanes are shared evenly, and letting go and taking come to an end, however many projectors and lanes there are."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.balancing import is_surplus, may_take, share_of

NAMES = "abcdefgh"


@pytest.mark.parametrize(("projectors", "lanes"), [(1, 7), (2, 7), (3, 7), (7, 7), (8, 7), (8, 1), (2, 0)])
def test_shares_add_up_to_all_lanes_and_differ_by_one_at_most(projectors: int, lanes: int) -> None:
    names = NAMES[:projectors]
    shares = [share_of(name, names, lanes) for name in names]
    assert sum(shares) == lanes
    assert max(shares) - min(shares) <= 1


def test_who_has_enough_takes_none_while_another_has_too_few() -> None:
    assert not may_take("a", {"a": ["1"], "b": []}, 2)
    assert may_take("b", {"a": ["1"], "b": []}, 2)


def test_nobody_lets_go_of_a_lane_that_nobody_else_is_to_have() -> None:
    assert not is_surplus("a", "2", {"a": ["1", "2"]}, 2)
    assert not is_surplus("b", "2", {"a": ["1"], "b": ["2", "3"], "c": ["4"]}, 4)
    assert is_surplus("a", "2", {"a": ["1", "2"], "b": []}, 2)
    assert not is_surplus("a", "1", {"a": ["1", "2"], "b": []}, 2)


@given(owners=st.lists(st.sampled_from(NAMES[:5]) | st.none(), max_size=12), projectors=st.integers(1, 8))
def test_from_wherever_it_begins_each_comes_to_its_share(owners: list[str | None], projectors: int) -> None:
    """Lanes of projectors that are gone are free; everybody acts on what all can see."""
    names = NAMES[:projectors]
    owner = {f"lane:{at}": name if name and name in names else None for at, name in enumerate(owners)}
    for _ in range(2 * len(owner) + 2):
        for name in names:
            for lane, holder in owner.items():
                if holder == name and is_surplus(name, lane, owned(names, owner), len(owner)):
                    owner[lane] = None
            for lane, holder in owner.items():
                if holder is None and may_take(name, owned(names, owner), len(owner)):
                    owner[lane] = name
    held = owned(names, owner)
    assert {name: len(held[name]) for name in names} == {name: share_of(name, names, len(owner)) for name in names}


def owned(names: str, owner: Mapping[str, str | None]) -> dict[str, list[str]]:
    """The lanes of each."""
    return {name: [lane for lane, holder in owner.items() if holder == name] for name in names}
