"""On which line of its file a row stands: the chunk plan says which bytes hold it; blob -> *query*.

Books keep no line of a good row, so the chunk is read again: at most MAX_CHUNKS of them for one answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from query_api.places import Place, place_table
from shared.blobs import Blobs
from shared.books import chunks, uploads
from shared.errors import BlobCorrupt
from shared.tabular.dialect import Dialect
from shared.tabular.framing import frame
from shared.tabular.records import Chunk

MAX_CHUNKS = 4

CHUNK = ("number", "offset", "size_bytes", "first_row", "first_line", "rows")


class Piece(msgspec.Struct, frozen=True):
    """A chunk of an upload's text, and the rows of it that are asked for."""

    upload: int
    text_key: str
    dialect: Dialect
    chunk: Chunk
    rows: list[int]


async def find_pieces(
    connection: AsyncConnection, dataset: str, generation: int, places: Collection[Place]
) -> list[Piece]:
    """The chunks that hold these places, those of the newest uploads first."""
    found: dict[Place, Piece] = {}
    for row in (await connection.execute(_holding(dataset, generation, places))).mappings() if places else ():
        at = (row["upload"], row["number"])
        if at not in found:
            chunk = Chunk(**{name: row[name] for name in CHUNK})
            found[at] = Piece(row["upload"], row["text_key"], msgspec.convert(row["dialect"], Dialect), chunk, [])
        found[at].rows.append(row["wanted"])
    return list(found.values())


def _holding(dataset: str, generation: int, places: Collection[Place]) -> sa.Select[tuple[object, ...]]:
    place = place_table(places)
    held = (chunks.c.upload == place.c.upload) & place.c.row.between(
        chunks.c.first_row, chunks.c.first_row + chunks.c.rows - 1
    )
    of_upload = (
        (uploads.c.dataset == chunks.c.dataset)
        & (uploads.c.generation == chunks.c.generation)
        & (uploads.c.number == chunks.c.upload)
    )
    columns = (chunks.c.upload, *(chunks.c[name] for name in CHUNK))
    return (
        sa.select(*columns, uploads.c.text_key, uploads.c.dialect, place.c.row.label("wanted"))
        .select_from(chunks.join(place, held).join(uploads, of_upload))
        .where(chunks.c.dataset == dataset, chunks.c.generation == generation)
        .order_by(chunks.c.upload.desc(), chunks.c.number)
    )


async def read_lines(blobs: Blobs, pieces: Sequence[Piece]) -> dict[Place, int]:
    """The physical line, from 1, of every place in the first MAX_CHUNKS pieces; none where the file is no more."""
    found: dict[Place, int] = {}
    for piece in pieces[:MAX_CHUNKS]:
        try:
            text = await blobs.read(piece.text_key, piece.chunk.offset, piece.chunk.size_bytes)
        except BlobCorrupt:
            continue  # A file may be erased; what it made is history still.
        found |= await asyncio.to_thread(_lines, piece, text)
    return found


def _lines(piece: Piece, text: bytes) -> dict[Place, int]:
    syntax, chunk = piece.dialect.syntax, piece.chunk
    before = frame(syntax.ended(text), syntax, final=True).lines
    return {(piece.upload, row): chunk.first_line + int(before[row - chunk.first_row]) for row in piece.rows}
