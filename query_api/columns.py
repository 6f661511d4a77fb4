"""`fields`: which columns of a record are answered, and in which order; *HTTP -> query*."""

from __future__ import annotations

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.selection.parameters import Parameter, Query

Body = dict[str, object]

PROVENANCE = ("source", "upload", "row")
"""Where a record comes from: the partner, the upload's id and the row in its file."""


def column_names(dataset: Dataset) -> tuple[str, ...]:
    """All that a record is answered with, in order."""
    members = (dataset.members.name,) if dataset.members else ()
    return (*(field.name for field in dataset.fields), *members, "version", *PROVENANCE)


def fields_parameter(dataset: Dataset) -> Parameter:
    """`fields` with the names that it may hold."""
    says = "What to answer of a record, with commas between; all of it unless given."
    return Parameter(name="fields", kind=Kind.TEXT, description=says, listed=column_names(dataset))


def chosen(query: Query, records: list[Body]) -> list[Body]:
    """The records with what `fields` names alone; raises BadParameter."""
    names = query.listed("fields")
    return records if names is None else [{name: record[name] for name in names} for record in records]
