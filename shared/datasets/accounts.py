"""Collection accounts: many rows make one account, its consumers are a list inside it (the Aktos system)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Indexed, Label, MaxLength, Parameter, Pattern, Range, Scale, Search, Sensitive
from shared.datasets.rankings import RecordRanking


class Consumer(Record, frozen=True, kw_only=True):
    """One person who owes the debt of an account."""

    name: Annotated[str, Label.of("consumer name"), Parameter("consumer_name"), Search(), MaxLength(200)]
    address: Annotated[str | None, Label.of("consumer address"), Parameter("consumer_address"), Search()] = None
    ssn: Annotated[str | None, Pattern(r"\d{3}-\d{2}-\d{4}", "written NNN-NN-NNNN"), Sensitive()] = None


class Account(Record, frozen=True, kw_only=True):
    """One account of a client; all rows with its reference must agree on balance and status."""

    client_reference_no: Annotated[UUID, Label.of("client reference no", "client reference number")]
    balance: Annotated[Decimal, Scale(2), Range(), Indexed()]
    status: Annotated[Literal["INACTIVE", "PAID_IN_FULL", "IN_COLLECTION"], Indexed()]
    consumers: list[Consumer]


HIGHEST_BALANCES = RecordRanking(
    name="highest-balances",
    title="The accounts of each status with the highest balances",
    fields=("client_reference_no", "status", "balance"),
    order="balance",
    per="status",
)

dataset = declare(
    "accounts",
    Account,
    title="Collection accounts",
    key="client_reference_no",
    encodings=("cp1252",),
    rankings=(HIGHEST_BALANCES,),
)
