"""Another invented dataset, of the shape of a workbook that a bank really sent."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Format, MaxLength, Range, Scale


class Trade(Record, frozen=True, kw_only=True):
    """One trade of a client."""

    transaction_id: UUID
    client_id: Annotated[str, MaxLength(50)]
    transaction_type: Literal["BUY", "SELL"]
    transaction_date: Annotated[date, Format("%Y-%m-%d"), Range()]
    amount: Annotated[Decimal, Scale(2), Range()]
    currency: Literal["EUR", "USD", "GBP", "JPY"]
    settled: Annotated[date | None, Format("%m/%d/%Y")] = None
    booked_at: Annotated[datetime | None, Format("%Y-%m-%d %H:%M:%S")] = None
    note: str | None = None


dataset = declare("trades", Trade, title="Trades", key="transaction_id")
