"""A file read as a whole gives what its rows give one by one."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from command_api.archives.orders import labels_of
from projector.parsing import File, Parsed, parse
from shared.datasets.catalogue import load_catalogue
from shared.tabular.dialect import settle_dialect
from shared.tabular.header import match_header
from shared.tabular.records import Chunk
from tests.files import DEBT_LABELS, debt, table

CELLS = {
    "name": ["Ann", " Ann\u00a0", "", "x" * 201, 'a "b"', "a,b", "a\nb", "İ"],
    "governmentId": ["1", "007", "", "9" * 33],
    "email": ["a@b.c", "a@b", "", "a b@c.d"],
    "debtAmount": ["1", "-1", "1.5", "1.555", "1.500", "1e3", "NaN", "-0", "", "9" * 18, "9" * 19, "٣"],
    "debtDueDate": ["2024-02-29", "2023-02-29", "0000-01-01", "2024-1-5", "", "soon"],
    "debtId": ["ea23f2ca-663a-4266-a742-9da4c9f4fcb3", "EA23F2CA-663A-4266-A742-9DA4C9F4FCB3", "8291", ""],
}
ROWS = st.fixed_dictionaries({label: st.sampled_from(values) for label, values in CELLS.items()})


def read(rows: list[dict[str, str]], first_row: int, first_line: int) -> Parsed:
    """Rows of debts, parsed as one chunk."""
    dataset = load_catalogue()["debts"]
    content = table(DEBT_LABELS, [debt(**row) for row in rows]).encode()
    dialect = settle_dialect(content, labels_of(dataset))
    text = content.split(b"\n", 1)[1]
    file = File(dataset, dialect, match_header(DEBT_LABELS, labels_of(dataset)))
    return parse(Chunk(0, 0, len(text), first_row, first_line, len(rows)), text, file)


@settings(deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=8))
def test_one_chunk_or_many_give_the_same(rows: list[dict[str, str]]) -> None:
    whole = read(rows, 2, 2)
    line, singles = 2, []
    for number, row in enumerate(rows):
        singles.append(read([row], 2 + number, line))
        line += 1 + sum(value.count("\n") for value in row.values())

    assert whole.good.equals(pl.concat(one.good for one in singles))
    assert whole.rejects.sort("row").equals(pl.concat(one.rejects for one in singles).sort("row"))
    assert set(whole.errors.rows()) == set(pl.concat(one.errors for one in singles).rows())
    assert whole.good.height + whole.rejects.height + whole.blank == len(rows)
