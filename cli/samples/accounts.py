"""Sample files of the `accounts` dataset, in which many rows make one account; beside the flow."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cli.samples import words
from cli.samples.columns import joined, money, numbers, picks, uuids
from cli.samples.writing import CONFLICT, DUPLICATE, Shape

LABELS = ("client reference no", "balance", "status", "consumer name", "consumer address", "ssn")
ACCOUNTS_SHARE = 0.763
SHARED_SHARE = 178 / 763
MOST_CONSUMERS = 5


def account_of_row(rng: np.random.Generator, rows: int) -> NDArray[np.int64]:
    """Which account each row belongs to, in mixed order; 763 accounts per 1,000 rows, none with over five rows."""
    accounts = max(1, round(rows * ACCOUNTS_SHARE))
    shared = max(1, round(accounts * SHARED_SHARE))
    seats = np.repeat(np.arange(shared), MOST_CONSUMERS - 1)
    more = rng.choice(seats, size=rows - accounts, replace=False)
    return rng.permutation(np.concatenate([np.arange(accounts), more]))


def account_cells(rng: np.random.Generator, first: int, rows: int) -> pl.DataFrame:
    """Good rows; balance and status are the same in all rows of an account, the address always has two lines."""
    accounts = account_of_row(rng, rows)
    statuses = ("INACTIVE", "PAID_IN_FULL", "IN_COLLECTION")
    columns = (
        uuids(rng, rows).gather(accounts),
        money(numbers(rng, rows, 119_411, 9_993_577)).gather(accounts),
        picks(rng, rows, statuses).gather(accounts),
        _name(rng, rows),
        _address(rng, first, rows),
        _ssn(rng, rows),
    )
    return pl.DataFrame(dict(zip(LABELS, columns, strict=True)))


def _name(rng: np.random.Generator, rows: int) -> pl.Series:
    first, last = picks(rng, rows, words.FIRST_NAMES.split()), picks(rng, rows, words.LAST_NAMES.split())
    return joined([picks(rng, rows, words.TITLES), first, " ", last, picks(rng, rows, words.SUFFIXES)])


def _address(rng: np.random.Generator, first: int, rows: int) -> pl.Series:
    house = pl.int_range(first + 1, first + rows + 1, eager=True).cast(pl.String)
    street = joined(
        ['"', house, " ", picks(rng, rows, words.STREETS.split()), " ", picks(rng, rows, words.STREET_KINDS)]
    )
    code = numbers(rng, rows, 501, 99_950).cast(pl.String).str.zfill(5)
    return joined(
        [
            street,
            "\n",
            picks(rng, rows, words.TOWNS.split()),
            ", ",
            picks(rng, rows, words.STATES.split()),
            " ",
            code,
            '"',
        ]
    )


def _ssn(rng: np.random.Generator, rows: int) -> pl.Series:
    """Numbers from 900 upwards, which are never given to a person."""
    parts = [numbers(rng, rows, *ends).cast(pl.String) for ends in ((900, 999), (10, 99), (1000, 9999))]
    return joined([parts[0], "-", parts[1], "-", parts[2]])


SHAPE = Shape(
    labels=LABELS,
    key="client reference no",
    repeats={DUPLICATE: LABELS, CONFLICT: ("client reference no",)},
    bad_cells={
        "bad-uuid": ("client reference no", ("AC-2291", "zzzzzzzz-0000-4000-8000-000000000000")),
        "bad-amount": ("balance", ("12.345", "n/a", "1e3x")),
        "bad-status": ("status", ("UNKNOWN", "PAID")),
        "bad-ssn": ("ssn", ("12-345-6789", "900101000")),
        "no-value": ("consumer name", ("",)),
    },
    cells=account_cells,
)
