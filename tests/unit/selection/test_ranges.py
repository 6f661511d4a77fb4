"""Which ranges end before they begin."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from shared.datasets.fields import Field, Kind
from shared.errors import BadParameter
from shared.selection.parameters import Parameter, read_query
from shared.selection.ranges import check_range, is_after
from shared.selection.values import Value

DAY, NEXT = date(2024, 2, 29), date(2024, 3, 1)
NOON, NIGHT = datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2024, 2, 29, 23, tzinfo=UTC)
FIELD = Field(name="day", kind=Kind.DATE, required=True, low="from", high="to")
KNOWN = {name: Parameter(name=name, kind=Kind.DATE, description="") for name in ("from", "to")}


@pytest.mark.parametrize(
    ("low", "high", "after"),
    [
        (1, 1, False),
        (2, 1, True),
        (Decimal("1.01"), Decimal("1.00"), True),
        (DAY, DAY, False),
        (NEXT, DAY, True),
        (NIGHT, NOON, True),
        (NIGHT, DAY, False),
        (DAY, NOON, False),
        (NEXT, NIGHT, True),
        (datetime(2024, 3, 1, tzinfo=UTC), DAY, True),
    ],
)
def test_a_day_counts_whole(low: Value, high: Value, after: bool) -> None:
    assert is_after(low, high) is after


@pytest.mark.parametrize("text", ["", "from=2024-03-01", "to=2024-02-29", "from=2024-02-29&to=2024-02-29"])
def test_one_end_or_two_in_order_are_a_range(text: str) -> None:
    check_range(read_query("/days", text.encode(), KNOWN), FIELD)


def test_what_ends_before_it_begins_is_told_by_both_names() -> None:
    with pytest.raises(BadParameter, match="from: it is beyond to"):
        check_range(read_query("/days", b"to=2024-02-29&from=2024-03-01", KNOWN), FIELD)
