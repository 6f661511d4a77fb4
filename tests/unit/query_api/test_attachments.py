"""File names in headers, and rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.attachments import attachment, begun
from query_api.rejected_rows import fitted, written


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("debts.csv", "attachment; filename=\"debts.csv\"; filename*=UTF-8''debts.csv"),
        ("Schulden März.csv", "attachment; filename=\"Schulden M_rz.csv\"; filename*=UTF-8''Schulden%20M%C3%A4rz.csv"),
        ("../../etc/passwd", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd"),
        ("C:\\files\\a.csv", "attachment; filename=\"a.csv\"; filename*=UTF-8''a.csv"),
        ('a"; b=.csv', "attachment; filename=\"a__ b_.csv\"; filename*=UTF-8''a%22%3B%20b%3D.csv"),
        ("", "attachment; filename=\"file\"; filename*=UTF-8''file"),
    ],
)
def test_a_file_name_is_quoted(name: str, disposition: str) -> None:
    assert attachment(name)["Content-Disposition"] == disposition


@given(st.text())
def test_no_file_name_breaks_the_header(name: str) -> None:
    disposition = attachment(name)["Content-Disposition"]
    assert disposition.isascii()
    assert disposition.isprintable()
    assert disposition.count('"') == 2
    assert "/" not in unquote(disposition, errors="ignore")


@given(st.lists(st.text()), st.integers(0, 6))
def test_fitted_rows_keep_every_cell_and_align_ours(cells: list[str], width: int) -> None:
    row = fitted(cells, width, (7, 9, "why"))
    assert row[width : width + 3] == [7, 9, "why"]
    assert [*row[:width], *row[width + 3 :]][: len(cells)] == cells
    assert len(row) == max(len(cells), width) + 3


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2), min_size=1))
def test_written_rows_are_read_again(rows: list[list[str]]) -> None:
    text = written(rows).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == rows


async def test_what_goes_wrong_before_the_first_block_is_raised_at_once() -> None:
    async def blocks(names: list[str]) -> AsyncIterator[bytes]:
        yield names[0].encode()

    with pytest.raises(IndexError):
        await begun(blocks([]))


async def test_begun_blocks_are_the_same_blocks() -> None:
    async def blocks() -> AsyncIterator[bytes]:
        for block in (b"a", b"", b"b"):
            yield block

    assert [block async for block in await begun(blocks())] == [b"a", b"", b"b"]
