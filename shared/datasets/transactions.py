"""What clients bought and sold (the Neo system), partitioned by date."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Format, Ge, Indexed, Length, PartitionBy, Range, Refers, Scale, Upper, When
from shared.datasets.rankings import Count, Ranking, Sum

DAY = Format.of("%Y-%m-%d", "%Y-%m-%d 00:00:00", "%Y-%m-%dT00:00:00")
"""A day as text, or as a spreadsheet's cell of a day becomes text."""


class Transaction(Record, frozen=True, kw_only=True):
    """One transaction; its client may come later. No purchase is negative; sales mostly are, and need not be."""

    transaction_id: UUID
    client_id: Annotated[UUID, Refers("clients"), Indexed()]
    transaction_type: Literal["BUY", "SELL"]
    transaction_date: Annotated[
        date, DAY, Range("start_date", "end_date"), Indexed(), PartitionBy(years=5, since=2010, until=2030)
    ]
    amount: Annotated[Decimal, Scale(2), When("transaction_type", "BUY", Ge(0)), Range()]
    currency: Annotated[str, Upper(), Length(3), Indexed()]


TOP_CLIENTS = Ranking(
    name="top-clients",
    title="What clients spent and gained in each currency, by what they spent",
    group={"client_id": "client_id"},
    per="currency",
    measures={
        "spent": Sum("amount", where=("transaction_type", "BUY")),
        "gained": Sum("amount", where=("transaction_type", "SELL"), absolute=True),
        "count": Count(),
    },
    order="spent",
)

dataset = declare(
    "transactions",
    Transaction,
    title="Transactions of clients",
    key="transaction_id",
    encodings=("cp1252",),
    rankings=(TOP_CLIENTS,),
)
