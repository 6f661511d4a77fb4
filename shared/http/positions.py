"""Positions in headers: `Position: debts:57` says how far an answer goes, `Read-After: debts:57` how far it must go."""

from __future__ import annotations

import re

import msgspec

from shared.errors import BadParameter, Unavailable

HEADER = "Position"
READ_AFTER = "Read-After"
_POSITION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*):([0-9]{1,18})")


class Position(msgspec.Struct, frozen=True):
    """So many events of a dataset."""

    dataset: str
    position: int

    def __str__(self) -> str:
        return f"{self.dataset}:{self.position}"


class Behind(Unavailable):
    """The read tables do not reach the position that was asked for yet; `lag_events` are missing."""

    def __init__(self, wanted: Position, lag_events: int) -> None:
        super().__init__(f"{wanted} is not folded yet, {lag_events} events are missing; ask again.")
        self.lag_events = lag_events


def read_position(text: str) -> Position:
    """The position that a `Read-After` header says; raises BadParameter."""
    found = _POSITION.fullmatch(text.strip())
    if not found:
        raise BadParameter(READ_AFTER, f"{READ_AFTER}: {text[:80]!r} is no position, as debts:57.")
    return Position(found[1], int(found[2]))
