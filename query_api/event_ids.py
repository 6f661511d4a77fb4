"""What the `id:` of an event says: how far its reader has come, so that he can go on there; query -> *HTTP*.

`debts:57,sales:3;1764415200123456.1a2b3c4d`: the positions of datasets, and behind the semicolon the rebuilds: when the
newest that is known was asked for (microseconds since 1970), and the first digits of those that were under way.
"""

from __future__ import annotations

import re
from typing import Final, Self

import msgspec

from shared.errors import BadParameter

HEADER: Final = "Last-Event-ID"
LONGEST: Final = 4096
_POSITION = "[A-Za-z_][A-Za-z0-9_]{0,62}:[0-9]{1,18}"
_FORM = re.compile(f"({_POSITION}(?:,{_POSITION})*)?(?:;([0-9]{{1,18}})((?:\\.[0-9a-f]{{8}})*))?", re.ASCII)


class Since(msgspec.Struct):
    """How far a listener has come; `positions` are those of datasets, a missing one is 0.

    `rebuilds` are those under way, by the first eight digits of their ids; `asked_us` is when the newest was asked for.
    """

    positions: dict[str, int] = {}
    asked_us: int = 0
    rebuilds: list[str] = []

    def __str__(self) -> str:
        positions = ",".join(f"{dataset}:{position}" for dataset, position in self.positions.items() if position)
        rebuilds = f";{'.'.join((str(self.asked_us), *self.rebuilds))}" if self.asked_us else ""
        return positions + rebuilds

    def only(self, datasets: frozenset[str]) -> Self:
        """The same of some datasets alone."""
        kept = {name: position for name, position in self.positions.items() if name in datasets}
        return type(self)(kept, self.asked_us, list(self.rebuilds))


def read_since(text: str, parameter: str = HEADER) -> Since:
    """What an id says; raises BadParameter for one that is none of ours."""
    found = _FORM.fullmatch(text) if 0 < len(text) <= LONGEST else None
    if found is None:
        says = f"{parameter}: {text[:80]!r} is no id of an event, such as debts:57."
        raise BadParameter(parameter, f"{says} Leave it out to begin with what is now.")
    positions = (one.split(":") for one in (found[1] or "").split(",") if one)
    rebuilds = [one for one in (found[3] or "").split(".") if one]
    return Since({dataset: int(position) for dataset, position in positions}, int(found[2] or 0), rebuilds)
