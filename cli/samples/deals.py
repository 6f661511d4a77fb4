"""Sample files of the `deals` dataset; beside the flow."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from cli.samples import words
from cli.samples.columns import days, joined, numbers, picks, short_money
from cli.samples.writing import Shape

LABELS = ("customer", "item", "total", "quantity", "date")
CUSTOMERS = [login.replace(".", "") for login in words.LOGINS.split()[:18]]


def deal_cells(rng: np.random.Generator, _: int, rows: int) -> pl.DataFrame:
    """Good rows: 18 customers of which few spend most, times with a fraction of a second or without."""
    rank = np.minimum(rng.geometric(0.2, size=rows) - 1, len(CUSTOMERS) - 1)
    quantity = numbers(rng, rows, 1, 24)
    columns = (
        pl.Series(CUSTOMERS).gather(rank),
        picks(rng, rows, words.STONES.split()),
        short_money(quantity * numbers(rng, rows, 20, 600) * 100),
        quantity.cast(pl.String),
        _moments(rng, rows),
    )
    return pl.DataFrame(dict(zip(LABELS, columns, strict=True)))


def _moments(rng: np.random.Generator, rows: int) -> pl.Series:
    day = days(rng, rows, date(2023, 12, 14), date(2024, 12, 13)).dt.to_string("%Y-%m-%d")
    hour, minute, second = (numbers(rng, rows, 0, last).cast(pl.String).str.zfill(2) for last in (23, 59, 59))
    fraction = joined([".", numbers(rng, rows, 0, 999_999).cast(pl.String).str.zfill(6)])
    whole = pl.Series(rng.random(rows) < 0.2)
    return joined([day, " ", hour, ":", minute, ":", second, fraction.zip_with(~whole, pl.Series([""] * rows))])


SHAPE = Shape(
    labels=LABELS,
    key=None,
    repeats={},
    bad_cells={
        "bad-date": ("date", ("2024-02-30 10:00:00", "2024-05-17 25:10:00", "17.05.2024")),
        "bad-amount": ("total", ("-40", "12.345", "a lot")),
        "bad-number": ("quantity", ("2.5", "-1", "three")),
        "no-value": ("customer", ("",)),
    },
    cells=deal_cells,
)
