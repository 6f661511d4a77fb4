"""Sample files of the `teams` dataset; beside the flow."""

from __future__ import annotations

import numpy as np
import polars as pl

from cli.samples import words
from cli.samples.columns import joined, numbers, picks
from cli.samples.writing import Shape

LABELS = ("team_name", " manager_name", " manager_phone_number")
"""With the spaces behind the commas that such files have."""


def team_cells(rng: np.random.Generator, _: int, rows: int) -> pl.DataFrame:
    """Good rows; a team may come twice, for no column identifies one."""
    syllables = [picks(rng, rows, words.SYLLABLES.split()) for _place in range(3)]
    parts = [numbers(rng, rows, *ends).cast(pl.String) for ends in ((201, 989), (200, 999), (1000, 9999))]
    columns = (
        joined(syllables).str.to_titlecase(),
        joined([picks(rng, rows, words.FIRST_NAMES.split()), " ", picks(rng, rows, words.LAST_NAMES.split())]),
        joined(["(", parts[0], ") ", parts[1], "-", parts[2]]),
    )
    return pl.DataFrame(dict(zip(LABELS, columns, strict=True)))


SHAPE = Shape(
    labels=LABELS,
    key=None,
    repeats={},
    bad_cells={
        "no-value": ("team_name", ("",)),
        "swapped-columns": (" manager_phone_number", ("Theodora Klein", "Bruno Prado")),
        "long-number": (" manager_phone_number", ("(212) 555-0123-45",)),
    },
    cells=team_cells,
)
