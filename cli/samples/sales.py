"""Sample files of the `sales` dataset; beside the flow."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from cli.samples import words
from cli.samples.columns import days, numbers, picks, short_money
from cli.samples.writing import DUPLICATE, Shape

LABELS = (
    *("Region", "Country", "Item Type", "Sales Channel", "Order Priority", "Order Date", "Order ID", "Ship Date"),
    *("Units Sold", "Unit Price", "Unit Cost", "Total Revenue", "Total Cost", "Total Profit"),
)
PLACES = [(region, country) for region, countries in words.COUNTRIES.items() for country in countries]
ORDER_IDS = 900_000_000
STRIDE = 618_033_989
"""No divisor in common with ORDER_IDS, so that stepping by it meets each order id once."""


def sale_cells(rng: np.random.Generator, first: int, rows: int) -> pl.DataFrame:
    """Good rows: 14 columns, dates M/D/YYYY padded or not, every 24th or so country with a space behind it."""
    place = rng.integers(0, len(PLACES), size=rows)
    item = rng.integers(0, len(words.ITEM_CENTS), size=rows)
    ordered = days(rng, rows, date(2010, 1, 1), date(2017, 7, 28))
    units = numbers(rng, rows, 1, 10_000)
    price, cost = (pl.Series([cents[one] for cents in words.ITEM_CENTS.values()]).gather(item) for one in (0, 1))
    columns = (
        pl.Series([region for region, _ in PLACES]).gather(place),
        _spaced(rng, pl.Series([country for _, country in PLACES]).gather(place)),
        pl.Series(list(words.ITEM_CENTS)).gather(item),
        picks(rng, rows, ("Online", "Offline")),
        picks(rng, rows, ("C", "H", "L", "M")),
        _written(rng, ordered),
        _order_ids(first, rows),
        _written(rng, ordered + pl.Series(rng.integers(0, 51, size=rows)).cast(pl.Duration("ms")) * 86_400_000),
        units.cast(pl.String),
        *(short_money(cents) for cents in (price, cost, units * price, units * cost, units * (price - cost))),
    )
    return pl.DataFrame(dict(zip(LABELS, columns, strict=True)))


def _order_ids(first: int, rows: int) -> pl.Series:
    """Nine digits, each id once in any file of up to 900 million rows."""
    steps = pl.int_range(first + 1, first + rows + 1, eager=True)
    return (steps * STRIDE % ORDER_IDS + 100_000_000).cast(pl.String)


def _spaced(rng: np.random.Generator, countries: pl.Series) -> pl.Series:
    spaces = pl.Series(np.where(rng.random(len(countries)) < 0.0424, " ", "").tolist(), dtype=pl.String)
    return countries + spaces


def _written(rng: np.random.Generator, dates: pl.Series) -> pl.Series:
    padded, plain = dates.dt.to_string("%m/%d/%Y"), dates.dt.to_string("%-m/%-d/%Y")
    return padded.zip_with(pl.Series(rng.random(len(dates)) < 0.4), plain)


SHAPE = Shape(
    labels=LABELS,
    key="Order ID",
    repeats={DUPLICATE: ("Order ID",)},
    bad_cells={
        "bad-number": ("Order ID", ("A-17", "12.5", "-3")),
        "bad-date": ("Order Date", ("13/45/2012", "2/30/2015", "soon")),
        "bad-amount": ("Total Profit", ("12.345", "n/a")),
        "no-value": ("Region", ("",)),
    },
    cells=sale_cells,
)
