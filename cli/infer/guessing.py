"""What a column of text may be declared as: seen, or guessed and said so; beside the flow, for `tablefold infer`."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import msgspec
import polars as pl

from cli.infer.kinds import guess_kind
from shared.datasets.fields import Marker, Sensitive
from shared.tabular.header import normalized

SSN = "^[0-9]{3}-[0-9]{2}-[0-9]{4}$"
PERSONAL = re.compile(
    r"\b(ssn|social security|tax(payer)? (id|no|number)|government ?id|national id|passport|iban|account number"
    r"|card( number)?|cvv|pin|password|secret|token|date of birth|birth ?(date|day)|dob|salary|wage|diagnosis|cpf)\b"
)
WRITTEN_DIGITS = re.compile(r"\b(phone|telephone|mobile|fax|zip|postal|postcode|ssn|iban|card)\b")
"""Labels of what is written in digits and is no number."""

REPEATED = "guess: an id that comes again: perhaps many rows make one record, as in `accounts`"
MISSING = "guess: the key, if rows without it are to be refused: no two rows have the same"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the draft.

    `unique` says that no two rows have the same value and none has none, `digits` that it is a text of digits such as
    a telephone number.
    """

    label: str
    name: str
    type: Any
    optional: bool
    markers: tuple[Marker, ...]
    notes: tuple[str, ...]
    unique: bool
    digits: bool


def guess_column(label: str, name: str, cells: pl.Series) -> Column:
    """Declare one column by its cells, of which there is one for each row."""
    trimmed = cells.str.strip_chars().replace("", None)
    given = trimmed.drop_nulls()
    values = given.unique(maintain_order=True)
    personal = bool(PERSONAL.search(normalized(label)) or (len(values) and values.str.contains(SSN).all()))
    digits = WRITTEN_DIGITS.search(normalized(label)) is not None
    kind, markers, notes = guess_kind(given, values, digits=digits, personal=personal)
    if personal:
        markers, notes = (*markers, Sensitive()), (*notes, "guess: looks like personal data")
    missing = len(cells) - len(given)
    repeated = values.str.to_lowercase().n_unique() < len(given)
    if kind is UUID and (missing or repeated):
        notes = (*notes, REPEATED if repeated else MISSING)
    return Column(
        label=label,
        name=name,
        type=kind,
        optional=missing > 0 or not len(given),
        markers=markers,
        notes=(_counts(len(cells), missing, len(values)), *notes),
        unique=not missing and not repeated and len(given) > 1,
        digits=digits,
    )


def _counts(rows: int, missing: int, different: int) -> str:
    empty = f", {missing:,} empty: optional" if missing else ", none empty: required (guess)" if rows else ""
    return f"{rows:,} rows, {different:,} different values{empty}"
