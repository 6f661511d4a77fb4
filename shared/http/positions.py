"""Positions in headers: `Position: debts:57` says how far an answer goes, `Read-After: debts:57` how far it must go."""

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


def read_position(text: str) -> Position:
    """The position that a `Read-After` header says; raises BadParameter."""
    found = _POSITION.fullmatch(text.strip())
    if not found:
        raise BadParameter(READ_AFTER, f"{READ_AFTER}: {text[:80]!r} is no position, as debts:57.")
    return Position(found[1], int(found[2]))
