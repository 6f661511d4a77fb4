"""Cells that a spreadsheet would run: guarded on the way out, as they were on the way back."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_api.archives.orders import labels_of
from shared.datasets.debts import dataset
from shared.tabular.formulas import SAFE, guarded, unguarded
from shared.tabular.header import Header, match_header
from shared.validation import validate

CELLS = st.text(st.sampled_from("'=+-@\t\r\n 0159.a"), max_size=6) | st.text(max_size=6)
GOOD = ("1", "a@b.co", "1", "2024-01-01", "6f1a3c52-0d5c-4c0e-9a55-0b9a3c1f7a10")
LABELS = ("name", "governmentId", "email", "debtAmount", "debtDueDate", "debtId")


def header(*more: str) -> Header:
    return match_header([*LABELS, *more], labels_of(dataset))


@given(CELLS)
def test_a_guarded_cell_begins_no_formula_and_gives_back_what_it_was(cell: str) -> None:
    safe = guarded(cell)
    assert unguarded(safe) == cell
    assert safe[:1] not in tuple("=@\t\r")
    if safe[:1] in ("+", "-"):
        assert safe == cell
        assert safe[1:].replace(".", "", 1).isascii()
        assert safe[1:].replace(".", "", 1).isdigit()


@pytest.mark.parametrize("cell", ["-12.50", "+1", "0", "", "a=1", " =1", "'", "'a", "O'Neil"])
def test_numbers_and_harmless_texts_stay_as_they_are(cell: str) -> None:
    assert guarded(cell) == unguarded(cell) == cell


@given(st.lists(CELLS, min_size=1, max_size=5))
def test_a_column_of_a_file_that_comes_back_is_what_it_was_and_no_other_file_is_touched(cells: list[str]) -> None:
    for safe, sent in ((True, [guarded(cell) for cell in cells]), (False, cells)):
        found = header(*[SAFE] * safe)
        assert found.is_safe is safe
        rows = [
            [cell or None, "1", "a@b.co", "1", "2024-01-01", "6f1a3c52-0d5c-4c0e-9a55-0b9a3c1f7a10"] for cell in sent
        ]
        names = [f"c{index}" for index in range(len(LABELS))]
        frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").with_columns(
            row=pl.int_range(len(rows), dtype=pl.Int32), line=pl.int_range(len(rows), dtype=pl.Int32)
        )
        validated = validate(frame, found, dataset)
        kept = dict(zip(validated.good["row"], validated.good["name"], strict=True))
        plain = dict(enumerate(pl.Series(cells, dtype=pl.String).str.strip_chars()))
        assert kept == {row: plain[row] for row in kept}
        assert all(kept.get(row) == text for row, text in plain.items() if text and len(text) < 6 and row in kept)
