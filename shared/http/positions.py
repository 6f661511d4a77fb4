"""Positions in headers: `Position: debts:57` says how far an answer goes, `Read-After: debts:57` how far it must go.

Where an answer is made of two datasets, `Position` names both, with a comma between; `Read-After` may do so anywhere.
"""

from __future__ import annotations

import re

import msgspec

from shared.errors import BadParameter

HEADER = "Position"
READ_AFTER = "Read-After"
_POSITION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*):([0-9]{1,18})")


class Position(msgspec.Struct, frozen=True):
    """So many events of a dataset."""

    dataset: str
    position: int

    def __str__(self) -> str:
        return f"{self.dataset}:{self.position}"


def read_positions(text: str) -> list[Position]:
    """The positions that a `Read-After` header says; raises BadParameter."""
    return [read_position(one) for one in text.split(",")]


def read_position(text: str) -> Position:
    """One of them; raises BadParameter."""
    found = _POSITION.fullmatch(text.strip())
    if not found:
        raise BadParameter(READ_AFTER, f"{READ_AFTER}: {text[:80]!r} is no position, as debts:57.")
    return Position(found[1], int(found[2]))
