"""Sample files of the `clients` dataset; beside the flow."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from cli.samples import words
from cli.samples.columns import days, joined, numbers, picks, short_money, uuids
from cli.samples.writing import DUPLICATE, Shape

LABELS = ("client_id", "name", "email", "date_of_birth", "country", "account_balance")
COUNTRIES = ("", "Austria", "Brazil", "Canada", "Germany", "Portugal", "United Kingdom", "USA")
CLIENTS_SEED = 95


def client_ids(first: int, rows: int) -> pl.Series:
    """The same ids whatever the seed of a file, so that files of transactions refer to them."""
    return uuids(np.random.default_rng([CLIENTS_SEED, first]), rows)


def client_cells(rng: np.random.Generator, first: int, rows: int) -> pl.DataFrame:
    """Good rows: e-mails in mixed case, some without a country or a balance."""
    first_name, last_name = picks(rng, rows, words.FIRST_NAMES.split()), picks(rng, rows, words.LAST_NAMES.split())
    login, numbered = picks(rng, rows, words.LOGINS.split()), numbers(rng, rows, 1, 999).cast(pl.String)
    email = joined([login, numbered, "@", picks(rng, rows, words.MAIL_HOSTS)])
    balance = short_money(numbers(rng, rows, 0, 9_999_999))
    columns = (
        client_ids(first, rows),
        joined([first_name, " ", last_name]),
        email.zip_with(pl.Series(rng.random(rows) < 0.9), email.str.to_uppercase()),
        days(rng, rows, date(1945, 1, 1), date(2004, 12, 31)).dt.to_string("%Y-%m-%d"),
        picks(rng, rows, COUNTRIES),
        balance.zip_with(pl.Series(rng.random(rows) < 0.95), pl.Series([""] * rows)),
    )
    return pl.DataFrame(dict(zip(LABELS, columns, strict=True)))


SHAPE = Shape(
    labels=LABELS,
    key="client_id",
    repeats={DUPLICATE: ("client_id",)},
    bad_cells={
        "bad-uuid": ("client_id", ("", "C-1024", "00000000-0000-0000-0000-00000000000g")),
        "no-value": ("name", ("",)),
        "bad-email": ("email", ("nobody", "nobody@example", "no body@example.com")),
        "bad-date": ("date_of_birth", ("1984-02-30", "14/05/1990", "unknown")),
        "bad-amount": ("account_balance", ("12.345", "plenty")),
    },
    cells=client_cells,
)
