"""Answers that are kept: of at most so many bytes, the ones that were asked for last."""

from __future__ import annotations

from query_api.keeping import OVERHEAD_BYTES, Keeping, Kept
from query_api.moments import Moment

ROOM = 8 * (OVERHEAD_BYTES + 1000)


def kept(position: int, size_bytes: int = 990) -> Kept:
    return Kept((Moment("debts", 1, position),), b"x" * size_bytes, {})


def test_the_newest_answer_to_a_question_is_kept() -> None:
    keeping = Keeping(ROOM)
    assert keeping.find(b"q") is None
    for position in (1, 2):
        keeping.keep(b"q", kept(position))
    assert keeping.find(b"q") == kept(2)


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    keeping = Keeping(ROOM)
    for number in range(8):
        keeping.keep(b"%d" % number, kept(number))
    assert keeping.find(b"0") is not None
    keeping.keep(b"8", kept(8))
    assert [number for number in range(9) if keeping.find(b"%d" % number)] == [0, *range(2, 9)]


def test_never_more_bytes_are_kept_than_may_be() -> None:
    keeping = Keeping(ROOM)
    for number in range(100):
        keeping.keep(b"%02d" % (number % 30), kept(number, 10 * number))
        held = [one for one in (keeping.find(b"%02d" % each) for each in range(30)) if one]
        assert 0 < sum(len(one.body) + OVERHEAD_BYTES for one in held) <= ROOM


def test_one_that_would_take_the_place_of_many_is_not_kept() -> None:
    keeping = Keeping(ROOM)
    keeping.keep(b"q", kept(1))
    keeping.keep(b"q", kept(2, ROOM // 2))
    assert keeping.find(b"q") is None


def test_nothing_is_kept_without_room() -> None:
    keeping = Keeping(0)
    keeping.keep(b"q", kept(1, 0))
    assert keeping.find(b"q") is None
