"""Sample files of the `debts` dataset; beside the flow."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from cli.samples import words
from cli.samples.columns import days, joined, money, numbers, picks, uuids
from cli.samples.writing import DUPLICATE, Shape

LABELS = ("name", "governmentId", "email", "debtAmount", "debtDueDate", "debtId")


def debt_cells(rng: np.random.Generator, first: int, rows: int) -> pl.DataFrame:
    """Good rows; about 122 bytes each."""
    first_name, middle, last_name = (
        picks(rng, rows, names.split()) for names in (words.FIRST_NAMES, words.MIDDLE_NAMES, words.LAST_NAMES)
    )
    numbered = pl.int_range(first, first + rows, eager=True).cast(pl.String)
    email = joined([picks(rng, rows, words.LOGINS.split()), numbered, "@", picks(rng, rows, words.MAIL_HOSTS)])
    columns = (
        joined([first_name, " ", middle, " ", last_name]),
        numbers(rng, rows, 10_000_000, 99_999_999_999).cast(pl.String).str.zfill(11),
        email,
        money(numbers(rng, rows, 100_000, 998_999)),
        days(rng, rows, date(2022, 10, 6), date(2024, 10, 4)).dt.to_string("%Y-%m-%d"),
        uuids(rng, rows),
    )
    return pl.DataFrame(dict(zip(LABELS, columns, strict=True)))


SHAPE = Shape(
    labels=LABELS,
    key="debtId",
    repeats={DUPLICATE: ("debtId",)},
    bad_cells={
        "bad-uuid": ("debtId", ("8291", "00000000-0000-0000-0000-00000000000g", "no reference")),
        "bad-date": ("debtDueDate", ("2023-02-30", "06/10/2022", "tomorrow")),
        "bad-amount": ("debtAmount", ("-12.50", "1000.001", "1.000.50", "one hundred")),
        "bad-email": ("email", ("nobody", "nobody at example.com", "nobody@example")),
        "no-value": ("name", ("",)),
    },
    cells=debt_cells,
)
