"""Datasets with few keys and few values, whose rules are written a second time; rows -> *records and rejects*.

Their files have all kinds of good and bad cells, so that whatever happens to a key happens soon.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from shared.datasets.declaration import Dataset, Record, declare
from shared.datasets.fields import Indexed, Label, MaxLength, PartitionBy, Scale
from shared.events import Value, Values
from tests.driven.rows import Cells, Errors, Rules


class Task(Record, frozen=True, kw_only=True):
    """A dataset whose rejected rows show as records."""

    number: Annotated[int, Label.of("task no")]
    title: Annotated[str, MaxLength(3)]
    effort: Annotated[Decimal | None, Scale(2), Indexed()] = None
    state: Literal["OPEN", "DONE", "FAILED"] = "OPEN"


class Sailor(Record, frozen=True, kw_only=True):
    """A member of a crew."""

    sailor: str
    rank: str | None = None


class Crew(Record, frozen=True, kw_only=True):
    """A dataset where many rows make one record."""

    ship: Annotated[int, Label.of("ship no")]
    port: Annotated[str | None, Indexed()] = None
    sailors: list[Sailor]


class Shift(Record, frozen=True, kw_only=True):
    """A dataset whose segments are partitioned, where a later file or a person moves a key to another partition."""

    number: Annotated[int, Label.of("shift no")]
    day: Annotated[date, PartitionBy(years=10, since=2010, until=2020)]
    effort: Annotated[Decimal | None, Scale(2)] = None


class Note(Record, frozen=True, kw_only=True):
    """A dataset without a key."""

    text: Annotated[str, MaxLength(3)]


TASKS = declare("tasks", Task, title="Tasks", key="number", rejected_as=("state", "FAILED"))
CREWS = declare("crews", Crew, title="Crews", key="ship")
SHIFTS = declare("shifts", Shift, title="Shifts", key="number")
NOTES = declare("notes", Note, title="Notes", key=None)

KEYS = ("1", "2", "3")

GOOD: dict[str, dict[str, tuple[str, ...]]] = {
    "tasks": {
        "task no": (*KEYS, "03", " 2 "),
        "title": ("a", "b", "c"),
        "effort": ("", "1", "1.00", "2.5"),
        "state": ("", "open", "DONE", "DONE"),
    },
    "crews": {"ship no": ("1", "2", "02"), "port": ("a", "a", "a", ""), "sailor": ("x", "y", "z"), "rank": ("", "1")},
    "shifts": {
        "shift no": (*KEYS, "02"),
        "day": ("2009-12-31", "2010-01-01", "2019-12-31", "2020-01-01"),
        "effort": ("", "1", "2.5"),
    },
    "notes": {"text": ("a", "b", "c")},
}
"""Good cells of files, by label."""

BAD: dict[str, dict[str, tuple[str, ...]]] = {
    "tasks": {"task no": ("?", ""), "title": ("long", ""), "effort": ("x",), "state": ("new",)},
    "crews": {"ship no": ("?",), "port": (), "sailor": ("",), "rank": ()},
    "shifts": {"shift no": ("?",), "day": ("", "2010-02-30"), "effort": ("x",)},
    "notes": {"text": ("long", "")},
}

CELLS = {kind: {label: (*good, *BAD[kind][label]) for label, good in cells.items()} for kind, cells in GOOD.items()}
"""Good and bad ones."""

VALUES: dict[str, dict[str, tuple[Value, ...]]] = {
    "tasks": {"title": ("a", "b", "c"), "effort": (None, "1.00", "2.50"), "state": ("OPEN", "DONE")},
    "crews": {"port": (None, "a", "b"), "sailors": ([], [{"sailor": "x", "rank": None}])},
    "shifts": {"day": ("2009-12-31", "2010-01-01", "2031-05-05"), "effort": (None, "1.00", "2.50")},
    "notes": {},
}
"""Canonical values that a person may give, by field; the key is not among them."""


def rules_of(dataset: Dataset) -> Rules:
    """The rules of a dataset that is one of these but for its name."""
    readers = {Task: read_task, Crew: read_crew, Shift: read_shift, Note: read_note}
    return Rules(dataset, readers[dataset.record])


def kind_of(dataset: Dataset) -> str:
    """Which of them it is."""
    return {Task: "tasks", Crew: "crews", Shift: "shifts", Note: "notes"}[dataset.record]


def read_task(cells: Cells) -> tuple[Values, Errors]:
    """A row of tasks."""
    said = {name: cells.get(name, "").strip() for name in ("number", "title", "effort", "state")}
    values: Values = {}
    errors: set[tuple[str, str]] = set()
    _read_number("number", said["number"], values, errors)
    _read_text("title", said["title"], values, errors)
    _read_effort(said["effort"], values, errors)
    if said["state"].upper() in ("", "OPEN", "DONE", "FAILED"):
        values["state"] = said["state"].upper() or "OPEN"
    else:
        errors.add(("state", "enum"))
    return values, frozenset(errors)


def read_crew(cells: Cells) -> tuple[Values, Errors]:
    """A row of crews: one sailor."""
    values: Values = {}
    errors: set[tuple[str, str]] = set()
    _read_number("ship", cells.get("ship", ""), values, errors)
    values["port"], values["rank"] = cells.get("port") or None, cells.get("rank") or None
    values["sailor"] = cells.get("sailor") or None
    if values["sailor"] is None:
        errors.add(("sailor", "required"))
    return values, frozenset(errors)


def read_shift(cells: Cells) -> tuple[Values, Errors]:
    """A row of shifts."""
    values: Values = {}
    errors: set[tuple[str, str]] = set()
    _read_number("number", cells.get("number", ""), values, errors)
    _read_effort(cells.get("effort", ""), values, errors)
    day = cells.get("day", "").strip()
    try:
        values["day"] = date.fromisoformat(day).isoformat()
    except ValueError:
        errors.add(("day", "type-error" if day else "required"))
    return values, frozenset(errors)


def read_note(cells: Cells) -> tuple[Values, Errors]:
    """A row of notes."""
    values: Values = {}
    errors: set[tuple[str, str]] = set()
    _read_text("text", cells.get("text", ""), values, errors)
    return values, frozenset(errors)


def _read_number(name: str, text: str, values: Values, errors: set[tuple[str, str]]) -> None:
    text = text.strip()
    if text.isdigit():
        values[name] = str(int(text))
    else:
        errors.add((name, "type-error" if text else "required"))


def _read_effort(text: str, values: Values, errors: set[tuple[str, str]]) -> None:
    try:
        values["effort"] = f"{Decimal(text):.2f}" if text else None
    except ArithmeticError:
        errors.add(("effort", "type-error"))


def _read_text(name: str, text: str, values: Values, errors: set[tuple[str, str]]) -> None:
    if 0 < len(text) <= 3:
        values[name] = text
    else:
        errors.add((name, "max-length" if text else "required"))
