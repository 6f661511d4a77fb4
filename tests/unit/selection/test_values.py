"""Texts of query parameters and the values that they say."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets.fields import Kind
from shared.selection.values import EXPECTED, Value, read_choice, read_value, write_value

GOOD: list[tuple[Kind, str, Value]] = [
    (Kind.TEXT, " a b ", " a b "),
    (Kind.TEXT, "", ""),
    (Kind.INTEGER, "-12", -12),
    (Kind.INTEGER, " 12", 12),
    (Kind.INTEGER, "9" * 18, 10**18 - 1),
    (Kind.DECIMAL, "100", Decimal(100)),
    (Kind.DECIMAL, "-.5", Decimal("-0.5")),
    (Kind.DECIMAL, "100.250", Decimal("100.250")),
    (Kind.DATE, "2024-02-29", date(2024, 2, 29)),
    (Kind.DATE, "9999-12-31", date.max),
    (Kind.TIMESTAMP, "2024-02-29", date(2024, 2, 29)),
    (Kind.TIMESTAMP, "2024-02-29T10:00:00", datetime(2024, 2, 29, 10, tzinfo=UTC)),
    (Kind.TIMESTAMP, "2024-02-29T10:00:00.5Z", datetime(2024, 2, 29, 10, 0, 0, 500000, tzinfo=UTC)),
    (Kind.TIMESTAMP, "2024-02-29T10:00:00+02:00", datetime(2024, 2, 29, 8, tzinfo=UTC)),
    (Kind.TIMESTAMP, "2024-02-29T10:00:00 02:00", datetime(2024, 2, 29, 8, tzinfo=UTC)),
    (Kind.UUID, "6F1A3C52-0d5c-4c0e-9a55-0b9a3c1f7a10", UUID("6f1a3c52-0d5c-4c0e-9a55-0b9a3c1f7a10")),
    (Kind.UUID, "6f1a3c520d5c4c0e9a550b9a3c1f7a10", UUID("6f1a3c52-0d5c-4c0e-9a55-0b9a3c1f7a10")),
]

BAD = [
    (Kind.TEXT, "a\0b"),
    *((Kind.INTEGER, text) for text in ("", "1.0", "1e3", "1_000", "９", "9" * 19, "abc", "0x1", "--1", "1 2")),
    *((Kind.DECIMAL, text) for text in ("", ".", "1e3", "NaN", "Infinity", "1,5", "1_0", "9" * 19, "٣")),
    *((Kind.DATE, text) for text in ("", "2023-02-29", "20240101", "2024-1-1", "0000-01-01", "2024-W01-1", "now")),
    *((Kind.TIMESTAMP, text) for text in ("", "2024-02-29T", "10:00", "2024-02-29T25:00", "2024-02-29T10:00:00+99:00")),
    (Kind.TIMESTAMP, "0001-01-01T00:00:00+14:00"),
    *((Kind.UUID, text) for text in ("", "1", "{6f1a3c52-0d5c-4c0e-9a55-0b9a3c1f7a10}", "６" * 32, "g" * 32)),
]


@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_a_text_says_a_value_of_its_kind(kind: Kind, text: str, value: Value) -> None:
    found = read_value(kind, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_a_text_of_another_kind_is_refused_with_what_was_expected(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError, match="^" + EXPECTED[kind].split(",", maxsplit=1)[0]):
        read_value(kind, text)


@given(kind=st.sampled_from(list(Kind)), text=st.text())
def test_any_text_is_read_or_refused(kind: Kind, text: str) -> None:
    with contextlib.suppress(ValueError):
        read_value(kind, text)


VALUES: dict[Kind, st.SearchStrategy[Value]] = {
    Kind.TEXT: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    Kind.INTEGER: st.integers(-(10**18) + 1, 10**18 - 1),
    Kind.DECIMAL: st.decimals(-(10**17), 10**17, places=9),
    Kind.DATE: st.dates(),
    Kind.TIMESTAMP: st.datetimes(timezones=st.just(UTC)),
    Kind.UUID: st.uuids(),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_that_is_written_is_read_again(kind: Kind) -> None:
    @given(VALUES[kind])
    def holds(value: Value) -> None:
        assert read_value(kind, write_value(value)) == value

    holds()


@pytest.mark.parametrize("text", ["paid", "PAID", " Paid "])
def test_a_choice_is_read_in_any_case(text: str) -> None:
    assert read_choice(text, ("OPEN", "PAID")) == "PAID"


@pytest.mark.parametrize("text", ["", "pai", "paid\0", "ｐaid"])
def test_what_is_no_choice_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(ValueError, match="one of OPEN, PAID"):
        read_choice(text, ("OPEN", "PAID"))
