"""The kinds of files that a selection is exported as, and how a caller asks for one; *HTTP* -> query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from litestar.datastructures.headers import Accept

from query_api.blocks import Blocks, Sink
from query_api.cells import Shape, as_is, formula_safe, json_value
from query_api.pages import LIMIT
from query_api.pushed import Write
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.errors import BadParameter
from shared.selection.parameters import Parameter, Query

JSON = "application/json"


class Format(msgspec.Struct, frozen=True):
    """A kind of file: what its cells are made of, how PostgreSQL copies them out, and what makes blocks of that."""

    name: str
    media_type: str
    shape: Shape
    copy: Mapping[str, Any]
    sink: Callable[[Write, Dataset, Sequence[str]], Sink]


def _blocks(write: Write, _dataset: Dataset, _names: Sequence[str]) -> Sink:
    return Blocks(write)


def _row_groups(write: Write, dataset: Dataset, names: Sequence[str]) -> Sink:
    from query_api.parquet import RowGroups  # Here, because pyarrow takes 60 MB of memory, which few need.

    numbers = (Field(name=name, kind=Kind.INTEGER, required=False) for name in ("version", "row"))
    fields = {field.name: field for field in (*dataset.fields, *numbers)}
    return RowGroups(write, {name: fields.get(name) for name in names})


NO_QUOTES = {"format": "csv", "quote": "\x01", "delimiter": "\x02"}
"""CSV of one column that is never quoted: neither character can stand in JSON as PostgreSQL writes it."""

FORMATS = {
    one.name: one
    for one in (
        Format("csv", "text/csv", formula_safe, {"format": "csv", "header": True}, _blocks),
        Format("ndjson", "application/x-ndjson", json_value, NO_QUOTES, _blocks),
        Format("parquet", "application/vnd.apache.parquet", as_is, {"format": "csv"}, _row_groups),
    )
}
MEDIA_TYPES = {one.media_type: one for one in FORMATS.values()}

FORMAT = Parameter(
    name="format",
    kind=Kind.CHOICE,
    description="A file of the whole selection in place of a page, as with Accept; `limit` then has no maximum.",
    choices=("json", *FORMATS),
)
RAW = Parameter(
    name="raw",
    kind=Kind.CHOICE,
    description="`1`: CSV cells exactly as they are; else what a spreadsheet would run has a ' before it.",
    choices=("1", "0"),
)
EXPORTING = {one.name: one for one in (FORMAT, RAW)}
ANY_LIMIT = msgspec.structs.replace(LIMIT, default=None, maximum=None)
OF_PAGES = ("cursor", "offset", "count")


def asked(query: Query, accept: str) -> Format | None:
    """The format that is asked for by `format` or else by Accept; None for pages of JSON. Raises BadParameter."""
    found = FORMATS.get(str(query.one("format"))) if query.has("format") else _accepted(accept)
    if query.has("raw") and (found is None or found.name != "csv"):
        raise BadParameter("raw", "raw is for CSV alone; ask for it with format=csv.")
    for name in OF_PAGES if found else ():
        if query.has(name):
            raise BadParameter(name, f"{name} is for pages; an export holds the whole selection, or `limit` of it.")
    return found


def _accepted(accept: str) -> Format | None:
    if not any(media_type in accept for media_type in MEDIA_TYPES):
        return None
    return MEDIA_TYPES.get(Accept(accept).best_match([JSON, *MEDIA_TYPES], JSON))
