"""Sample files of every dataset: `write_<dataset>` writes one and returns what it planted; beside the flow."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Protocol

from cli.samples import accounts, clients, deals, debts, sales, teams, transactions
from cli.samples.writing import Bad, Planted, Shape, write_sample

__all__ = ["SAMPLES", "SHAPES", "Bad", "Planted", "Shape", "Writer", "write_accounts", "write_debts", "write_sales"]


class Writer(Protocol):
    """Writes a sample file; see `write_sample`."""

    def __call__(self, path: Path, *, rows: int, seed: int, bad: Bad = None) -> Planted: ...


SHAPES: dict[str, Shape] = {
    "accounts": accounts.SHAPE,
    "clients": clients.SHAPE,
    "deals": deals.SHAPE,
    "debts": debts.SHAPE,
    "sales": sales.SHAPE,
    "teams": teams.SHAPE,
    "transactions": transactions.SHAPE,
}


def _writer(shape: Shape) -> Writer:
    return partial(write_sample, shape=shape)


write_accounts: Writer = _writer(accounts.SHAPE)
write_debts: Writer = _writer(debts.SHAPE)
write_sales: Writer = _writer(sales.SHAPE)

SAMPLES: dict[str, Writer] = {name: _writer(shape) for name, shape in SHAPES.items()}
