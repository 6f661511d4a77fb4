"""From a file's columns to a draft: every column, the key, free names of filters; beside the flow, for people."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from cli.infer.guessing import Column, guess_column
from cli.infer.naming import TAKEN, field_names
from cli.infer.reading import Seen
from shared.datasets.fields import Range
from shared.tabular.header import normalized

KEY_WORDS = {"id", "key", "no", "number", "code", "reference", "ref", "uuid", "isbn", "sku"}
KEY_CHARACTERS = 200


class Draft(msgspec.Struct, frozen=True):
    """The columns that the draft declares, the one that may be the key, and the labels that it leaves out."""

    columns: tuple[Column, ...]
    key: Column | None
    left_out: int


def draft_of(seen: Seen) -> Draft:
    """Declare every column that has a label."""
    labelled = [(index, label) for index, label in enumerate(seen.labels) if normalized(label)]
    names = field_names([label for _, label in labelled])
    columns = [
        guess_column(label, name, seen.rows[f"c{index}"]) for (index, label), name in zip(labelled, names, strict=True)
    ]
    return Draft(_with_free_ranges(columns), _key_of(columns), len(seen.labels) - len(columns))


def _with_free_ranges(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Without the ranges whose parameters would be called like another column or another range."""
    taken = TAKEN | {column.name for column in columns}
    found = []
    for column in columns:
        ends = _ends(column)
        if ends & taken:
            markers = tuple(marker for marker in column.markers if not isinstance(marker, Range))
            column = msgspec.structs.replace(column, markers=markers)
        taken |= ends
        found.append(column)
    return tuple(found)


def _ends(column: Column) -> set[str]:
    if not any(isinstance(marker, Range) for marker in column.markers):
        return set()
    return {f"{column.name}_from", f"{column.name}_to", f"min_{column.name}", f"max_{column.name}"}


def _key_of(columns: Sequence[Column]) -> Column | None:
    """The column that most likely identifies a record: never missing, never the same, and called or made like a key."""
    unique = [column for column in columns if column.unique and column.type in (UUID, int, str)]
    called = [column for column in unique if KEY_WORDS & set(normalized(column.label).split()) and not column.digits]
    made = [column for column in unique if column.type is UUID]
    return next(iter([*(one for one in made if one in called), *made, *called]), None)
