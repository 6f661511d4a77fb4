"""A chunk of a file to rows for COPY; log -> *projection*. Pure: the same bytes and declaration give the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import polars as pl

from shared.datasets.declaration import Dataset
from shared.tabular.dialect import Dialect
from shared.tabular.header import Header
from shared.tabular.records import Chunk
from shared.tabular.row_errors import RowError
from shared.tabular.rows import rejects_frame
from shared.tabular.tokens import tokenize
from shared.validation import ERROR_COLUMNS, key_of, no_errors, validate

REJECTED = "rejected"
BETWEEN_CELLS: Final = "\0"
"""No cell has one."""
IN_JSON: Final = {
    BETWEEN_CELLS: '","',
    **{one: msgspec.json.encode(one).decode()[1:-1] for one in ('"', "\\", *map(chr, range(1, 32)))},
}
"""How joined cells are written between the first quote and the last one of a JSON array."""


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
    return Parsed(
        good=validated.good,
        rejects=pl.concat([_with_cells(validated.bad, file), _rejects(tokens.rejected, file)]),
        errors=pl.concat([validated.errors, _of_rows(tokens.rejected)]),
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


def _of_rows(rejected: pl.DataFrame) -> pl.DataFrame:
    """What is wrong with rows as a whole."""
    nothing = pl.lit(None, pl.String)
    return rejected.with_columns(nothing.alias("label"), nothing.alias("field")).select(ERROR_COLUMNS)


def _with_cells(frame: pl.DataFrame, file: File) -> pl.DataFrame:
    if frame.is_empty():
        return _rejects(rejects_frame([]), file)
    cells = (pl.col(f"c{index}").fill_null("") for index in range(len(file.header.columns)))
    at = _key_column(file)
    return _shown(frame, pl.concat_str(cells, separator=BETWEEN_CELLS), None if at is None else pl.col(f"c{at}"), file)


def _rejects(rejected: pl.DataFrame, file: File) -> pl.DataFrame:
    cells = pl.col("cells").list
    at = _key_column(file)
    key = None if at is None else cells.get(at, null_on_oob=True)
    return _shown(rejected, cells.join(BETWEEN_CELLS), key, file)


def _shown(frame: pl.DataFrame, joined: pl.Expr, key: pl.Expr | None, file: File) -> pl.DataFrame:
    array = pl.format('["{}"]', joined.str.replace_many(IN_JSON))
    shown = frame.select("row", "line", pl.lit(REJECTED).alias("outcome"), array.alias("cells"))
    keys = _no_keys(frame.height) if key is None else _keys(file, frame.select(key).to_series())
    return shown.with_columns(keys)


def _key_column(file: File) -> int | None:
    """Where the key stands, for datasets whose rejected rows are found by it."""
    dataset, fields = file.dataset, file.header.fields
    return fields.index(dataset.key) if dataset.rejected_as and dataset.key in fields else None


def _keys(file: File, cells: pl.Series) -> pl.Series:
    return key_of(file.dataset.field(str(file.dataset.key)), cells)


def _no_keys(height: int) -> pl.Series:
    return pl.Series("key", [None] * height, dtype=pl.String)
