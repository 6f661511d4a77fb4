"""What a query selects of one dataset in one snapshot; read table -> *query*."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from query_api.moments import Moment
from query_api.ordering import Order
from shared.selection.filters import Condition
from shared.served import Served


class Selection(msgspec.Struct, frozen=True):
    """The records of `table` that meet all `conditions`, in this order; nothing where no generation is served."""

    served: Served
    moment: Moment
    table: sa.FromClause
    conditions: list[Condition]
    order: Order
