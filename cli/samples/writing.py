"""Writes a sample file in blocks and knows what it planted in it; beside the flow, for people and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

BLOCK_ROWS = 50_000

MISSING_CELL = "missing-cell"
EXTRA_CELL = "extra-cell"
BLANK_ROW = "blank-row"
DUPLICATE = "duplicate"
CONFLICT = "conflict"

Bad = Mapping[str, float] | Literal["all"] | None
"""The share of rows of each kind of dirt (0 to 1, together at most 1), or "all": every row is bad, all kinds alike."""

Places = dict[str, NDArray[np.int64]]
"""The rows of a block, counted from 0, that get each kind of dirt."""

NOWHERE = np.empty(0, dtype=np.int64)


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset's files look like.

    `cells(rng, first_row, rows)` makes the good cells as text, already quoted. `bad_cells` names, for each kind of bad
    cell, its label and the values that are refused there; `repeats`, for each kind of row that says something again,
    the labels whose cells are those of an earlier good row. `key` is the label that identifies a record, None where
    each row is one. `beside` gives, for some kinds of bad cell, another label and the value that makes the cell bad.
    """

    labels: tuple[str, ...]
    key: str | None
    repeats: dict[str, tuple[str, ...]]
    bad_cells: dict[str, tuple[str, tuple[str, ...]]]
    cells: Callable[[np.random.Generator, int, int], pl.DataFrame]
    beside: dict[str, tuple[str, str]] = {}

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind of dirt that can be planted."""
        return (*self.spoilt_kinds, BLANK_ROW, *self.repeats)

    @property
    def spoilt_kinds(self) -> tuple[str, ...]:
        """The kinds of dirt that make a row rejected, whatever the others say."""
        return (*self.bad_cells, MISSING_CELL, EXTRA_CELL)


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds: read = accepted + rejected + duplicate + blank; `kinds` counts rows by kind of dirt."""

    read: int
    accepted: int
    rejected: int
    duplicate: int
    blank: int
    records: int
    kinds: dict[str, int]


def write_sample(path: Path, shape: Shape, rows: int, seed: int, bad: Bad = None) -> Planted:
    """Write `rows` rows and a header as UTF-8 with LF, the same bytes for the same arguments, in constant memory.

    Raises ValueError where `bad` names an unknown kind or leaves no good row for a duplicate to repeat.
    """
    shares = _shares(shape, bad)
    kinds = dict.fromkeys(shares, 0)
    records = 0
    with path.open("wb") as file:
        file.write((",".join(shape.labels) + "\n").encode())
        for first in range(0, rows, BLOCK_ROWS):
            last = min(first + BLOCK_ROWS, rows)
            counts = {kind: int(share * last + 1e-6) - int(share * first + 1e-6) for kind, share in shares.items()}
            if bad == "all":
                counts = _level(counts, last - first)
            lines, good_records = _block(shape, np.random.default_rng([seed, first]), first, last - first, counts)
            lines.to_frame().write_csv(file, include_header=False, quote_style="never")
            records += good_records
            kinds = {kind: kinds[kind] + count for kind, count in counts.items()}
    return _planted(rows, records, kinds)


def _shares(shape: Shape, bad: Bad) -> dict[str, float]:
    if bad == "all":
        return dict.fromkeys(shape.spoilt_kinds, 1 / len(shape.spoilt_kinds))
    shares = dict(bad or {})
    if unknown := set(shares) - set(shape.kinds):
        raise ValueError(f"Unknown kinds of dirt: {', '.join(sorted(unknown))}; known: {', '.join(shape.kinds)}.")
    if sum(shares.values()) > (0.9 if set(shares) & set(shape.repeats) else 1):
        raise ValueError("The shares of bad rows leave no good ones; lower them.")
    return shares


def _level(counts: dict[str, int], rows: int) -> dict[str, int]:
    """Equal shares of a block that has no other rows."""
    return {kind: rows // len(counts) + (place < rows % len(counts)) for place, kind in enumerate(counts)}


def _block(
    shape: Shape, rng: np.random.Generator, first: int, rows: int, counts: dict[str, int]
) -> tuple[pl.Series, int]:
    """The lines of one block, and how many records its good rows make."""
    cells = shape.cells(rng, first, rows)
    places = _places(rng, rows, counts)
    good = np.setdiff1d(np.arange(rows), np.concatenate([*places.values(), NOWHERE]))
    for kind, labels in shape.repeats.items():
        if len(spots := places.get(kind, NOWHERE)):
            earlier = good[rng.integers(0, np.searchsorted(good, spots))]
            cells = cells.with_columns(cells[label].scatter(spots, cells[label].gather(earlier)) for label in labels)
    for kind, (label, values) in shape.bad_cells.items():
        if len(spots := places.get(kind, NOWHERE)):
            wrong = pl.Series([values[one % len(values)] for one in range(len(spots))])
            cells = cells.with_columns(cells[label].scatter(spots, wrong))
            if kind in shape.beside:
                other, value = shape.beside[kind]
                cells = cells.with_columns(cells[other].scatter(spots, value))
    records = cells[shape.key].gather(good).n_unique() if shape.key else len(good)
    return _lines(cells, places), records


def _places(rng: np.random.Generator, rows: int, counts: dict[str, int]) -> Places:
    """Which rows of a block get which kind of dirt; no row gets two, and the first gets one only if all do."""
    free = rows - 1 if sum(counts.values()) < rows else rows
    order = rng.permutation(free) + (rows - free)
    ends = np.cumsum(list(counts.values()))
    return {kind: np.sort(order[end - counts[kind] : end]) for kind, end in zip(counts, ends, strict=True)}


def _lines(cells: pl.DataFrame, places: Places) -> pl.Series:
    """Cells to lines; a row that misses cells keeps its first two, blank rows are empty or hold delimiters only."""
    lines = cells.select(pl.concat_str(pl.all(), separator=",").alias("line")).to_series()
    for kind, spots in places.items():
        if kind == MISSING_CELL and len(spots):
            short = cells[spots].select(pl.concat_str(cells.columns[:2], separator=",")).to_series()
            lines = lines.scatter(spots, short)
        if kind == EXTRA_CELL and len(spots):
            lines = lines.scatter(spots, lines.gather(spots) + ",surplus")
        if kind == BLANK_ROW and len(spots):
            blank = ("", "," * (cells.width - 1))
            lines = lines.scatter(spots, pl.Series([blank[one % 2] for one in range(len(spots))]))
    return lines


def _planted(rows: int, records: int, kinds: dict[str, int]) -> Planted:
    rejected = sum(count for kind, count in kinds.items() if kind not in (BLANK_ROW, DUPLICATE))
    blank, duplicate = kinds.get(BLANK_ROW, 0), kinds.get(DUPLICATE, 0)
    return Planted(
        read=rows,
        accepted=rows - rejected - blank - duplicate,
        rejected=rejected,
        duplicate=duplicate,
        blank=blank,
        records=records,
        kinds=kinds,
    )
