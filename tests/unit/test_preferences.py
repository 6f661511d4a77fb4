"""How long a caller says that it wants to wait."""

from __future__ import annotations

import pytest

from shared.http.preferences import responds_async, wait_s


@pytest.mark.parametrize(
    ("prefer", "patience_s"),
    [("", 2), ("wait=5", 5), ("WAIT = 0", 0), ("respond-async, wait=4", 4), ("wait=600", 10), ("await=5", 2)],
)
def test_patience_is_what_prefer_asks_for_up_to_ten_seconds(prefer: str, patience_s: int) -> None:
    assert wait_s(prefer) == patience_s


@pytest.mark.parametrize(
    ("prefer", "asks"),
    [
        ("respond-async", True),
        ("wait=4, Respond-Async", True),
        ("respond-async; x=y, wait=1", True),
        ("", False),
        ("respond-asynchronously", False),
        ("no-respond-async", False),
    ],
)
def test_who_does_not_want_to_wait_says_so(prefer: str, asks: bool) -> None:
    assert responds_async(prefer) is asks
