"""gzip comes out as it went in, however it is cut; what is damaged or grows too far is refused."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_api.growth import FREE_BYTES, Growth
from command_api.inflating import PIECE_BYTES, Inflater
from shared.errors import BadFile, TooLarge

MIB = 1024**2


def inflated(blocks: Sequence[bytes], max_bytes: int = 1024 * MIB, max_inflation: int = 2000) -> bytes:
    inflater = Inflater(Growth(max_bytes, max_inflation))
    pieces = [piece for block in blocks for piece in inflater.feed(block)]
    inflater.finish()
    assert all(len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(1, 50), st.integers(0, 40))
def test_members_in_any_blocks_are_one_text(members: list[bytes], size: int, padding: int) -> None:
    received = b"".join(map(gzip.compress, members)) + bytes(padding)
    assert inflated(cut(received, size)) == b"".join(members)


@pytest.mark.parametrize("size", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 7])
def test_what_grows_far_comes_in_pieces(size: int) -> None:
    assert inflated([gzip.compress(bytes(size))]) == bytes(size)


def test_many_small_members_are_read_in_bounded_time() -> None:
    assert inflated(cut(gzip.compress(b"row\n") * 50_000, MIB)) == b"row\n" * 50_000


def test_what_ends_too_early_is_refused() -> None:
    whole = gzip.compress(b"a,b\n1,2\n" * 100)
    for length in range(1, len(whole)):
        with pytest.raises(BadFile, match="ends too early") as refused:
            inflated([whole[:length]])
        assert refused.value.code == "archive-error"


@pytest.mark.parametrize(
    "spoil", [lambda gz: gz[:-8] + bytes(8), lambda gz: gz + b"more", lambda gz: gz[:10] + gz[40:]]
)
def test_damage_is_refused(spoil: object) -> None:
    with pytest.raises(BadFile, match="damaged"):
        inflated([spoil(gzip.compress(bytes(range(256)), mtime=0))])  # type: ignore[operator]  # a function of bytes


def test_a_bomb_is_refused_while_it_grows() -> None:
    inflater = Inflater(Growth(1024 * MIB, 100))
    grown = 0
    pieces = inflater.feed(gzip.compress(bytes(64 * MIB)))
    for piece in itertools.islice(pieces, FREE_BYTES // PIECE_BYTES):
        grown += len(piece)
    assert grown == FREE_BYTES
    with pytest.raises(TooLarge, match="100 times"):
        next(pieces)


def test_more_than_the_longest_file_is_refused() -> None:
    with pytest.raises(TooLarge, match="longer than 1048576 bytes"):
        inflated([gzip.compress(bytes(MIB + 1))], max_bytes=MIB)
