"""Cursors: what they carry and which they refuse."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from query_api.cursors import Cursors, read_values, selection_of
from query_api.ordering import SORT, SortKey
from query_api.pages import PAGING
from shared.datasets.fields import Kind
from shared.errors import BadParameter, BadSettings
from shared.selection.parameters import Parameter, Query, read_query

NAME = Parameter(name="name", kind=Kind.TEXT, description="")
CURSORS = Cursors("0123456789abcdef" * 2)
KNOWN = {"name": NAME, "sort": SORT, **PAGING}
ORDER = (
    SortKey("amount", sa.column("amount"), Kind.DECIMAL),
    SortKey("seen", sa.column("seen"), Kind.TIMESTAMP),
    SortKey("name", sa.column("name"), Kind.TEXT),
    SortKey("id", sa.column("id"), Kind.UUID),
)
VALUES = (Decimal("1.50"), datetime(2026, 1, 1, tzinfo=UTC), None, UUID(int=7))


def query(text: str) -> Query:
    return read_query("/debts", text.encode(), KNOWN)


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def refusal(cursor: str, order: tuple[SortKey, ...] = ORDER) -> str:
    def read() -> None:
        if found := CURSORS.read(query(f"name=a&cursor={cursor}")):
            read_values(found, order)

    with pytest.raises(BadParameter) as refused:
        read()
    assert refused.value.parameter == "cursor"
    return str(refused.value)


@pytest.mark.parametrize("backward", [False, True])
def test_a_cursor_carries_the_values_of_a_row(backward: bool) -> None:
    text = CURSORS.write(query("name=a&limit=5"), backward, VALUES)
    found = CURSORS.read(query(f"name=a&limit=9&count=none&cursor={text}"))
    assert found
    assert found.backward is backward
    assert read_values(found, ORDER) == list(VALUES)


def test_a_cursor_needs_no_escaping() -> None:
    text = CURSORS.write(query("name=a"), False, VALUES)
    assert text.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("other", ["name=b", "name=a&sort=name", ""])
def test_a_cursor_of_another_list_is_refused(other: str) -> None:
    assert "other filters or another sort" in refusal(CURSORS.write(query(other), False, VALUES))


def test_a_cursor_of_another_dataset_is_refused() -> None:
    other = read_query("/sales", b"name=a", KNOWN)
    assert "other filters" in refusal(CURSORS.write(other, False, VALUES))


def test_a_cursor_of_another_length_is_refused() -> None:
    assert "does not fit" in refusal(CURSORS.write(query("name=a"), False, VALUES[:3]))


def test_a_cursor_of_other_types_is_refused() -> None:
    assert "does not fit" in refusal(CURSORS.write(query("name=a"), False, ("x", *VALUES[1:])))


@given(st.text())
def test_any_text_is_no_cursor(text: str) -> None:
    pairs = (("name", "a"), ("cursor", text))
    with pytest.raises(BadParameter):
        CURSORS.read(Query("/debts", pairs, KNOWN))


def test_a_cursor_signed_with_another_key_is_refused() -> None:
    forged = Cursors("another key, which is long enough").write(query("name=a"), False, VALUES)
    assert "this is no cursor" in refusal(forged)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_cursor_in_which_any_byte_is_changed_is_refused(at: int, change: int) -> None:
    signed = bytearray(decoded(CURSORS.write(query("name=a"), False, VALUES)))
    signed[at % len(signed)] ^= change
    assert "this is no cursor" in refusal(urlsafe_b64encode(signed).decode().rstrip("="))


@pytest.mark.parametrize("key", ["", "too short"])
def test_a_short_key_is_refused(key: str) -> None:
    with pytest.raises(BadSettings, match="TABLEFOLD_CURSOR_KEY"):
        Cursors(key)


class Signer(Cursors):
    """Signs whatever it is given."""

    def sign(self, packed: bytes) -> str:
        return urlsafe_b64encode(self._signature(packed) + packed).decode().rstrip("=")


@given(st.recursive(st.none() | st.booleans() | st.integers(0, 9) | st.text() | st.binary(), st.lists))
def test_any_message_is_no_cursor(message: object) -> None:
    packed = msgspec.msgpack.encode([selection_of(query("name=a")), message, message])
    refusal(Signer("0123456789abcdef" * 2).sign(packed))
