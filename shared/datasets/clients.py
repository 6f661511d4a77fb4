"""Clients of an investment desk (the Neo system); their transactions are a dataset of their own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Format, Ge, Indexed, Le, Lower, MaxLength, Pattern, Range, Scale, Search

EMAIL = Pattern(r"[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}", "an e-mail address")
MOST = 9_999_999_999_999
"""Thirteen digits before the point and two behind it."""


class Client(Record, frozen=True, kw_only=True):
    """One client; an empty balance is 0."""

    client_id: UUID
    name: Annotated[str, Search(), MaxLength(100)]
    email: Annotated[str, Search(), Lower(), MaxLength(100), EMAIL]
    date_of_birth: Annotated[date, Format.of("%Y-%m-%d", "%Y-%m-%d 00:00:00", "%Y-%m-%dT00:00:00"), Range()]
    country: Annotated[str | None, Indexed(), MaxLength(15)] = None
    account_balance: Annotated[
        Decimal, Scale(2), Ge(-MOST), Le(MOST), Range("min_balance", "max_balance"), Indexed()
    ] = Decimal(0)


dataset = declare("clients", Client, title="Clients", key="client_id", encodings=("cp1252",))
