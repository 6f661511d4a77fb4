"""Corrected cells of one rejected row, out of a JSON body; *HTTP -> command*. What they say is judged by the fold."""

from __future__ import annotations

from command_api.archives.orders import labels_of
from command_api.record_bodies import MOST_ERRORS, NO_OBJECT, NOTHING, TWICE, error_of
from shared.checking import Fault, Number
from shared.datasets.declaration import Dataset
from shared.errors import InvalidRecord
from shared.selection.parameters import short
from shared.tabular.header import normalized


def read_cells(body: object, dataset: Dataset) -> dict[str, str]:
    """The cells in an object of labels or fields, by field; null is an empty cell.

    Raises InvalidRecord for cells that no row can have.
    """
    if not isinstance(body, dict):
        raise InvalidRecord("The body is no object of cells.", [error_of(NO_OBJECT, "The body")])
    fields = {normalized(name): label.field for label in labels_of(dataset) for name in label.names}
    cells: dict[str, str] = {}
    errors = [error_of(TWICE, label, label) for label in getattr(body, "repeated", ())]
    for label, value in body.items():
        field = fields.get(normalized(label))
        if (fault := _fault(field, value, cells)) is not None:
            errors.append(error_of(fault, short(label), label))
        elif field is not None:
            cells[field] = str(value or "")
    if not cells and not errors:
        errors.append(error_of(NOTHING, ""))
    if errors:
        raise InvalidRecord("The cells cannot be taken; `errors` points to each.", errors[:MOST_ERRORS])
    return cells


NO_TEXT = Fault("type-error", "must be text, as it would stand in the file")
NUL = Fault("nul-character", "must have no NUL character")
NO_LABEL = Fault("unknown-label", "is no column of this dataset")


def _fault(field: str | None, value: object, cells: dict[str, str]) -> Fault | None:
    if field is None:
        return NO_LABEL
    if field in cells:
        return TWICE
    if value is not None and (not isinstance(value, str) or isinstance(value, Number)):
        return NO_TEXT
    return NUL if isinstance(value, str) and "\0" in value else None
