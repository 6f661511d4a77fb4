"""Sample files of the `transactions` dataset; beside the flow."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from cli.samples.clients import client_ids
from cli.samples.columns import days, joined, numbers, picks, short_money, uuids
from cli.samples.writing import DUPLICATE, Shape

LABELS = ("transaction_id", "client_id", "transaction_type", "transaction_date", "amount", "currency")
CLIENTS = 500


def transaction_cells(rng: np.random.Generator, _: int, rows: int) -> pl.DataFrame:
    """Good rows over sixteen years, of the first 500 clients of a sample; types and currencies in any case."""
    amount = short_money(numbers(rng, rows, 100, 999_999))
    bought = pl.Series(rng.random(rows) < 0.5)
    columns = (
        uuids(rng, rows),
        client_ids(0, CLIENTS).gather(rng.integers(0, CLIENTS, size=rows)),
        picks(rng, rows, ("buy", "BUY", "buy")).zip_with(bought, picks(rng, rows, ("sell", "SELL", "sell"))),
        days(rng, rows, date(2009, 1, 1), date(2024, 12, 31)).dt.to_string("%Y-%m-%d"),
        amount.zip_with(bought, joined(["-", amount])),
        picks(rng, rows, ("EUR", "USD", "GBP", "CHF", "usd")),
    )
    return pl.DataFrame(dict(zip(LABELS, columns, strict=True)))


SHAPE = Shape(
    labels=LABELS,
    key="transaction_id",
    repeats={DUPLICATE: ("transaction_id",)},
    bad_cells={
        "bad-uuid": ("transaction_id", ("", "T-77", "00000000-0000-0000-0000-00000000000g")),
        "bad-type": ("transaction_type", ("", "gift", "swap")),
        "bad-date": ("transaction_date", ("2023-02-30", "last week", "2024-01-22 10:15:00")),
        "bad-amount": ("amount", ("", "12.345", "a few")),
        "negative-purchase": ("amount", ("-0.01", "-0.50")),
        "bad-currency": ("currency", ("", "EURO", "$")),
    },
    beside={"negative-purchase": ("transaction_type", "buy")},
    cells=transaction_cells,
)
