"""Deals in precious stones: a new file replaces the old one (the deals system)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Format, Ge, Indexed, MaxLength, Range, Scale, Search


class Deal(Record, frozen=True, kw_only=True):
    """One purchase; `total` is the sum of the deal, not the price of one stone. Times are UTC."""

    customer: Annotated[str, Indexed(), MaxLength(30)]
    item: Annotated[str, Search(), MaxLength(30)]
    total: Annotated[Decimal, Scale(2), Ge(0), Range()]
    quantity: Annotated[int, Ge(0), Range()]
    date: Annotated[datetime, Format.of("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"), Range(), Indexed()]


dataset = declare("deals", Deal, title="Deals", key=None, encodings=("cp1251",), replaces=True)
