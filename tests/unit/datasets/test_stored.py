"""Declarations as data: they come back as they were, and what shapes tables tells them apart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.datasets.catalogue import shipped
from shared.datasets.declaration import Dataset
from shared.datasets.stored import declared_in, decode_declaration, encode_declaration
from tests.driven.ranked import RANKED_CREWS, RANKED_TASKS

CATALOGUE = shipped()


def changed(name: str, **said: Any) -> Dataset:
    """Debts with something else about one field."""
    debts = CATALOGUE["debts"]
    fields = tuple(msgspec.structs.replace(one, **said) if one.name == name else one for one in debts.fields)
    return msgspec.structs.replace(debts, fields=fields)


@pytest.mark.parametrize("dataset", [*CATALOGUE.values(), RANKED_TASKS, RANKED_CREWS], ids=lambda one: one.name)
def test_a_declaration_comes_back_as_it_was(dataset: Dataset) -> None:
    kept = decode_declaration(encode_declaration(dataset), dataset)

    assert kept.record.__name__ == dataset.record.__name__
    assert msgspec.structs.replace(kept, record=dataset.record) == dataset


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("name", {"search": False, "sensitive": True}),
        ("debt_amount", {"low": "least", "high": "most", "parameter": "amount"}),
    ],
)
def test_what_people_see_takes_no_rebuild(name: str, said: dict[str, Any]) -> None:
    assert changed(name, **said).fingerprint == CATALOGUE["debts"].fingerprint


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("name", {"max_length": 3}),
        ("name", {"labels": ("who",)}),
        ("debt_amount", {"scale": 3}),
        ("debt_amount", {"minimum": 1}),
        ("debt_due_date", {"formats": ("%d.%m.%Y",)}),
        ("email", {"indexed": True}),
        ("name", {"trigrams": True}),
    ],
)
def test_what_decides_which_rows_become_records_takes_one(name: str, said: dict[str, Any]) -> None:
    assert changed(name, **said).fingerprint != CATALOGUE["debts"].fingerprint


def test_what_declarations_could_not_say_before_changes_none_that_does_not_say_it() -> None:
    assert CATALOGUE["debts"].fingerprint == "ca11733bb69f35da"


def test_an_older_declaration_is_kept_but_for_what_is_sensitive_by_now() -> None:
    own = changed("email", sensitive=True, max_length=1000)
    kept = declared_in(own, CATALOGUE["debts"].fingerprint, encode_declaration(CATALOGUE["debts"]))

    assert kept.field("email").sensitive
    assert kept.field("email").max_length == CATALOGUE["debts"].field("email").max_length
    assert declared_in(own, own.fingerprint, "never read") is own
    assert declared_in(own, None, None) is own
