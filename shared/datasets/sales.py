"""Sales records (the Atlan system)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Format, Ge, Indexed, MaxLength, Range, Scale
from shared.datasets.rankings import Measure, Ranking, Sum

Money = Annotated[Decimal, Scale(2), Range()]


class Sale(Record, frozen=True, kw_only=True):
    """One order; dates are written M/D/YYYY in files, padded or not. `from` and `to` filter by the order date."""

    order_id: Annotated[int, Ge(0)]
    region: Annotated[str, MaxLength(100)]
    country: Annotated[str, Indexed(), MaxLength(100)]
    item_type: Annotated[str, MaxLength(100)]
    sales_channel: Annotated[str, MaxLength(32)]
    order_priority: Annotated[str, MaxLength(8)]
    order_date: Annotated[date, Format("%m/%d/%Y"), Range("from", "to"), Indexed()]
    ship_date: Annotated[date, Format("%m/%d/%Y"), Range()]
    units_sold: Annotated[int, Ge(0), Range()]
    unit_price: Money
    unit_cost: Money
    total_revenue: Money
    total_cost: Money
    total_profit: Annotated[Decimal, Scale(2), Range(), Indexed()]


TOTALS: dict[str, Measure] = {
    "revenue": Sum("total_revenue"),
    "profit": Sum("total_profit"),
    "units": Sum("units_sold"),
}

BY_COUNTRY = Ranking(
    name="by-country",
    title="Countries by revenue",
    group={"country": "country"},
    measures=TOTALS,
    order="revenue",
)

BY_ITEM_TYPE = Ranking(
    name="by-item-type",
    title="Types of items by revenue",
    group={"item_type": "item_type"},
    measures=TOTALS,
    order="revenue",
)

dataset = declare(
    "sales", Sale, title="Sales", key="order_id", encodings=("cp1252",), rankings=(BY_COUNTRY, BY_ITEM_TYPE)
)
