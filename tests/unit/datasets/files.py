"""Whole files through parsing and validation alone: nothing but a declaration and bytes."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from cli.servers.folder import ROOT
from projector.parsing import File, Parsed, parse
from shared.datasets.declaration import Dataset
from shared.tabular.dialect import settle_dialect
from shared.tabular.header import Label, first_record, match_header
from shared.tabular.records import Chunk
from shared.tabular.transcoding import Transcoder

SEEDS = ROOT.parent / "shared" / "seed-data"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def seed(name: str) -> bytes:
    """A real file, where it is at hand; a workbook as CSV."""
    path: Path = SEEDS / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand; it may not be shipped")
    return as_csv(path) if path.suffix == ".xlsx" else path.read_bytes()


def as_csv(path: Path) -> bytes:
    """The first sheet of a small workbook without shared strings; its rows may lack cells."""
    with zipfile.ZipFile(path) as archive:
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    rows = []
    for row in sheet.iter(f"{SHEET}row"):
        cells = {re.sub(r"[0-9]", "", one.get("r", "")): _cell(one) for one in row.iter(f"{SHEET}c")}
        rows.append([cells.get(column, "") for column in "ABCDEF"])
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()


def _cell(cell: ElementTree.Element) -> str:
    """Text as it stands, a number with the 15 digits that spreadsheets show of it: 9870.610000000001 is 9870.61."""
    text = "".join(cell.itertext())
    return f"{float(text):.15g}" if cell.get("t", "n") == "n" and text else text


def read(dataset: Dataset, content: bytes) -> Parsed:
    """All rows of a file, read as one chunk."""
    labels = [Label(field.name, (field.name, *field.labels), field.required) for field in dataset.file_fields]
    dialect = settle_dialect(content, labels, fallbacks=dataset.encodings)
    text = decoded(dialect.transcoder(), content)
    record = first_record(text, dialect.syntax)
    assert record is not None
    header = match_header(record.cells, labels)
    rows = text[record.size_bytes :]
    chunk = Chunk(number=0, offset=0, size_bytes=len(rows), first_row=2, first_line=1 + record.lines, rows=0)
    return parse(chunk, rows, File(dataset, dialect, header))


def decoded(transcoder: Transcoder, content: bytes) -> bytes:
    """The whole text of a file as UTF-8."""
    return transcoder.feed(content) + transcoder.finish()


def counted(errors: pl.DataFrame) -> dict[tuple[str, str], int]:
    """How many errors there are by field and code."""
    found = errors.group_by("field", "code").len()
    return {(field, code): count for field, code, count in found.iter_rows()}
