"""What the tokenizer makes of a chunk."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from shared.tabular.dialect import Dialect
from shared.tabular.plain import MAX_FIELD_BYTES, MAX_FIELD_LINES
from shared.tabular.rows import Tokens, tokenize_plainly
from shared.tabular.tokens import tokenize
from tests.unit.tabular.texts import (
    DIALECTS,
    assert_same,
    dialects,
    short_stretches,
    small_limits,
    texts,
    unhurried,
    widths,
)


def read(text: str | bytes, width: int, dialect: str = "lf") -> Tokens:
    chunk = text.encode() if isinstance(text, str) else text
    fast = tokenize(chunk, DIALECTS[dialect], width, 2, 2)
    assert_same(fast, tokenize_plainly(chunk, DIALECTS[dialect].syntax, width, 2, 2))
    return fast


def cells(tokens: Tokens) -> list[tuple[str | None, ...]]:
    return [row[:-2] for row in tokens.frame.rows()]


def faults(tokens: Tokens) -> list[tuple[int, int, str]]:
    return tokens.rejected.select("row", "line", "code").rows()


@settings(unhurried, max_examples=1000)
@given(texts, dialects, widths)
def test_the_fast_way_and_the_plain_way_give_the_same_result(chunk: bytes, dialect: Dialect, width: int) -> None:
    with short_stretches():
        assert_same(tokenize(chunk, dialect, width, 2, 7), tokenize_plainly(chunk, dialect.syntax, width, 2, 7))


@settings(unhurried, max_examples=300)
@given(texts, dialects, widths, st.integers(1, 6), st.integers(1, 3))
def test_both_ways_keep_the_same_limits(
    chunk: bytes, dialect: Dialect, width: int, field_bytes: int, field_lines: int
) -> None:
    with short_stretches(), small_limits(field_bytes, field_lines):
        assert_same(tokenize(chunk, dialect, width, 2, 7), tokenize_plainly(chunk, dialect.syntax, width, 2, 7))


@unhurried
@given(
    st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=width, max_size=width),
            min_size=1,
        )
    ),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["lf", "crlf"]),
)
@example([["a", "b\r", "c"]], csv.QUOTE_ALL, "lf")
def test_what_a_csv_writer_wrote_comes_back_cell_by_cell(rows: list[list[str]], quoting: int, line_end: str) -> None:
    assume(quoting == csv.QUOTE_ALL or line_end == "crlf" or not any(row[-1].endswith("\r") for row in rows))
    written = io.StringIO()
    csv.writer(written, quoting=quoting, lineterminator="\n" if line_end == "lf" else "\r\n").writerows(rows)  # type: ignore[arg-type]  # the stub wants a literal
    read_back = read(written.getvalue(), len(rows[0]), line_end)
    expected = [tuple(cell or None for cell in row) for row in rows if any(cell.strip(" \t\r\n\xa0") for cell in row)]
    assert cells(read_back) == expected
    assert read_back.rejected.is_empty()


def test_an_empty_cell_is_null_whether_quoted_or_not() -> None:
    assert cells(read('a,,""\n', 3)) == [("a", None, None)]


def test_nothing_but_quotes_is_taken_from_a_cell() -> None:
    assert cells(read(' a ,"  b "\n', 2)) == [(" a ", "  b ")]


@pytest.mark.parametrize("dialect", ["lf", "crlf"])
def test_the_carriage_return_of_a_line_end_is_in_no_cell(dialect: str) -> None:
    assert cells(read('a,b\r\nc,"d"\r\ne,f\r', 2, dialect)) == [("a", "b"), ("c", "d"), ("e", "f")]


def test_a_last_row_without_line_end_is_a_row() -> None:
    assert cells(read("a,b\nc,d", 2)) == [("a", "b"), ("c", "d")]


def test_old_mac_lines_end_at_carriage_returns_only() -> None:
    assert cells(read('a,b\rc,"d\re"\rf,g\n', 2, "cr")) == [("a", "b"), ("c", "d\re"), ("f", "g\n")]


def test_blank_records_are_counted_and_keep_their_numbers() -> None:
    tokens = read('a,b\n\n,\n  ,\t\n"",\n,,,,\n   \nc,d\n', 2)
    assert tokens.frame.rows() == [("a", "b", 2, 2), ("c", "d", 9, 9)]
    assert (tokens.blank, tokens.rejected.height) == (6, 0)


def test_one_empty_cell_too_many_at_the_end_is_forgiven() -> None:
    assert cells(read('a,b,\nc,d\ne,f,""\n', 2)) == [("a", "b"), ("c", "d"), ("e", "f")]


def test_ragged_rows_are_rejected_with_their_cells() -> None:
    tokens = read("a,b\nc\nd,e,f\ng,h,,\n", 2)
    assert faults(tokens) == [(3, 3, "missing-cell"), (4, 4, "extra-cell"), (5, 5, "extra-cell")]
    assert tokens.rejected["cells"].to_list() == [["c"], ["d", "e", "f"], ["g", "h", "", ""]]
    assert tokens.rejected["value"].to_list() == ["", "f", ","]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_ragged_row_says_how_many_cells_it_has_and_the_first_200_characters_of_the_extra_ones(quote: str) -> None:
    tokens = read(f"{quote}a{quote}\r\n{quote}b{quote},c,{'é,' * 150}\r\n", 2, "crlf")
    assert tokens.rejected["cells"].to_list() == [["a"], ["b", "c", *["é"] * 150, ""]]
    assert tokens.rejected.select("code", "value", "message").rows() == [
        ("missing-cell", "", "The row has 1 cells instead of 2. Add the missing ones."),
        ("extra-cell", "é," * 100, "The row has 153 cells instead of 2. Quote cells that hold the delimiter."),
    ]


@pytest.mark.parametrize("delimiter", ["\\", " ", "\t", "n", "{", "^", "$"])
def test_ragged_rows_may_have_any_delimiter(delimiter: str) -> None:
    dialect = Dialect("utf-8", "detected", delimiter, "lf", 0)
    chunk = b"a,b,c\na,b\na\n,,,\n\n,,a,,\n,,,,,,\n".replace(b",", delimiter.encode())
    fast = tokenize(chunk, dialect, 3, 2, 2)
    assert_same(fast, tokenize_plainly(chunk, dialect.syntax, 3, 2, 2))
    assert fast.rejected.height == 3


def test_line_numbers_count_the_newlines_in_cells_and_row_numbers_do_not() -> None:
    tokens = read('"a\nb\n",c\nd,e\n', 2)
    assert tokens.frame.rows() == [("a\nb\n", "c", 2, 2), ("d", "e", 3, 5)]


def test_a_quote_within_an_unquoted_cell_is_literal() -> None:
    assert cells(read('a,5" pipe\n6",b\n', 2)) == [("a", '5" pipe'), ('6"', "b")]


def test_an_unclosed_quote_costs_one_line() -> None:
    tokens = read('a,b\nc,"d\ne,f\ng,h\n', 2)
    assert cells(tokens) == [("a", "b"), ("e", "f"), ("g", "h")]
    assert faults(tokens) == [(3, 3, "unclosed-quote")]
    assert tokens.rejected["cells"].to_list()[0] == ["c", '"d']


def test_text_after_a_closing_quote_breaks_the_line_on_which_the_quote_opened() -> None:
    tokens = read('"a\nb" x,c\nd,e\n', 2)
    assert cells(tokens) == [('b" x', "c"), ("d", "e")]
    assert faults(tokens) == [(2, 2, "unclosed-quote")]


def test_a_broken_quote_ends_its_record_and_not_the_ones_before_it() -> None:
    tokens = read('"a\nb","c\nd,e\n', 2)
    assert cells(tokens) == [("d", "e")]
    assert faults(tokens) == [(2, 2, "unclosed-quote")]
    assert tokens.rejected["cells"].to_list()[0] == ["a\nb", '"c']


def test_a_quoted_cell_of_a_thousand_lines_is_read_and_of_one_more_is_broken() -> None:
    most = "x\n" * (MAX_FIELD_LINES - 1)
    assert cells(read(f'"{most}",a\n', 2)) == [(most, "a")]
    assert faults(read(f'"{most}\n",a\n', 2))[0] == (2, 2, "unclosed-quote")


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_of_one_mebibyte_is_read_and_a_longer_one_rejected(quote: str) -> None:
    longest = "x" * MAX_FIELD_BYTES
    assert cells(read(f"a,{quote}{longest}{quote}\nb,c\n", 2)) == [("a", longest), ("b", "c")]
    tokens = read(f"a,{quote}{longest}x{quote}\nb,c\n", 2)
    assert cells(tokens) == [("b", "c")]
    assert faults(tokens) == [(2, 2, "field-too-long")]
    assert len(tokens.rejected["value"][0]) == 200


def test_rows_of_bytes_that_are_no_text_are_rejected_alone() -> None:
    tokens = read("é,a\n".encode() + b"\xe9,b\nc,d\n\xc3\n", 2)
    assert cells(tokens) == [("é", "a"), ("c", "d")]
    assert faults(tokens) == [(3, 3, "encoding-error"), (5, 5, "encoding-error")]
    assert tokens.rejected["cells"].to_list()[0] == ["\ufffd", "b"]


def test_rows_with_nul_are_rejected_alone() -> None:
    tokens = read("a,b\nc\0,d\n", 2)
    assert cells(tokens) == [("a", "b")]
    assert faults(tokens) == [(3, 3, "nul-character")]
    assert tokens.rejected["cells"].to_list()[0] == ["c\u2400", "d"]
    assert tokens.rejected["value"][0] == "c\u2400"


@pytest.mark.parametrize("cell", ["a\r", "\r", "a\r\r"])
def test_a_carriage_return_before_a_delimiter_is_part_of_its_cell(cell: str) -> None:
    assert cells(read(f'b,{cell},c\r\n{cell},"{cell}",d\n', 3)) == [("b", cell, "c"), (cell, cell, "d")]


@pytest.mark.parametrize("start", ["\ufeff", "x^2", "x\x01", "#", "PK\x03\x04"])
def test_the_first_bytes_of_a_chunk_have_no_meaning_of_their_own(start: str) -> None:
    assert cells(read(f"{start},a\n", 2)) == [(start, "a")]


def test_no_text_is_no_rows() -> None:
    tokens = read("", 2)
    assert (tokens.rows, tokens.frame.columns) == (0, ["c0", "c1", "row", "line"])
