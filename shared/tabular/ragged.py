"""Rows with too few or too many cells, at the speed of polars; between framing and rejects."""

from __future__ import annotations

import polars as pl

from shared.tabular.header import BLANK
from shared.tabular.plain import Syntax
from shared.tabular.row_errors import MAX_VALUE_CHARACTERS
from shared.tabular.rows import EXTRA_CELL, MISSING_CELL


def ragged_rows(text: bytes, syntax: Syntax, width: int, rows: pl.Series, lines: pl.Series) -> pl.DataFrame:
    """Records that do not have `width` cells, with the columns of REJECTED; blank ones are left out.

    Each record is a line of UTF-8 without NUL in which all quotes are literal; `rows` and `lines` number them.
    """
    delimiter, end = syntax.delimiter.decode(), syntax.end.decode()
    record = pl.Series("record", [text.decode().removesuffix(end)]).str.split(end).explode()
    if syntax.strips_cr:
        record = record.str.strip_suffix("\r")
    found = pl.DataFrame([rows, lines, record]).filter(pl.col("record").str.strip_chars(BLANK + delimiter) != "")
    cells = pl.col("cells").list
    missing, counts = pl.when(cells.len() < width), (cells.len(), width)
    extra = cells.slice(width).list.join(delimiter).str.slice(0, MAX_VALUE_CHARACTERS)
    return found.select("row", "line", pl.col("record").str.split(delimiter).alias("cells")).with_columns(
        missing.then(pl.lit("missing-cell")).otherwise(pl.lit("extra-cell")).alias("code"),
        extra.alias("value"),
        missing.then(pl.format(MISSING_CELL, *counts)).otherwise(pl.format(EXTRA_CELL, *counts)).alias("message"),
    )
