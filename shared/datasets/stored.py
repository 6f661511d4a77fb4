"""A declaration as data: what of it shapes read tables, and how it is kept beside the tables that it shaped.

What people see of a dataset (titles, filters, what is sensitive) changes with the code. What decides which rows become
which records, and the tables that hold them, changes by a rebuild alone: `fingerprint` tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from shared.datasets.fields import Field

if TYPE_CHECKING:
    from shared.datasets.declaration import Dataset

SHOWN = frozenset(
    {"title", "parameter", "search", "low", "high", "sensitive", "refers", "limit", "also", "by_at_least", "says"}
)
"""Attributes of fields and rankings that shape no table."""

LATER = frozenset({"trigrams"})
"""Attributes that there were not always: one that says nothing leaves a fingerprint as it was."""


def fingerprint(shape: Iterable[object]) -> str:
    """What tells a declaration from those that would give other read tables: the same shape, the same text."""
    return sha256(msgspec.json.encode(_stripped(msgspec.to_builtins(list(shape))), order="sorted")).hexdigest()[:16]


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stripped(one) for name, one in value.items() if name not in SHOWN and (one or name not in LATER)}
    return [_stripped(one) for one in value] if isinstance(value, list | tuple) else value


def encode_declaration(dataset: Dataset) -> str:
    """All of a declaration as JSON; of its record only the name."""
    plain = {name: getattr(dataset, name) for name in dataset.__struct_fields__}
    return msgspec.json.encode({**plain, "record": dataset.record.__name__}).decode()


def decode_declaration(text: str, own: Dataset) -> Dataset:
    """The declaration that was kept; what `own` calls sensitive now is sensitive in it. Raises msgspec's errors."""
    kind = type(own)
    types = {one.name: one.type for one in msgspec.structs.fields(kind)}
    plain: dict[str, msgspec.Raw] = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    name = msgspec.json.decode(plain.pop("record"), type=str)
    record = type(name, (own.record,), {})  # Only its name is ever looked at.
    said = {one: msgspec.json.decode(value, type=types[one]) for one, value in plain.items() if one in types}
    sensitive = {field.name for field in own.file_fields if field.sensitive}
    kept = kind(record=record, **said)
    members = kept.members
    return msgspec.structs.replace(
        kept,
        fields=_marked(kept.fields, sensitive),
        members=members and type(members)(members.name, _marked(members.fields, sensitive)),
    )


def _marked(fields: tuple[Field, ...], sensitive: set[str]) -> tuple[Field, ...]:
    return tuple(
        msgspec.structs.replace(field, sensitive=True) if field.name in sensitive else field for field in fields
    )


def declared_in(own: Dataset, said: str | None, text: str | None) -> Dataset:
    """The declaration that made a generation, by the fingerprint and the text that were kept with it.

    It is our own where both have the same shape, or where none was kept yet.
    """
    return own if text is None or said == own.fingerprint else decode_declaration(text, own)
