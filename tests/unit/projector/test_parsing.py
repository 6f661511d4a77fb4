"""What a chunk leaves for the tables of rejected rows."""

from __future__ import annotations

from uuid import uuid4

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.datasets.catalogue import load_catalogue
from tests.files import DEBT_LABELS, debt, debts
from tests.unit.datasets.files import read

CONTROLS = list(map(chr, range(1, 32)))
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9) | st.sampled_from(
    ["a", "", '"', "\\", '","', "\\u0000", "\x7f", "\u2028", "\u2060#N/A", *CONTROLS]
)
WIDTH = len(DEBT_LABELS)


@settings(deadline=None)
@given(st.lists(st.lists(CELLS, min_size=2, max_size=WIDTH + 2), min_size=1, max_size=8))
@example([["\\", *CONTROLS]])
@example([['"', "\\", *CONTROLS[:4]]])
@example([["a", '5" pipe'], ["b"], ["c", "\\"]])
def test_the_cells_of_a_rejected_row_are_json_of_what_the_file_says(rows: list[list[str]]) -> None:
    rejects = read(load_catalogue()["debts"], debts(*rows)).rejects
    for row, cells in rejects.select("row", "cells").iter_rows():
        written = rows[row - 2]
        expected = written[:WIDTH] if len(written) == WIDTH + 1 and not written[-1] else written
        assert cells == msgspec.json.encode(expected).decode()


def test_a_ragged_row_keeps_its_key_where_it_has_the_cell() -> None:
    key = str(uuid4())
    rows = [[*debt(key.upper()), "surplus"], debt(key)[:-1], [*debt("8291"), "surplus"], debt(key, debtAmount="-1")]
    rejects = read(load_catalogue()["debts"], debts(*rows)).rejects.sort("row")
    assert rejects["key"].to_list() == [key, None, None, key]


def test_a_ragged_row_has_one_error_about_the_row_as_a_whole() -> None:
    errors = read(load_catalogue()["debts"], debts(debt()[:4], debt(debtAmount="-1"), [*debt(), "a", "b"])).errors
    assert errors.filter(code="missing-cell").rows() == [
        (2, 2, None, None, "missing-cell", "", "The row has 4 cells instead of 6. Add the missing ones.")
    ]
    assert errors.filter(code="extra-cell").select("row", "line", "value", "message").rows() == [
        (4, 4, "a,b", "The row has 8 cells instead of 6. Quote cells that hold the delimiter.")
    ]
    assert errors.height == 3
