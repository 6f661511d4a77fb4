"""Where the scanner cuts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import TooLarge
from shared.tabular import records
from shared.tabular.dialect import Dialect
from shared.tabular.plain import MAX_FIELD_BYTES
from shared.tabular.records import MAX_RECORD_BYTES, Chunk, RecordScanner
from shared.tabular.rows import tokenize_plainly
from shared.tabular.tokens import tokenize
from tests.unit.tabular.texts import DIALECTS, dialects, short_stretches, small_limits, texts, unhurried, widths

OFFSET = 3


def scan(text: bytes, dialect: Dialect, chunk_bytes: int, sizes: list[int]) -> tuple[Chunk, ...]:
    scanner = RecordScanner(dialect, chunk_bytes, offset=OFFSET)
    at = 0
    for size in sizes:
        scanner.feed(text[at : at + size])
        at += size
    scanner.feed(text[at:])
    return scanner.finish()


def cut(text: bytes, chunk: Chunk) -> bytes:
    return text[chunk.offset - OFFSET : chunk.offset - OFFSET + chunk.size_bytes]


@unhurried
@given(texts, dialects, st.integers(1, 50), st.lists(st.integers(0, 9)), st.integers(1, 9))
def test_chunks_do_not_depend_on_how_the_text_arrives(
    text: bytes, dialect: Dialect, chunk_bytes: int, sizes: list[int], scan_bytes: int
) -> None:
    expected = scan(text, dialect, chunk_bytes, [])
    with pytest.MonkeyPatch.context() as patch, short_stretches():
        patch.setattr(records, "SCAN_BYTES", scan_bytes)
        assert scan(text, dialect, chunk_bytes, sizes) == expected


@unhurried
@given(texts, dialects, st.integers(1, 50), st.integers(1, 9), st.integers(1, 6), st.integers(1, 3))
def test_nor_do_they_when_fields_pass_the_limits(
    text: bytes, dialect: Dialect, chunk_bytes: int, scan_bytes: int, field_bytes: int, field_lines: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, small_limits(field_bytes, field_lines):
        expected = scan(text, dialect, chunk_bytes, [])
        patch.setattr(records, "SCAN_BYTES", scan_bytes)
        assert scan(text, dialect, chunk_bytes, []) == expected
        whole = tokenize_plainly(text, dialect.syntax, 2, 2, 2)
        parts = [tokenize(cut(text, chunk), dialect, 2, chunk.first_row, chunk.first_line) for chunk in expected]
        assert [row for part in parts for row in part.rejected.rows()] == whole.rejected.rows()
        assert [row for part in parts for row in part.frame.rows()] == whole.frame.rows()


@unhurried
@given(texts, dialects, st.integers(1, 50), widths)
def test_the_rows_of_the_chunks_are_the_rows_of_the_whole(
    text: bytes, dialect: Dialect, chunk_bytes: int, width: int
) -> None:
    whole = tokenize_plainly(text, dialect.syntax, width, 2, 2)
    chunks = scan(text, dialect, chunk_bytes, [])
    parts = [tokenize(cut(text, chunk), dialect, width, chunk.first_row, chunk.first_line) for chunk in chunks]
    assert [part.rows for part in parts] == [chunk.rows for chunk in chunks]
    assert [row for part in parts for row in part.frame.rows()] == whole.frame.rows()
    assert [row for part in parts for row in part.rejected.rows()] == whole.rejected.rows()
    assert sum(part.blank for part in parts) == whole.blank


@unhurried
@given(texts, dialects, st.integers(1, 50))
def test_chunks_cover_the_text_without_gap_and_are_as_long_as_asked(
    text: bytes, dialect: Dialect, chunk_bytes: int
) -> None:
    chunks = scan(text, dialect, chunk_bytes, [])
    assert b"".join(cut(text, chunk) for chunk in chunks) == text
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.size_bytes >= chunk_bytes for chunk in chunks[:-1])
    for chunk, following in itertools.pairwise(chunks):
        assert following.first_row == chunk.first_row + chunk.rows
        assert following.offset == chunk.offset + chunk.size_bytes


def test_a_file_without_records_after_its_header_has_no_chunks() -> None:
    assert scan(b"", DIALECTS["lf"], 8, []) == ()


def test_a_chunk_tells_where_it_starts() -> None:
    scanner = RecordScanner(DIALECTS["lf"], 4, offset=10, row=2, line=4)
    scanner.feed(b'"a\nb",c\nd,e\n\n')
    assert scanner.finish() == (Chunk(0, 10, 8, 2, 4, 1), Chunk(1, 18, 4, 3, 6, 1), Chunk(2, 22, 1, 4, 7, 1))


@pytest.mark.parametrize("scan_bytes", [1000, 1024**2])
def test_a_quote_that_never_closes_is_given_up_within_its_limits(
    scan_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "SCAN_BYTES", scan_bytes * 100)
    text = b'a,"b\n' + (b"x" * 999 + b",y\n") * (2 * MAX_FIELD_BYTES // 1000)
    chunks = scan(text, DIALECTS["lf"], 1024**3, [])
    assert chunks == (Chunk(0, OFFSET, len(text), 2, 2, text.count(b"\n")),)


def test_a_row_longer_than_16_mib_refuses_the_file_however_it_arrives() -> None:
    scan(b"x" * (MAX_RECORD_BYTES - 1) + b"\n", DIALECTS["lf"], 8, [])
    for text in (b"x" * MAX_RECORD_BYTES + b"\n", b"x" * (2 * MAX_RECORD_BYTES), b'"","x,' * (MAX_RECORD_BYTES // 5)):
        with pytest.raises(TooLarge, match="16 MiB"):
            scan(text, DIALECTS["lf"], 8, [])


def test_a_chunk_has_at_most_so_many_rows_however_short_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_CHUNK_ROWS", 3)
    for scan_bytes in (1, 2, 1024):
        monkeypatch.setattr(records, "SCAN_BYTES", scan_bytes)
        assert [chunk.rows for chunk in scan(b"\n" * 8, DIALECTS["lf"], 1024, [])] == [3, 3, 2]


def test_more_rows_than_can_be_numbered_refuse_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_ROWS", 4)
    assert len(scan(b"a\n" * 2, DIALECTS["lf"], 1, [])) == 2
    with pytest.raises(TooLarge, match="Split it"):
        scan(b"a\n" * 3, DIALECTS["lf"], 1, [])
