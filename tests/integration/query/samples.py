"""Records for tests of the query API."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

Row = dict[str, object]

NICKS = ("ann", "Ann", "bob", "100%", "a_b", "Zoë", "Жук", "o'neil", "", None)


def debt(number: int, **said: object) -> Row:
    """A debt whose key is its number."""
    return {
        "debt_id": UUID(int=number),
        "name": f"Name {number}",
        "government_id": f"{number:04}",
        "email": f"debtor{number}@example.com",
        "debt_amount": Decimal(number),
        "debt_due_date": date(2024, 1, 1 + number % 28),
        "status": "PROCESSED",
        **said,
    }


def account(number: int, consumers: list[Row], **said: object) -> Row:
    """An account whose key is its number."""
    return {
        "client_reference_no": UUID(int=number),
        "balance": Decimal(100 * number),
        "status": "INACTIVE",
        "consumers": consumers,
        **said,
    }


def consumer(name: str, address: str | None = None, ssn: str | None = None) -> Row:
    return {"name": name, "address": address, "ssn": ssn}


def sale(number: int, **said: object) -> Row:
    """A sale whose key is its number."""
    money = ("unit_price", "unit_cost", "total_revenue", "total_cost", "total_profit")
    return {
        "order_id": number,
        **dict.fromkeys(("region", "country", "item_type", "sales_channel", "order_priority"), "x"),
        "order_date": date(2024, 1, 1),
        "ship_date": date(2024, 2, 1),
        "units_sold": number,
        **dict.fromkeys(money, Decimal("1.00")),
        **said,
    }


def player(number: int, **said: object) -> Row:
    """A player of whom only the number is known."""
    return {
        "number": number,
        **dict.fromkeys(("nick", "team", "league", "score", "born", "seen")),
        **said,
    }


def players(count: int) -> list[Row]:
    """Players with many ties and many NULLs, the same ones each time."""
    chance = random.Random(7)
    return [
        player(
            number,
            nick=chance.choice(NICKS),
            team=chance.choice(("x", "y", None)),
            league=chance.choice(("Red", "Blue", None)),
            score=chance.choice((None, Decimal("-1.5"), Decimal(0), Decimal("0.001"), Decimal(10))),
            born=chance.choice((None, date(1990, 1, 1), date(2000, 2, 29), date.max)),
            seen=chance.choice((None, datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC))),
        )
        for number in range(1, count + 1)
    ]
