"""Cells that a spreadsheet would run: how an exported file guards them, and how one that comes back is known.

A guarded cell has one ' more before it, also where it had some already, so that taking one away gives back what it was.
Files whose cells may be guarded have a column `_safe`, which is empty; without it no cell is touched.
"""

from __future__ import annotations

import re
from typing import Final

SAFE: Final = "_safe"
"""The label of the column that marks a file with guarded cells."""

GUARD: Final = "'"

FORMULA: Final = r"^'*[=+@\t\r-]"
"""What a spreadsheet takes for a formula, or would once the ' before it are gone."""

PLAIN_NUMBER: Final = r"^[+-]?[0-9]+([.][0-9]+)?$"
"""Stays as it is: to a spreadsheet, too, it is but a number."""

GUARDED: Final = r"^'('*[=+@\t\r-])"
"""A guarded cell; the group is how the cell itself begins."""

_FORMULA, _NUMBER, _GUARDED = (re.compile(one) for one in (FORMULA, PLAIN_NUMBER, GUARDED))


def guarded(cell: str) -> str:
    """The cell as a spreadsheet may read it."""
    return GUARD + cell if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    return cell[1:] if _GUARDED.match(cell) else cell
