"""Every declaration, held against all that is derived from it; beside the flow, for people."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl
from sqlalchemy.ext.asyncio import create_async_engine

from query_api.cursors import KEY_CHARACTERS, Cursors
from query_api.records import Records
from query_api.summaries import summary_parameters
from shared.datasets.catalogue import (
    Catalogue,
    declaration_files,
    fault_of_name,
    fault_of_references,
    read_declaration,
    shipped,
)
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field
from shared.errors import BadSettings
from shared.tabular.header import Header
from shared.validation import validate


class Inspected(msgspec.Struct, frozen=True):
    """One declaration: `where` it is, what it declares if that can be read, and what is wrong with it, if anything."""

    where: str
    dataset: Dataset | None
    fault: str = ""


def inspect(folder: str = "") -> list[Inspected]:
    """All declarations, the shipped ones first, each held against everything that would be derived from it.

    Raises BadSettings where there is no such folder.
    """
    catalogue: Catalogue = {}
    found = [_taken("shipped", dataset, catalogue) for dataset in shipped().values()]
    found += [_read(path, catalogue) for path in (declaration_files(folder) if folder else [])]
    return [_referring(one, catalogue) for one in found]


def fault_of(dataset: Dataset) -> str:
    """What fails when parameters, documents or validation are derived from a declaration; empty if nothing does."""
    try:
        # Connects to nothing and signs nothing.
        Records(dataset, create_async_engine("postgresql+asyncpg://"), Cursors("-" * KEY_CHARACTERS))
        summary_parameters(dataset)
        _validate(dataset, dict.fromkeys((field.name for field in dataset.file_fields), "x"))
    except (BadSettings, pl.exceptions.PolarsError, TypeError, ValueError) as error:
        return str(error)
    wrong = next((field for field in dataset.file_fields if not _default_fits(field, dataset)), None)
    return f"The default {wrong.default!r} of {wrong.name!r} breaks the rules of the field." if wrong else ""


def _read(path: Path, catalogue: Catalogue) -> Inspected:
    try:
        return _taken(str(path), read_declaration(path), catalogue)
    except BadSettings as error:
        return Inspected(str(path), None, str(error))


def _taken(where: str, dataset: Dataset, catalogue: Catalogue) -> Inspected:
    fault = fault_of_name(dataset.name, catalogue) or fault_of(dataset)
    catalogue.setdefault(dataset.name, dataset)
    return Inspected(where, dataset, fault)


def _referring(one: Inspected, catalogue: Catalogue) -> Inspected:
    if one.fault or one.dataset is None:
        return one
    return Inspected(one.where, one.dataset, fault_of_references(one.dataset, catalogue))


def _default_fits(field: Field, dataset: Dataset) -> bool:
    return field.default is None or field.name not in _validate(dataset, {field.name: field.default})


def _validate(dataset: Dataset, row: dict[str, str]) -> set[str]:
    """The fields of one row in which something is wrong."""
    cells = {f"c{index}": [cell] for index, cell in enumerate(row.values())}
    frame = pl.DataFrame({**cells, "row": [2], "line": [2]}, schema_overrides={"row": pl.Int32, "line": pl.Int32})
    header = Header(columns=tuple(row), fields=tuple(row), ignored=())
    return set(validate(frame, header, dataset).errors["field"])
