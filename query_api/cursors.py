"""Cursors: where a page ends, as opaque, signed text that only fits the query it came from; *HTTP -> query*."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec

from query_api.ordering import Order
from shared.errors import BadParameter, BadSettings
from shared.selection.parameters import Pairs, Query
from shared.selection.values import Value, read_value, write_value

PAGING = frozenset({"cursor", "offset", "limit", "count", "fields", "format"})
"""Parameters that may change from page to page."""

KEY_CHARACTERS = 32
SIGNATURE_BYTES = 16


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The sort values of the row at a page's edge; none means the end of the list."""

    selection: bytes
    backward: bool
    values: tuple[str | None, ...]


def selection_of(query: Query) -> bytes:
    """A hash of what a list holds and how it is sorted, whatever page of it and whichever generation."""
    return _selection(query.path, query.pairs)


@lru_cache(256)
def _selection(path: str, pairs: Pairs) -> bytes:
    """Asked up to three times for one page."""
    kept = sorted(pair for pair in pairs if pair[0] not in PAGING)
    return blake2b(msgspec.msgpack.encode((path, kept)), digest_size=8).digest()


class Cursors:
    """Writes and reads cursors with one key; raises BadSettings for a key that is too short to keep forgers out."""

    def __init__(self, key: str) -> None:
        if len(key) < KEY_CHARACTERS:
            raise BadSettings(
                f"TABLEFOLD_CURSOR_KEY is shorter than {KEY_CHARACTERS} characters; `openssl rand -hex 24` makes one."
            )
        self._key = blake2b(key.encode()).digest()

    def write(self, query: Query, backward: bool, values: Sequence[object]) -> str:
        """A cursor for the rows beyond the one with these values."""
        texts = tuple(None if value is None else write_value(value) for value in values)
        packed = msgspec.msgpack.encode(Cursor(selection_of(query), backward, texts))
        return urlsafe_b64encode(self._signature(packed) + packed).rstrip(b"=").decode()

    def read(self, query: Query) -> Cursor | None:
        """The cursor that came with the query; raises BadParameter for one that is not ours or from another list."""
        text = query.one("cursor")
        if text is None:
            return None
        try:
            signed = urlsafe_b64decode(f"{text}{'=' * (-len(str(text)) % 4)}".encode("ascii"))
            cursor = msgspec.msgpack.decode(self._checked(signed), type=Cursor)
        except (ValueError, msgspec.DecodeError):
            raise BadParameter("cursor", "cursor: this is no cursor; take it from `next` or `previous`.") from None
        if cursor.selection != selection_of(query):
            raise BadParameter("cursor", "cursor: it is from a list with other filters or another sort; begin anew.")
        return cursor

    def _checked(self, signed: bytes) -> bytes:
        packed = signed[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signed[:SIGNATURE_BYTES], self._signature(packed)):
            raise ValueError("The signature is not ours.")
        return packed

    def _signature(self, packed: bytes) -> bytes:
        return blake2b(packed, key=self._key, digest_size=SIGNATURE_BYTES).digest()


def read_values(cursor: Cursor, order: Order) -> list[Value | None]:
    """The cursor's values by the types of the order; raises BadParameter."""
    try:
        return [
            None if text is None else read_value(key.kind, text) for key, text in zip(order, cursor.values, strict=True)
        ]
    except ValueError:
        raise BadParameter("cursor", "cursor: it does not fit this list; begin without it.") from None
