"""Frames into tables by COPY; *projection -> read table*. What PostgreSQL refuses is bisected down to the row."""

from __future__ import annotations

import asyncio
import io
from typing import Any, Literal, TypeAlias

import asyncpg
import numpy as np
import polars as pl

from shared.tabular.row_errors import RowError, cut

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"


async def copy_frame(connection: Connection, schema: str, table: str, frame: pl.DataFrame) -> None:
    """Copy all rows; the columns are named like the frame's, a null is NULL. Raises what PostgreSQL says."""
    if frame.is_empty():
        return
    text, form = await asyncio.to_thread(_encoded, frame)
    with text:  # Closed here: asyncpg leaves it to the garbage collector.
        await connection.copy_to_table(table, schema_name=schema, source=text, columns=frame.columns, format=form)


def _encoded(frame: pl.DataFrame) -> tuple[io.BytesIO, Literal["text", "csv"]]:
    """The rows in the format that PostgreSQL reads fastest, or as CSV where a value needs escapes in that."""
    text = _written(frame, separator="\t", quote_style="never", null_value="\\N")
    if _is_plain(text.getvalue(), frame):
        return text, "text"
    text.close()
    return _written(frame), "csv"


def _is_plain(text: bytes, frame: pl.DataFrame) -> bool:
    """Whether every separator, line end and backslash in `text` is one of the format's own."""
    octets = np.frombuffer(text, np.uint8)  # Counts what is frequent several times as fast as `bytes.count`.
    expected = {
        b"\t": frame.height * (frame.width - 1),
        b"\n": frame.height,
        b"\\": sum(frame.null_count().row(0)),
    }
    return b"\r" not in text and all(np.count_nonzero(octets == one[0]) == count for one, count in expected.items())


def _written(frame: pl.DataFrame, **form: Any) -> io.BytesIO:
    text = io.BytesIO()
    frame.write_csv(text, include_header=False, **form)
    text.seek(0)
    return text


async def copy_or_bisect(connection: Connection, schema: str, table: str, frame: pl.DataFrame) -> list[RowError]:
    """Copy all rows that PostgreSQL takes; an error for each of the others, whose line is still unknown (0)."""
    try:
        async with connection.transaction():
            await copy_frame(connection, schema, table, frame)
            return []
    except asyncpg.DataError as error:
        if frame.height == 1:
            return [_refused(frame, error)]
    half = frame.height // 2
    return [
        *await copy_or_bisect(connection, schema, table, frame.head(half)),
        *await copy_or_bisect(connection, schema, table, frame.tail(-half)),
    ]


def _refused(frame: pl.DataFrame, error: asyncpg.DataError) -> RowError:
    row = int(frame.item(0, "row"))
    return RowError(row, 0, None, None, "type-error", "", cut(f"cannot be stored: {error}"))
