"""Each marker of a declaration, seen in what becomes of a row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import (
    Format,
    Ge,
    Le,
    Length,
    Lower,
    PartitionBy,
    Pattern,
    Refers,
    Scale,
    Search,
    Upper,
    When,
    read_field,
)
from tests.unit.datasets.files import read

MINUTES = Format.of("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%d.%m.%Y")
Kinds = Literal["Sale", "Refund"]
Bounded = Annotated[Decimal, Scale(2), When("kind", "Refund", Le(0)), When("kind", "Sale", Ge(1))]


def outcome(annotation: Any, cell: str, default: Any = ..., **others: tuple[Any, str]) -> Any:
    """What a cell becomes, or the code and message of its error; `others` stand in the same row."""
    annotations = {"one": annotation, **{name: type_ for name, (type_, _) in others.items()}}
    given = {} if default is ... else {"one": default}
    record = type("One", (Record,), {"__annotations__": annotations, **given}, frozen=True, kw_only=True)
    dataset = declare("ones", record, title="Ones", key=None)
    cells = {"one": cell, "filler": "x", **{name: text for name, (_, text) in others.items()}}
    parsed = read(dataset, (",".join(cells) + "\n" + ",".join(cells.values()) + "\n").encode())
    if parsed.good.height:
        return parsed.good["one"][0]
    found = parsed.errors.filter(field="one").select("code", "message").rows()
    return found[0] if found else "fine, but for another cell"


@pytest.mark.parametrize(
    ("annotation", "cell", "expected"),
    [
        (Annotated[str, Lower()], " Ann@EXAMPLE.com ", "ann@example.com"),
        (Annotated[str, Lower()], "ÀÉ", "àé"),
        (Annotated[str, Upper(), Length(3)], "eur", "EUR"),
        (Annotated[str, Upper(), Length(2)], "ß", "SS"),
        (Annotated[str, Lower(), Pattern("[a-z]+", "small letters")], "ABC", "abc"),
        (Annotated[str, Length(3)], "éàü", "éàü"),
        (Annotated[str, Length(3)], "eu", ("min-length", "must have exactly 3 characters")),
        (Annotated[str, Length(3)], "euro", ("max-length", "must have exactly 3 characters")),
        (Annotated[int, Ge(1), Le(5)], "5", "5"),
        (Annotated[int, Ge(1), Le(5)], "6", ("maximum", "must be at most 5")),
        (Annotated[int, Ge(1), Le(5)], "0", ("minimum", "must be at least 1")),
        (Annotated[Decimal, Le(5)], "5.01", ("maximum", "must be at most 5")),
        (Annotated[datetime, MINUTES], "2024-02-29 08:09:10.5", datetime(2024, 2, 29, 8, 9, 10, 500_000, UTC)),
        (Annotated[datetime, MINUTES], "2024-02-29 08:09:10", datetime(2024, 2, 29, 8, 9, 10, 0, UTC)),
        (Annotated[datetime, MINUTES], "2024-02-29 08:09", datetime(2024, 2, 29, 8, 9, 0, 0, UTC)),
        (Annotated[datetime, MINUTES], "29.2.2024", datetime(2024, 2, 29, 0, 0, 0, 0, UTC)),
        (Annotated[date, Format.of("%Y-%m-%d", "%Y-%m-%dT00:00:00")], "2024-02-29T00:00:00", date(2024, 2, 29)),
    ],
)
def test_a_cell_becomes_a_value_or_an_error(annotation: Any, cell: str, expected: Any) -> None:
    assert outcome(annotation, cell) == expected


@pytest.mark.parametrize("cell", ["30.2.2024", "2024-02-29 25:00", "2024-02-29T08:09", "24-02-29 08:09", "noon"])
def test_what_fits_no_format_is_told_all_of_them(cell: str) -> None:
    says = "YYYY-MM-DD hh:mm:ss[.ffffff] or YYYY-MM-DD hh:mm or DD.MM.YYYY"
    assert outcome(Annotated[datetime, MINUTES], cell) == ("type-error", f"must be an existing date written {says}")


def test_a_midnight_format_takes_no_other_time() -> None:
    annotation = Annotated[date, Format.of("%Y-%m-%d", "%Y-%m-%d 00:00:00")]
    assert outcome(annotation, "2024-01-22 00:00:00") == date(2024, 1, 22)
    assert outcome(annotation, "2024-01-22 00:00:01")[0] == "type-error"


def test_an_empty_cell_gets_the_default_and_a_wrong_one_does_not() -> None:
    balance = Annotated[Decimal, Scale(2)]
    assert outcome(balance, " ", Decimal(0)) == "0"
    assert outcome(balance, "much", Decimal(0))[0] == "type-error"


@pytest.mark.parametrize(
    ("cell", "kind", "expected"),
    [
        ("1", "Sale", "1"),
        ("0.99", "sale", ("minimum", "must be at least 1 where kind is Sale")),
        ("-2", "REFUND", "-2"),
        ("2", " refund ", ("maximum", "must be at most 0 where kind is Refund")),
        ("2", "", "fine, but for another cell"),
        ("-2", "gift", "fine, but for another cell"),
    ],
)
def test_a_bound_may_depend_on_another_cell_of_the_row(cell: str, kind: str, expected: Any) -> None:
    assert outcome(Bounded, cell, kind=(Kinds, kind)) == expected


def test_a_bound_that_depends_on_a_text_sees_it_in_its_case() -> None:
    amount = Annotated[int, When("code", "EUR", Ge(10))]
    assert outcome(amount, "9", code=(Annotated[str, Upper()], "eur"))[0] == "minimum"
    assert outcome(amount, "9", code=(str, "eur")) == "9"


def test_a_bound_does_not_hold_where_the_file_lacks_the_other_column() -> None:
    class One(Record, frozen=True, kw_only=True):
        one: Annotated[int, When("code", "a", Ge(10))]
        code: str | None = None

    assert read(declare("ones", One, title="Ones", key=None), b"one,more\n9,x\n").good["one"].to_list() == ["9"]


@pytest.mark.parametrize(
    ("annotations", "says"),
    [
        ({"a": Annotated[int, When("b", "x", Ge(0))]}, "names no choice or text beside it: 'b'"),
        ({"a": Annotated[int, When("a", "x", Ge(0))]}, "names no choice or text beside it: 'a'"),
        ({"a": Annotated[int, When("b", "x", Ge(0))], "b": int}, "names no choice or text"),
        ({"a": Annotated[int, When("b", "x", Ge(0))], "b": Literal["y", "z"]}, "no choice of 'b'"),
        ({"a": Annotated[int, Lower()]}, "which is for texts"),
        ({"a": Annotated[int, PartitionBy(5)]}, "must be a date that every row has"),
        ({"a": Annotated[date | None, PartitionBy(5)]}, "must be a date that every row has"),
        ({"a": Annotated[date, PartitionBy(0)]}, "whole years"),
        ({"a": Annotated[date, PartitionBy(3)]}, "no number of whole steps"),
        ({"a": Annotated[date, PartitionBy(5, 2030, 2010)]}, "no number of whole steps"),
        ({"a": Annotated[date, PartitionBy(5)], "b": Annotated[date, PartitionBy(1)]}, "one field of its own"),
        ({"a": Annotated[Literal["y", "z"], Search(index=True)]}, "texts of a record itself"),
        ({"k": int}, "the key 'a', which is none of its fields"),
    ],
)
def test_markers_that_do_not_fit_are_refused(annotations: dict[str, Any], says: str) -> None:
    record = type("One", (Record,), {"__annotations__": annotations}, frozen=True, kw_only=True)
    with pytest.raises(TypeError, match=says):
        declare("ones", record, title="Ones", key="a")


def test_what_others_build_on_is_declared() -> None:
    class One(Record, frozen=True, kw_only=True):
        day: Annotated[date, PartitionBy(years=5)]
        client: Annotated[str, Refers("clients")]

    dataset = declare("ones", One, title="Ones", key=None, replaces=True)
    assert dataset.partition is not None
    assert (dataset.partition.name, dataset.partition.partition) == ("day", PartitionBy(5, 2010, 2030))
    assert PartitionBy(5).first_years == (2010, 2015, 2020, 2025, 2030)
    assert (dataset.field("client").refers, dataset.replaces, dataset.rankings) == ("clients", True, ())
    plain = declare("ones", One, title="Ones", key="client")
    assert not plain.replaces


def test_one_format_is_written_as_before() -> None:
    assert read_field("a", Annotated[date, Format("%d.%m.%Y")], None).formats == ("%d.%m.%Y",)
