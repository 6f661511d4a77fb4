"""Which segments are merged: small ones of similar size, few enough times, and those that are hollow."""

from __future__ import annotations

import random

from projector.choosing import AT_ONCE, LARGEST_RECORDS, Sized, choose

MOST = 16


def full(number: int, records: int) -> Sized:
    return Sized(number, records, records)


def test_as_many_as_there_may_be_are_left_alone() -> None:
    assert choose([full(number, 20_000) for number in range(1, MOST + 1)], MOST) == []


def test_one_more_and_all_of_the_smallest_size_are_merged_whatever_their_order() -> None:
    segments = [full(1, 5_000_000), *(full(number, 20_000 + number) for number in range(2, MOST + 2))]
    random.Random(1).shuffle(segments)
    assert sorted(choose(segments, MOST)) == list(range(2, MOST + 2))


def test_where_no_size_has_enough_of_them_the_smallest_are_merged_until_they_are_few() -> None:
    segments = [full(number, 10 * 5**number) for number in range(10)]
    assert choose(segments, 8) == [0, 1, 2]


def test_the_largest_are_never_written_anew() -> None:
    assert choose([full(number, LARGEST_RECORDS) for number in range(1, 40)], MOST) == []
    segments = [full(1, 1), *(full(number, LARGEST_RECORDS) for number in range(2, 40))]
    assert choose(segments, MOST) == []


def test_hollow_ones_are_merged_even_where_there_are_few() -> None:
    segments = [full(1, 100_000), Sized(2, 49_999, 100_000), Sized(3, 0, 70_000), Sized(4, 50_000, 100_000)]
    assert sorted(choose(segments, MOST)) == [2, 3]
    assert choose([Sized(-1, 0, 0)], MOST) == []


def test_while_uploads_arrive_by_the_thousand_they_stay_few_and_are_written_few_times() -> None:
    segments: list[Sized] = []
    written, merged = 0, 0
    for number in range(1, 3001):
        segments.append(full(number, 20_000))
        while chosen := choose(segments, MOST):
            assert 1 < len(chosen) <= AT_ONCE
            merged -= 1
            records = sum(int(one.records) for one in segments if one.number in chosen)
            segments = [one for one in segments if one.number not in chosen] + [full(merged, records)]
            written += records
        assert len(segments) <= MOST
    assert sum(one.records for one in segments) == 3000 * 20_000
    assert written <= 4 * 3000 * 20_000
