"""Writes a draft as Python source, to be reviewed by a person; beside the flow, for `tablefold infer`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec

from cli.infer.drafting import Draft
from cli.infer.guessing import Column
from cli.infer.reading import Seen
from shared.datasets.fields import Format, Label, Marker
from shared.tabular.header import normalized

NAMES: dict[Any, str] = {str: "str", int: "int", Decimal: "Decimal", date: "date", datetime: "datetime", UUID: "UUID"}
IMPORTS = {"date": "datetime", "datetime": "datetime", "Decimal": "decimal", "UUID": "uuid"}
WIDTH = 100


def written(draft: Draft, seen: Seen, name: str, file_name: str) -> str:
    """The draft as Python source. Whatever comes from the file stands in it as a literal only."""
    fields = "\n".join(line for column in draft.columns for line in _field_lines(column, draft.key))
    options = f", encodings=({literal(seen.dialect.encoding)},)" if seen.dialect.encoding_source == "fallback" else ""
    key = literal(draft.key.name) if draft.key else None
    title = name.replace("_", " ").capitalize()
    return f'''"""A draft by `tablefold infer`: review every line that says "guess", then delete the comments."""

{"".join(f"# {line}{chr(10)}" for line in _seen_lines(draft, seen, file_name))}
from __future__ import annotations

{_imports(draft)}

class Row(Record, frozen=True, kw_only=True):
    """One record; give it a name and say what it is."""

{fields}


dataset = declare("{name}", Row, title="{title}", key={key}{options})
'''


def _seen_lines(draft: Draft, seen: Seen, file_name: str) -> list[str]:
    said = seen.dialect
    lines = [
        f"Seen: {literal(file_name)}, {said.encoding} ({said.encoding_source}), delimiter {said.delimiter!r}.",
        f"{seen.rows.height:,} rows; {seen.broken:,} broken and {seen.blank:,} blank ones were left out.",
    ]
    if draft.left_out:
        lines.append(f"{draft.left_out} columns without a label are ignored, as they will be in uploads.")
    if draft.key:
        lines.append(f"The key {draft.key.name!r} is a guess: no two rows have the same.")
    else:
        unique = ", ".join(column.name for column in draft.columns if column.unique)
        found = f"different in all rows: {unique}" if unique else "no column is different in all rows"
        lines.append(f"No key: each row of each file is a record (guess; {found}).")
    if seen.dialect.encoding_source == "fallback":
        lines.append("The encoding is a guess: look at letters that are not English.")
    return lines


def _field_lines(column: Column, key: Column | None) -> list[str]:
    label = Label.of(column.label)
    markers = column.markers if normalized(column.name) == normalized(column.label) else (label, *column.markers)
    plain = _type_source(column.type) + (" | None" if column.optional else "")
    parts = [plain, *(_marker_source(one) for one in markers)]
    default = " = None" if column.optional else ""
    notes = [*column.notes, *(["guess: the key"] if column is key else [])]
    annotation = f"Annotated[{', '.join(parts)}]" if markers else plain
    line = f"    {column.name}: {annotation}{default}"
    if len(line) > WIDTH and markers:
        inner = "".join(f"        {part},\n" for part in parts)
        line = f"    {column.name}: Annotated[\n{inner}    ]{default}"
    return [*(f"    # {note}" for note in notes), line]


def _type_source(kind: Any) -> str:
    if get_origin(kind) is None:
        return NAMES[kind]
    return f"Literal[{', '.join(map(literal, get_args(kind)))}]"


def literal(value: object) -> str:
    """A value as Python source, in double quotes where it is a text that holds none; always on one line."""
    plain = isinstance(value, str) and not {"'", '"'} & set(value)
    return f'"{repr(value)[1:-1]}"' if plain else repr(value)


def _marker_source(marker: Marker) -> str:
    """The call that makes a marker, as people write it."""
    name = type(marker).__name__
    values = msgspec.structs.astuple(marker)
    match marker:
        case Label(names):
            return f"{name}.of({', '.join(map(literal, names))})"
        case Format(first, others) if others:
            return f"{name}.of({', '.join(map(literal, (first, *others)))})"
        case Format(first):
            return f"{name}({literal(first)})"
        case _:
            return f"{name}({', '.join(literal(value) for value in values if value != '')})"


def _imports(draft: Draft) -> str:
    types = {NAMES[column.type] for column in draft.columns if column.type in NAMES}
    typing = {"Literal"} if any(get_origin(column.type) for column in draft.columns) else set()
    markers = {type(marker).__name__ for column in draft.columns for marker in column.markers}
    if any(normalized(column.name) != normalized(column.label) for column in draft.columns):
        markers.add("Label")
    if markers:
        typing.add("Annotated")
    modules: dict[str, list[str]] = {}
    for name in sorted(types & IMPORTS.keys()):
        modules.setdefault(IMPORTS[name], []).append(name)
    lines = [f"from {module} import {', '.join(names)}" for module, names in sorted(modules.items())]
    if typing:
        lines = sorted([*lines, f"from typing import {', '.join(sorted(typing))}"])
    own = ["from shared.datasets.declaration import Record, declare"]
    if markers:
        own.append(f"from shared.datasets.fields import {', '.join(sorted(markers))}")
    return "\n".join([*lines, *([""] if lines else []), *own]) + "\n"
