"""What clients bought and sold (the Neo system), partitioned by date."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Format, Ge, Indexed, Length, PartitionBy, Range, Refers, Scale, Upper, When

DAY = Format.of("%Y-%m-%d", "%Y-%m-%d 00:00:00", "%Y-%m-%dT00:00:00")
"""A day as text, or as a spreadsheet's cell of a day becomes text."""


class Transaction(Record, frozen=True, kw_only=True):
    """One transaction; its client may come later. No purchase is negative; sales mostly are, and need not be."""

    transaction_id: UUID
    client_id: Annotated[UUID, Refers("clients"), Indexed()]
    transaction_type: Literal["BUY", "SELL"]
    transaction_date: Annotated[date, DAY, Range("start_date", "end_date"), Indexed(), PartitionBy(years=5)]
    amount: Annotated[Decimal, Scale(2), When("transaction_type", "BUY", Ge(0)), Range()]
    currency: Annotated[str, Upper(), Length(3), Indexed()]


dataset = declare(
    "transactions", Transaction, title="Transactions of clients", key="transaction_id", encodings=("cp1252",)
)
