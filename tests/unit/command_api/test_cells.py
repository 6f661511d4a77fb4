"""The text of a workbook's cells."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_api.archives.cells import Value, cell_text, number_text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (5, "5"),
        (1234.0, "1234"),
        (-431.33, "-431.33"),
        (0.1 + 0.2, "0.3"),
        (1998.9999999999998, "1999"),
        (1e-5, "0.00001"),
        (1.5e-7, "0.00000015"),
        (123456789012345.0, "123456789012345"),
        (9007199254740991.0, "9007199254740991"),
        (1234567890123456.8, "1234567890123456.8"),
        (1e20, "100000000000000000000"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_a_number_has_plain_digits(number: float, text: str) -> None:
    assert number_text(number) == text


@given(st.decimals(-(10**9), 10**9, places=4))
def test_a_decimal_of_15_digits_comes_out_as_it_is(value: Decimal) -> None:
    assert Decimal(number_text(float(value))) == value


@given(st.integers(-(10**15), 10**15))
def test_an_integer_comes_out_as_it_is(value: int) -> None:
    assert number_text(float(value)) == str(value)


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (date(2024, 2, 9), None, "2024-02-09"),
        (date(2024, 2, 9), "%m/%d/%Y", "02/09/2024"),
        (date(2024, 2, 9), "%Y-%m-%d %H:%M:%S", "2024-02-09 00:00:00"),
        (datetime.fromisoformat("2024-02-09"), "%Y-%m-%d", "2024-02-09"),
        (datetime.fromisoformat("2024-02-09 13:05"), "%m/%d/%Y", "2024-02-09T13:05:00"),
        (datetime.fromisoformat("2024-02-09 13:05"), "%Y-%m-%d %H:%M:%S", "2024-02-09 13:05:00"),
        (datetime.fromisoformat("2024-02-09 13:05:01.500000"), "%Y-%m-%d %H:%M:%S%.f", "2024-02-09 13:05:01.500000"),
        (datetime.fromisoformat("2024-02-09 13:05"), None, "2024-02-09T13:05:00"),
        (time(10, 10, 10), None, "10:10:10"),
        (timedelta(days=10, seconds=54_610), None, "255:10:10"),
        (True, None, "TRUE"),
        (False, "%Y", "FALSE"),
        ("two\r\nlines\rand one", None, "two\nlines\nand one"),
    ],
)
def test_a_value_is_written_as_its_column_writes_it(value: Value, form: str | None, text: str) -> None:
    assert cell_text(value, form) == text
