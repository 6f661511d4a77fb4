"""Rows as Apache Parquet, one row group after the other; read table -> query -> *HTTP*. The only user of pyarrow."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped] # It has no types of its own.
from pyarrow import csv, parquet

from query_api.blocks import BLOCK_BYTES
from query_api.pushed import Write
from shared.datasets.fields import INTEGER_DIGITS, Field, Kind

GROUP_BYTES = 8 * 1024**2
"""Rows of so many bytes as CSV make one row group; that many are held at a time."""


class RowGroups:
    """Takes rows as CSV without a header, in which an unquoted empty cell is no value, and writes them as Parquet."""

    def __init__(self, write: Write, columns: Mapping[str, Field | None]) -> None:
        self._write = write
        self._waiting = bytearray()
        self._schema = pa.schema([(name, arrow_type(field)) for name, field in columns.items()])
        self._file = _Taken()
        self._parquet = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    async def take(self, rows: bytes) -> None:
        """Keep them until they fill a row group; returns when there is room for more."""
        self._waiting += rows
        if len(self._waiting) >= GROUP_BYTES:
            await self._write_group()

    async def end(self) -> None:
        """Write the last row group and what stands at a Parquet file's end."""
        if self._waiting:
            await self._write_group()
        await asyncio.to_thread(self._parquet.close)
        await self._pass_on()

    async def _write_group(self) -> None:
        rows, self._waiting = self._waiting, bytearray()
        await asyncio.to_thread(self._encode, rows)
        await self._pass_on()

    def _encode(self, rows: bytearray) -> None:
        read = csv.ReadOptions(column_names=self._schema.names, block_size=len(rows) + 1, use_threads=False)
        convert = csv.ConvertOptions(
            column_types=self._schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        table = csv.read_csv(pa.py_buffer(rows), read, csv.ParseOptions(newlines_in_values=True), convert)
        self._parquet.write_table(table, row_group_size=table.num_rows)

    async def _pass_on(self) -> None:
        for block in self._file.taken():
            await self._write(block)


class _Taken(io.RawIOBase):
    """A file that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._kept += data
        return len(data)

    def taken(self) -> list[bytes]:
        kept, self._kept = bytes(self._kept), bytearray()
        return [kept[at : at + BLOCK_BYTES] for at in range(0, len(kept), BLOCK_BYTES)]


def arrow_type(field: Field | None) -> Any:
    """The Arrow type of a field; text for what is none: the source, the upload's id, a list of members as JSON."""
    if field is None:
        return pa.string()
    types: dict[Kind, Any] = {
        Kind.INTEGER: pa.int64(),
        Kind.DECIMAL: pa.decimal128(INTEGER_DIGITS + field.scale, field.scale),
        Kind.DATE: pa.date32(),
        Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    }
    return types.get(field.kind, pa.string())
