"""Corrected cells of one rejected row, as they come in a body."""

from __future__ import annotations

import pytest

from command_api.bodies import wished
from command_api.json_bodies import decode
from command_api.row_cells import read_cells
from command_api.texts import Wishes
from shared.datasets.debts import dataset
from shared.errors import BadParameter, InvalidRecord


def faults(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRecord) as refused:
        read_cells(decode(body), dataset)
    return [(one["pointer"], one["code"]) for one in refused.value.errors]


def test_cells_are_named_by_label_or_field_and_stay_text() -> None:
    body = b'{"debtAmount": "12.50 ", "debt_due_date": "2024-02-29", "Government ID": null}'
    assert read_cells(decode(body), dataset) == {
        "debt_amount": "12.50 ",
        "debt_due_date": "2024-02-29",
        "government_id": "",
    }


def test_everything_that_is_wrong_is_told_with_its_place() -> None:
    twice = b'"name": "Ann", "Name": "Bob", "debtId": "1", "debtId": "2"'
    body = b'{"debtAmount": 12.5, "a/b~c": "x", "email": "a\\u0000", ' + twice + b"}"
    assert faults(body) == [
        ("/debtId", "duplicate-label"),
        ("/debtAmount", "type-error"),
        ("/a~1b~0c", "unknown-label"),
        ("/email", "nul-character"),
        ("/Name", "duplicate-label"),
    ]


def test_a_body_without_cells_is_refused() -> None:
    assert faults(b"{}") == [("", "required")]


@pytest.mark.parametrize("body", [b"[]", b"7", b'"name"', b"null"])
def test_what_is_no_object_has_no_cells(body: bytes) -> None:
    assert faults(body) == [("", "type-error")]


@pytest.mark.parametrize(("text", "review"), [("true", True), ("TRUE", True), ("false", False), ("", False)])
def test_a_wish_for_review_is_read(text: str, review: bool) -> None:
    assert wished(Wishes(), {"review": text, "other": "x"}) == Wishes(review=review)


@pytest.mark.parametrize(("name", "text"), [("review", "yes"), ("on_error", "stop"), ("on_error", "abort ")])
def test_a_wish_that_means_nothing_is_refused(name: str, text: str) -> None:
    with pytest.raises(BadParameter, match=f"{name}: '{text}' is not") as refused:
        wished(Wishes(), {name: text})
    assert refused.value.parameter == name
