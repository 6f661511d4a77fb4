"""What may happen to a tiny dataset: commands of people, work of projectors; *hypothesis* -> driver."""

from __future__ import annotations

import os
from typing import Literal

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared.datasets.declaration import Dataset
from shared.events import Values
from tests.driven.tiny import CELLS, KEYS, VALUES, kind_of


class Send(msgspec.Struct, frozen=True):
    """A file is received; `rows` are cells in the order of the labels."""

    rows: tuple[tuple[str, ...], ...]
    review: bool
    abort: bool


class Add(msgspec.Struct, frozen=True):
    """A person adds a record."""

    key: str
    values: Values


class Correct(msgspec.Struct, frozen=True):
    """A person corrects a record: whatever it is, as it is seen now, or as it was before."""

    key: str
    changes: Values
    expected: Literal["any", "seen", "old"]


class Remove(msgspec.Struct, frozen=True):
    """A person removes a record."""

    key: str
    expected: Literal["any", "seen", "old"]


class CorrectMany(msgspec.Struct, frozen=True):
    """A person corrects records in bulk."""

    keys: tuple[str, ...]
    changes: Values


class Fix(msgspec.Struct, frozen=True):
    """A person corrects cells of the `row`-th rejected row of the `upload`-th upload, counted from the newest."""

    upload: int
    row: int
    cells: dict[str, str]


class Approve(msgspec.Struct, frozen=True):
    """A person approves an upload, counted from the newest."""

    upload: int


class Withdraw(msgspec.Struct, frozen=True):
    """A person withdraws an upload, counted from the newest."""

    upload: int


class Advance(msgspec.Struct, frozen=True):
    """The projector works: folds at most `events` at once, loads a chunk, decides what may be published."""

    events: int
    load: int | None
    decide: bool


class Settle(msgspec.Struct, frozen=True):
    """The projector works until nothing is left to do, folding at most `events` at once."""

    events: int


Command = Send | Add | Correct | Remove | CorrectMany | Fix | Approve | Withdraw
Step = Command | Advance | Settle


def looking(examples: int) -> settings:
    """So many examples, each as long as it takes; `TABLEFOLD_TIMES=20` looks at twenty times as many."""
    return settings(
        max_examples=examples * int(os.environ.get("TABLEFOLD_TIMES", "1")),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def steps(dataset: Dataset, *, people: bool = True) -> st.SearchStrategy[list[Step]]:
    """What may happen to one of the datasets, in any order; without `people` no single record is changed."""
    kind = kind_of(dataset)
    cells = {label: st.sampled_from(found) for label, found in CELLS[kind].items()}
    changes = {name: st.sampled_from(found) for name, found in VALUES[kind].items()}
    some = st.fixed_dictionaries({}, optional=changes)
    expected = st.sampled_from(("any", "any", "seen", "old"))
    key, upload = st.sampled_from(KEYS), st.integers(0, 4)
    row = st.tuples(*cells.values())
    send = st.builds(Send, st.lists(row, max_size=6).map(tuple), _seldom(), _seldom())
    commands: list[st.SearchStrategy[Step]] = [
        send,
        send,
        st.builds(Withdraw, upload),
        st.builds(Withdraw, upload),
        st.builds(Approve, upload),
        st.builds(Advance, st.integers(0, 3), st.none() | st.integers(0, 5), st.booleans()),
        st.builds(Settle, st.integers(1, 9)),
        st.builds(Settle, st.integers(1, 9)),
    ]
    if people:
        commands += [st.builds(Fix, upload, st.integers(0, 3), st.fixed_dictionaries({}, optional=cells))]
    if people and dataset.key is not None:
        commands += [
            st.builds(Add, key, st.fixed_dictionaries(changes)),
            st.builds(Correct, key, some.filter(bool), expected),
            st.builds(Correct, key, some.filter(bool), expected),
            st.builds(Remove, key, expected),
            st.builds(CorrectMany, st.sets(key).map(sorted).map(tuple), some.filter(bool)),
        ]
    return st.lists(st.one_of(commands), min_size=6, max_size=30)


def _seldom() -> st.SearchStrategy[bool]:
    return st.sampled_from((False, False, False, True))
