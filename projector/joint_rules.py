"""Rules that need two fields of a record, where a correction gives only one of them; event -> *projection*."""

from __future__ import annotations

import msgspec

from shared.checking import FieldCheck
from shared.datasets.declaration import Dataset
from shared.events import Values


def broken_rules(dataset: Dataset, record: str, changes: Values) -> list[dict[str, str | None]]:
    """What would be wrong with a record (JSON text) after changes that are good by themselves, as row errors."""
    checks = [FieldCheck(field) for field in dataset.fields if field.when]
    if not checks:
        return []
    values = {name: str(value) if isinstance(value, int) else value for name, value in _read(record).items()} | changes
    faults = ((check.field.name, check.beside(values)) for check in checks)
    return [
        {"column": None, "field": name, "code": fault.code, "value": str(values[name]), "message": fault.message}
        for name, fault in faults
        if fault is not None
    ]


def _read(record: str) -> dict[str, object]:
    return msgspec.json.decode(record, type=dict[str, object])
