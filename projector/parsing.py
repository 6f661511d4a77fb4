"""A chunk of a file to rows for COPY; log -> *projection*. Pure: the same bytes and declaration give the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl

from shared.datasets.declaration import Dataset
from shared.tabular.dialect import Dialect
from shared.tabular.header import Header
from shared.tabular.records import Chunk
from shared.tabular.row_errors import RejectedRow, RowError
from shared.tabular.tokens import tokenize
from shared.validation import key_of, no_errors, validate

REJECTED = "rejected"


class File(msgspec.Struct, frozen=True):
    """How a file is to be read."""

    dataset: Dataset
    dialect: Dialect
    header: Header


class Parsed(msgspec.Struct, frozen=True):
    """The rows of a chunk: read = good.height + rejects.height + blank.

    `good` has the file's fields and `row`; `rejects` has row, line, outcome, cells (a JSON array of strings) and key;
    `errors` has what is wrong with the rejects.
    """

    good: pl.DataFrame
    rejects: pl.DataFrame
    errors: pl.DataFrame
    blank: int


def parse(chunk: Chunk, text: bytes, file: File) -> Parsed:
    """Read and validate all rows of a chunk."""
    tokens = tokenize(text, file.dialect, len(file.header.columns), chunk.first_row, chunk.first_line)
    validated = validate(tokens.frame, file.header, file.dataset)
    broken = [row.error for row in tokens.rejected]
    return Parsed(
        good=validated.good,
        rejects=pl.concat([_with_cells(validated.bad, file), _rejects(tokens.rejected, file)]),
        errors=pl.concat([validated.errors, errors_frame(broken)]),
        blank=tokens.blank,
    )


def rows_at(chunk: Chunk, text: bytes, file: File, rows: Sequence[int]) -> pl.DataFrame:
    """Row, line, outcome and cells of certain good rows of a chunk."""
    tokens = tokenize(text, file.dialect, len(file.header.columns), chunk.first_row, chunk.first_line)
    wanted = tokens.frame.filter(pl.col("row").is_in(pl.Series(rows, dtype=pl.Int32).implode()))
    return _with_cells(wanted, file)


def errors_frame(errors: Sequence[RowError]) -> pl.DataFrame:
    """Row errors as validation gives them."""
    rows = [(one.row, one.line, one.column, one.field, one.code, one.value, one.message) for one in errors]
    return pl.DataFrame(rows, schema=no_errors().schema, orient="row")


def _with_cells(frame: pl.DataFrame, file: File) -> pl.DataFrame:
    if frame.is_empty():
        return _rejects([], file)
    listed = pl.concat_list(pl.col(f"c{index}").fill_null("") for index in range(len(file.header.columns)))
    cells = pl.struct(listed.alias("cells")).struct.json_encode().str.strip_prefix('{"cells":').str.head(-1)
    shown = frame.select("row", "line", pl.lit(REJECTED).alias("outcome"), cells.alias("cells"))
    at = _key_column(file)
    return shown.with_columns(_no_keys(frame.height) if at is None else _keys(file, frame[f"c{at}"]))


def _rejects(rejected: Sequence[RejectedRow], file: File) -> pl.DataFrame:
    rows = [(one.error.row, one.error.line, REJECTED, msgspec.json.encode(one.cells).decode()) for one in rejected]
    schema = {"row": pl.Int32, "line": pl.Int32, "outcome": pl.String, "cells": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    at = _key_column(file)
    if at is None:
        return frame.with_columns(_no_keys(frame.height))
    cells = [one.cells[at] if len(one.cells) > at else None for one in rejected]
    return frame.with_columns(_keys(file, pl.Series(cells, dtype=pl.String)))


def _key_column(file: File) -> int | None:
    """Where the key stands, for datasets whose rejected rows are found by it."""
    dataset, fields = file.dataset, file.header.fields
    return fields.index(dataset.key) if dataset.rejected_as and dataset.key in fields else None


def _keys(file: File, cells: pl.Series) -> pl.Series:
    return key_of(file.dataset.field(str(file.dataset.key)), cells)


def _no_keys(height: int) -> pl.Series:
    return pl.Series("key", [None] * height, dtype=pl.String)
