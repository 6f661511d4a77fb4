"""Which segments are to be merged; read table -> *projection*."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

FAN_IN = 4
"""Segments of similar size from which on it is worth merging them; a tier holds sizes within this factor."""
AT_ONCE = 64
"""Segments that are merged at once, at most."""
LARGEST_RECORDS = 64_000_000
"""A larger segment stays as it is: writing it once more would take longer than readers win."""
HOLLOW = 0.5
"""A segment with less than this part of its records left is written anew, for its space."""


class Sized(msgspec.Struct, frozen=True):
    """A live segment but the open one: the records that it has, as far as is known, and those that it had at first."""

    number: int
    records: float
    loaded: int

    @property
    def tier(self) -> int:
        """Sizes of the same tier are less than FAN_IN apart."""
        return int(math.log(max(self.records, 1), FAN_IN))


def choose(segments: Sequence[Sized], most: int) -> list[int]:
    """The numbers of those to merge next; empty where all is well.

    Where there are more than `most`: of the smallest tier that has enough of them all, else just so many of the
    smallest that `most` remain. So a record is written anew once for each tier that it passes. Otherwise the segments
    that are hollow.
    """
    small = sorted((one for one in segments if one.records < LARGEST_RECORDS), key=lambda one: one.records)
    if len(segments) > most and len(small) > 1:
        tiers: dict[int, list[int]] = {}
        for one in small:
            tiers.setdefault(one.tier, []).append(one.number)
        full = [numbers for numbers in tiers.values() if len(numbers) >= FAN_IN]
        surplus = max(2, len(segments) - most + 1)
        return full[0][:AT_ONCE] if full else [one.number for one in small[: min(surplus, AT_ONCE)]]
    return [one.number for one in small if one.loaded and one.records < HOLLOW * one.loaded][:AT_ONCE]
