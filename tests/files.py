"""Files that tests send; every one is new, so that no two tests ever send the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from uuid import UUID, uuid4

DEBT_LABELS = ("name", "governmentId", "email", "debtAmount", "debtDueDate", "debtId")
ACCOUNT_LABELS = ("client reference no", "balance", "status", "consumer name", "consumer address", "ssn")


def debt(key: UUID | str | None = None, **cells: str) -> list[str]:
    """A good row of debts, but for the cells given by their labels."""
    good = {
        "name": "Ann Example",
        "governmentId": "0123",
        "email": "ann@example.com",
        "debtAmount": "12.50",
        "debtDueDate": "2024-02-29",
        "debtId": str(key or uuid4()),
    }
    return [{**good, **cells}[label] for label in DEBT_LABELS]


def account(key: UUID | str, consumer: str, *, balance: str = "10.00", status: str = "INACTIVE") -> list[str]:
    """One consumer's row of an account."""
    return [str(key), balance, status, consumer, f"1 Elm Street\nTown {consumer}", "990-11-2222"]


def table(labels: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str = ",", end: str = "\n") -> str:
    """A delimited file; cells that need it are quoted."""
    special = re.compile(f'[{re.escape(delimiter)}"\n\r]')

    def line(row: Sequence[str]) -> str:
        if special.search("".join(row)):
            row = [f'"{cell.replace(chr(34), 2 * chr(34))}"' if special.search(cell) else cell for cell in row]
        return delimiter.join(row)

    return "".join(line(row) + end for row in (labels, *rows))


def debts(*rows: Sequence[str]) -> bytes:
    """A file of debts."""
    return table(DEBT_LABELS, rows).encode()


def accounts(*rows: Sequence[str]) -> bytes:
    """A file of accounts."""
    return table(ACCOUNT_LABELS, rows).encode()
