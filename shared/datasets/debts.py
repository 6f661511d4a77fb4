"""Debts to collect, one row each (the Kanastra system)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Ge, Indexed, Label, MaxLength, Pattern, Range, Scale, Search, Sensitive
from shared.datasets.rankings import Count, Ranking, Sum


class Debt(Record, frozen=True, kw_only=True):
    """`status` is PROCESSED once the row is published, unless the file or a person says otherwise.

    Rejected rows show as FAILED, rows that wait for review as PENDING.
    """

    debt_id: Annotated[UUID, Label.of("debtId", "debtID")]
    name: Annotated[str, Search(), MaxLength(200)]
    government_id: Annotated[str, Label.of("governmentId"), Indexed(), MaxLength(32), Sensitive()]
    email: Annotated[str, MaxLength(254), Pattern(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")]
    debt_amount: Annotated[Decimal, Label.of("debtAmount"), Scale(2), Ge(0), Range(), Indexed()]
    debt_due_date: Annotated[date, Label.of("debtDueDate"), Range(), Indexed()]
    status: Annotated[Literal["PENDING", "PROCESSED", "FAILED"], Label.of("status")] = "PROCESSED"


TOP_DEBTORS = Ranking(
    name="top-debtors",
    title="The people with the largest debts, of all their debts together",
    group={"government_id": "government_id"},
    measures={"debt_amount": Sum("debt_amount"), "debts": Count()},
    order="debt_amount",
    kept=False,  # Nearly as many people as debts: keeping their totals takes longer than loading the debts.
)

dataset = declare(
    "debts",
    Debt,
    title="Debts",
    key="debt_id",
    encodings=("cp1252",),
    rejected_as=("status", "FAILED"),
    staged_as=("status", "PENDING"),
    rankings=(TOP_DEBTORS,),
)
