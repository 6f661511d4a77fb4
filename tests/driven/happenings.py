"""What may happen to a tiny dataset: commands of people, work of projectors; *hypothesis* -> driver."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared.datasets.declaration import Dataset
from shared.events import Values
from tests.driven.tiny import CELLS, GOOD, KEYS, VALUES, kind_of


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
    """A person corrects cells of the `row`-th rejected row of the `upload`-th upload.

    Both count round and round, from the newest on; upload 6 is one that nobody has sent.
    """

    upload: int
    row: int
    cells: dict[str, str]


class Approve(msgspec.Struct, frozen=True):
    """A person approves an upload, counted like those of `Fix`."""

    upload: int


class Withdraw(msgspec.Struct, frozen=True):
    """A person withdraws an upload, counted like those of `Fix`."""

    upload: int


class Advance(msgspec.Struct, frozen=True):
    """The projector works: folds at most `events` at once, loads a chunk, decides what may be published."""

    events: int
    load: int | None
    decide: bool


class Settle(msgspec.Struct, frozen=True):
    """The projector works until nothing is left to do, folding at most `events` at once."""

    events: int


class Compact(msgspec.Struct, frozen=True):
    """The projector does so many steps of merging `count` segments, counted round and round from the `first` on."""

    first: int
    count: int
    steps: int


UPLOAD = st.integers(0, 6)

Command = Send | Add | Correct | Remove | CorrectMany | Fix | Approve | Withdraw
Step = Command | Advance | Settle | Compact


def looking(examples: int) -> settings:
    """So many examples, each as long as it takes; `TABLEFOLD_TIMES=20` looks at twenty times as many."""
    return settings(
        max_examples=examples * int(os.environ.get("TABLEFOLD_TIMES", "1")),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def steps(dataset: Dataset, *, people: bool = True) -> st.SearchStrategy[list[Step]]:
    """What may happen to one of the datasets, in any order; without `people` no single record is changed.

    It begins with files, or else most commands would find nothing to work on.
    """
    commands = [*_about_uploads(dataset), *(_about_rows(dataset) if people else [])]
    if people and dataset.key is not None:
        commands += _about_records(dataset)
    work = [
        st.builds(Settle, st.integers(1, 9)),
        st.builds(Advance, st.integers(1, 4), st.none() | st.integers(0, 5), st.booleans()),
    ]
    first = st.tuples(_send(dataset), _send(dataset), st.builds(Settle, st.integers(1, 9))).map(list)
    compact = st.builds(Compact, st.integers(0, 3), st.integers(1, 3), st.integers(1, 5))
    then = st.lists(st.one_of([*commands, *commands, *work, *work, *work, compact, compact]), min_size=10, max_size=40)
    return st.builds(list.__add__, first, then)


def _about_uploads(dataset: Dataset) -> list[st.SearchStrategy[Step]]:
    send = _send(dataset)
    return [send, send, send, st.builds(Withdraw, UPLOAD), st.builds(Withdraw, UPLOAD), st.builds(Approve, UPLOAD)]


def _about_rows(dataset: Dataset) -> list[st.SearchStrategy[Step]]:
    good, cells = _cells(GOOD[kind_of(dataset)]), _cells(CELLS[kind_of(dataset)])
    fixes = st.fixed_dictionaries(good), st.fixed_dictionaries({}, optional=cells)
    return [st.builds(Fix, UPLOAD, st.integers(0, 3), fix) for fix in fixes]


def _about_records(dataset: Dataset) -> list[st.SearchStrategy[Step]]:
    values = {name: st.sampled_from(found) for name, found in VALUES[kind_of(dataset)].items()}
    changes = st.fixed_dictionaries({}, optional=values).filter(bool)
    key, keys = st.sampled_from(KEYS), st.sets(st.sampled_from(KEYS)).map(sorted).map(tuple)
    expected = st.sampled_from(("any", "any", "seen", "old"))
    return [
        st.builds(Add, key, st.fixed_dictionaries(values)),
        st.builds(Correct, key, changes, expected),
        st.builds(Correct, key, changes, expected),
        st.builds(Remove, key, expected),
        st.builds(CorrectMany, keys, changes),
    ]


def _send(dataset: Dataset) -> st.SearchStrategy[Step]:
    good = st.tuples(*_cells(GOOD[kind_of(dataset)]).values())
    row = st.one_of(good, good, good, st.tuples(*_cells(CELLS[kind_of(dataset)]).values()))
    seldom = st.sampled_from((False, False, False, False, False, True))
    return st.builds(Send, st.lists(row, max_size=6).map(tuple), seldom, seldom)


def _cells(found: Mapping[str, tuple[str, ...]]) -> dict[str, st.SearchStrategy[str]]:
    return {label: st.sampled_from(values) for label, values in found.items()}
