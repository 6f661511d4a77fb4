"""Teams and their managers, one row each (the Atlan system); no column identifies a team."""

from __future__ import annotations

from typing import Annotated

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import MaxLength, Pattern, Search

PHONE = Pattern(r"[0-9+(][0-9() .+-]+", "a telephone number such as (212) 555-0123")
"""Loose, but no name passes: two columns that changed places are found at once."""


class Team(Record, frozen=True, kw_only=True):
    """One row of a file; the same team in two rows is two records."""

    team_name: Annotated[str, Search(), MaxLength(100)]
    manager_name: Annotated[str, Search(), MaxLength(100)]
    manager_phone_number: Annotated[str, MaxLength(15), PHONE]


dataset = declare("teams", Team, title="Teams", key=None, encodings=("cp1252",))
