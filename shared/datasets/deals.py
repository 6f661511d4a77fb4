"""Deals in precious stones: a new file replaces the old one (the deals system)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Format, Ge, Indexed, MaxLength, Range, Scale, Search
from shared.datasets.rankings import Ranking, Shared, Sum


class Deal(Record, frozen=True, kw_only=True):
    """One purchase; `total` is the sum of the deal, not the price of one stone. Times are UTC."""

    customer: Annotated[str, Indexed(), MaxLength(30)]
    item: Annotated[str, Search(), MaxLength(30)]
    total: Annotated[Decimal, Scale(2), Ge(0), Range()]
    quantity: Annotated[int, Ge(0), Range()]
    date: Annotated[datetime, Format.of("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"), Range(), Indexed()]


TOP_CUSTOMERS = Ranking(
    name="top-customers",
    title="The customers that spent most, and the stones that several of them bought",
    group={"username": "customer"},
    measures={"spent_money": Sum("total")},
    order="spent_money",
    limit=5,
    extras={"gems": Shared("item", by_at_least=2)},
    also="response",
)

dataset = declare(
    "deals", Deal, title="Deals", key=None, encodings=("cp1251",), replaces=True, rankings=(TOP_CUSTOMERS,)
)
