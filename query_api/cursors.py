"""Cursors: where a page ends, as opaque text that only fits the query it came from; *HTTP -> query*."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from query_api.ordering import Order
from shared.errors import BadParameter
from shared.selection.parameters import Query
from shared.selection.values import Value, read_value, write_value

PAGING = frozenset({"cursor", "offset", "limit", "count", "fields", "format"})
"""Parameters that may change from page to page."""


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The sort values of the row at a page's edge; none means the end of the list."""

    selection: bytes
    backward: bool
    values: tuple[str | None, ...]


def selection_of(query: Query) -> bytes:
    """A hash of what a list holds and how it is sorted, whatever page of it and whichever generation."""
    kept = sorted(pair for pair in query.pairs if pair[0] not in PAGING)
    return blake2b(msgspec.msgpack.encode((query.path, kept)), digest_size=8).digest()


def write_cursor(query: Query, backward: bool, values: Sequence[object]) -> str:
    """A cursor for the rows beyond the one with these values."""
    texts = tuple(None if value is None else write_value(value) for value in values)
    packed = msgspec.msgpack.encode(Cursor(selection_of(query), backward, texts))
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(query: Query) -> Cursor | None:
    """The cursor that came with the query; raises BadParameter for one that is broken or from another list."""
    text = query.one("cursor")
    if text is None:
        return None
    try:
        packed = urlsafe_b64decode(f"{text}{'=' * (-len(str(text)) % 4)}".encode("ascii"))
        cursor = msgspec.msgpack.decode(packed, type=Cursor)
    except (ValueError, msgspec.DecodeError):
        raise BadParameter("cursor", "cursor: this is no cursor; take it from `next` or `previous`.") from None
    if cursor.selection != selection_of(query):
        raise BadParameter("cursor", "cursor: it is from a list with other filters or another sort; begin without it.")
    return cursor


def read_values(cursor: Cursor, order: Order) -> list[Value | None]:
    """The cursor's values by the types of the order; raises BadParameter."""
    try:
        return [
            None if text is None else read_value(key.kind, text) for key, text in zip(order, cursor.values, strict=True)
        ]
    except ValueError:
        raise BadParameter("cursor", "cursor: it does not fit this list; begin without it.") from None
