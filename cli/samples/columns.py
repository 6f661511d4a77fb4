"""Columns of random text, made whole blocks at a time; beside the flow, for people and tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
HEX_PLACES = [place for place in range(36) if place not in (8, 13, 18, 23)]


def uuids(rng: np.random.Generator, rows: int) -> pl.Series:
    """Version 4 UUIDs in canonical lower case."""
    nibbles = rng.integers(0, 16, size=(rows, 32), dtype=np.uint8)
    nibbles[:, 12] = 4
    nibbles[:, 16] = 8 + nibbles[:, 16] % 4
    text = np.full((rows, 37), ord("-"), dtype=np.uint8)
    text[:, HEX_PLACES] = HEX[nibbles]
    text[:, 36] = ord("\n")
    return pl.Series(text.tobytes().decode("ascii").split("\n")[:rows], dtype=pl.String)


def picks(rng: np.random.Generator, rows: int, words: Sequence[str]) -> pl.Series:
    """One of `words` for each row."""
    return pl.Series(list(words), dtype=pl.String).gather(rng.integers(0, len(words), size=rows))


def numbers(rng: np.random.Generator, rows: int, low: int, high: int) -> pl.Series:
    """Integers from `low` to `high`, both inclusive."""
    return pl.Series(rng.integers(low, high + 1, size=rows, dtype=np.int64))


def days(rng: np.random.Generator, rows: int, first: date, last: date) -> pl.Series:
    """Dates from `first` to `last`, both inclusive."""
    offsets = numbers(rng, rows, first.toordinal(), last.toordinal()) - date(1970, 1, 1).toordinal()
    return offsets.cast(pl.Int32).cast(pl.Date)


def money(cents: pl.Series) -> pl.Series:
    """Cents with a point and always two places: 1250 is `12.50`."""
    return (cents // 100).cast(pl.String) + "." + (cents % 100).cast(pl.String).str.zfill(2)


def short_money(cents: pl.Series) -> pl.Series:
    """Cents without needless zeros, as spreadsheets write them: 1250 is `12.5`, 1200 is `12`."""
    return money(cents).str.replace(r"\.?0{1,2}$", "")


def joined(parts: Sequence[pl.Series | str]) -> pl.Series:
    """The parts one after the other, row by row."""
    columns = [pl.lit(part) if isinstance(part, str) else part for part in parts]
    return pl.select(pl.concat_str(columns)).to_series()
