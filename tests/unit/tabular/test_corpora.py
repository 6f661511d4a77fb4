"""Files that other projects keep because they broke something, where the collection is at hand."""

from __future__ import annotations

import contextlib
import csv
import json
import time
from pathlib import Path

import pytest

from shared.errors import BadFile
from shared.tabular.dialect import settle_dialect
from shared.tabular.header import first_record
from shared.tabular.records import RecordScanner
from shared.tabular.rows import Tokens
from shared.tabular.tokens import tokenize

CORPORA = Path(__file__).parents[4] / "shared" / "corpora"
FAULTY_ANSWERS = {"location_coordinates", "newlines_crlf"}
DEADLINE_S = 20

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="the bad-input corpora are not beside the repository")


def found(pattern: str) -> list[Path]:
    return sorted(CORPORA.glob(pattern))


def names(path: Path) -> str:
    return path.name


def read(received: bytes, fallbacks: tuple[str, ...] = ("cp1252", "cp1251")) -> tuple[tuple[str, ...], list[Tokens]]:
    """Labels and chunks of a whole file, by the way that an upload goes."""
    dialect = settle_dialect(received[: 1024**2], (), fallbacks=fallbacks)
    transcoder = dialect.transcoder()
    text = transcoder.feed(received) + transcoder.finish()
    header = first_record(text, dialect.syntax)
    assert header is not None
    scanner = RecordScanner(dialect, 4096, offset=header.size_bytes, line=header.lines + 1)
    scanner.feed(text[header.size_bytes :])
    chunks = scanner.finish()
    read_chunks = []
    for chunk in chunks:
        piece = text[chunk.offset : chunk.offset + chunk.size_bytes]
        read_chunks.append(tokenize(piece, dialect, len(header.cells), chunk.first_row, chunk.first_line))
        assert read_chunks[-1].rows == chunk.rows
    return header.cells, read_chunks


def table(path: Path) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    labels, chunks = read(path.read_bytes())
    assert not any(chunk.rejected.height for chunk in chunks)
    return labels, [tuple(cell or "" for cell in row[:-2]) for chunk in chunks for row in chunk.frame.rows()]


@pytest.mark.parametrize("path", found("csv-spectrum/csvs/*.csv"), ids=names)
def test_csv_spectrum_reads_as_its_answers_say(path: Path) -> None:
    labels, rows = table(path)
    answer = json.loads((path.parents[1] / "json" / f"{path.stem}.json").read_bytes().decode("utf-8", "replace"))
    expected = [answer] if isinstance(answer, dict) else answer
    assert labels == tuple(expected[0])
    assert len(rows) == len(expected)
    if path.stem not in FAULTY_ANSWERS:
        assert [dict(zip(labels, row, strict=True)) for row in rows] == expected


@pytest.mark.parametrize("path", found("csvkit/examples/*_converted.csv"), ids=names)
def test_the_answers_of_csvkit_read_as_the_csv_module_reads_them(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as opened:
        expected = [tuple(row) for row in csv.reader(opened) if any(row)]
    labels, rows = table(path)
    assert [labels, *rows] == expected


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        *((f"test_utf8{bom}", [("foo", "bar", "baz"), ("1", "2", "3"), ("4", "5", "ʤ")]) for bom in ("", "_bom")),
        *((f"test_utf16_{end}", [("a", "b", "c"), ("1", "2", "3"), ("4", "5", "ʤ")]) for end in ("big", "little")),
        ("test_latin1", [("a", "b", "c"), ("1", "2", "3"), ("4", "5", "©")]),
        ("mac_newlines", [("a", "b", "c"), ("1", "2", "3"), ("Once upon\ra time", "5", "6")]),
    ],
)
def test_the_encodings_and_line_ends_of_csvkit_are_told_apart(name: str, rows: list[tuple[str, ...]]) -> None:
    labels, read_rows = table(CORPORA / "csvkit" / "examples" / f"{name}.csv")
    assert [labels, *read_rows] == rows


@pytest.mark.parametrize(
    "path",
    [
        *found("csvkit/examples/**/*.csv"),
        *found("frictionless-data/data/**/*.csv"),
        *found("hostile-generated/*"),
    ],
    ids=names,
)
def test_any_file_is_read_or_refused_within_bounded_time(path: Path) -> None:
    started = time.monotonic()
    chunks: list[Tokens] = []
    with contextlib.suppress(BadFile):
        _, chunks = read(path.read_bytes())
    assert all(chunk.rows == chunk.frame.height + chunk.rejected.height + chunk.blank for chunk in chunks)
    assert time.monotonic() - started < DEADLINE_S


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("33-unclosed-quote-at-eof", ["unclosed-quote"]),
        ("37-nul-bytes", ["nul-character"]),
        ("51-short-and-long-rows", ["missing-cell", "missing-cell", "extra-cell"]),
    ],
)
def test_hostile_rows_are_rejected_by_their_code(name: str, codes: list[str]) -> None:
    _, chunks = read((CORPORA / "hostile-generated" / f"{name}.csv").read_bytes())
    assert [code for chunk in chunks for code in chunk.rejected["code"]] == codes
