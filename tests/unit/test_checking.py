"""One value is checked as a column of values is: same faults, same messages, same values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.checking import WHITE_SPACE, Fault, FieldCheck, Number
from shared.datasets.catalogue import load_catalogue
from shared.datasets.declaration import Dataset, Record
from shared.datasets.fields import Field, Ge, Kind, Le, Pattern, When
from shared.tabular.header import Header
from shared.validation import validate

EMAIL = Pattern(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")
SSN = Pattern(r"\d{3}-\d{2}-\d{4}", "written NNN-NN-NNNN")
ODD = Pattern(r"[\d\s-]+|\S\D\s", "odd")

FIELDS = (
    Field(name="text", kind=Kind.TEXT, required=True),
    Field(name="short", kind=Kind.TEXT, required=False, max_length=3),
    Field(name="email", kind=Kind.TEXT, required=True, max_length=20, pattern=EMAIL),
    Field(name="ssn", kind=Kind.TEXT, required=False, pattern=SSN),
    Field(name="odd", kind=Kind.TEXT, required=False, pattern=ODD),
    Field(name="choice", kind=Kind.CHOICE, required=False, default="Red", choices=("Red", "blue", "GRÜN")),
    Field(name="integer", kind=Kind.INTEGER, required=True),
    Field(name="positive", kind=Kind.INTEGER, required=False, minimum=1),
    Field(name="money", kind=Kind.DECIMAL, required=True, minimum=0),
    Field(name="whole", kind=Kind.DECIMAL, required=False, scale=0),
    Field(name="fine", kind=Kind.DECIMAL, required=False, scale=5, minimum=-3),
    Field(name="day", kind=Kind.DATE, required=True),
    Field(name="american", kind=Kind.DATE, required=False, formats=("%m/%d/%Y",)),
    Field(name="moment", kind=Kind.TIMESTAMP, required=False, formats=("%Y-%m-%d %H:%M:%S",)),
    Field(name="exact", kind=Kind.TIMESTAMP, required=False, formats=("%d.%m.%Y %H:%M:%S%.f",)),
    Field(name="ways", kind=Kind.DATE, required=False, formats=("%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d 00:00:00")),
    Field(name="lower", kind=Kind.TEXT, required=False, case="lower", max_length=5),
    Field(name="upper", kind=Kind.TEXT, required=False, case="upper", length=3),
    Field(name="between", kind=Kind.INTEGER, required=False, minimum=-5, maximum=20),
    Field(name="most", kind=Kind.DECIMAL, required=False, maximum=7),
    Field(name="midnight", kind=Kind.TIMESTAMP, required=False),
    Field(name="uuid", kind=Kind.UUID, required=True),
)
DECLARED = tuple(
    pytest.param(field, id=f"{dataset.name}.{field.name}")
    for dataset in load_catalogue().values()
    for field in dataset.file_fields
)

NUMBERS = st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,8}", fullmatch=True)
DATES = st.from_regex(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}( [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]{0,9})?)?")
REAL_DATES = st.one_of(
    st.dates().map(str),
    st.dates(date(1000, 1, 1)).map(lambda day: f"{day.month}/{day.day}/{day.year}"),
    st.datetimes().map(lambda moment: moment.isoformat(" ")),
    st.datetimes(datetime.fromisoformat("1000-01-01")).map(lambda moment: f"{moment:%d.%m.%Y %H:%M:%S.%f}"),
)
UUIDS = st.uuids().map(str) | st.uuids().map(lambda one: str(one).upper()) | st.uuids().map(lambda one: one.hex)
WORDS = """
    red BLUE grün Grün a@b.c a@b 123-45-6789 ١٢٣-٤٥-٦٧٨٩ 0 -0 -0.00 +007 1e3 NaN inf 0x10 1_000 २ 2024-02-29 2023-02-29
    0000-01-01 24:00:00 𝟙 ﬀ İ ẞ ς ⁠#N/A K PENDING in_collection 999999999999999999 9999999999999999999
    0000000000000000000000007
    0.000000000000000000000000000000 1.50000000 .5 5. 999999999999999999.99 -999999999999999999
"""
CHARACTERS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=24)
SPACED = st.text(st.sampled_from([*WHITE_SPACE, "\x1c", "\x1f", "\u200b", "\ufeff", "\u180e"]), max_size=2)
CORES = st.one_of(NUMBERS, DATES, REAL_DATES, UUIDS, st.sampled_from(WORDS.split()), CHARACTERS)
CELLS = st.builds(lambda before, core, after: before + core + after, SPACED, CORES, SPACED)


def dataset_of(*fields: Field) -> Dataset:
    return Dataset(name="one", title="One", record=Record, key=None, fields=fields, members=None, encodings=())


def by_column(field: Field, cells: list[str]) -> list[object]:
    """Each cell as `validate` has it: its value, or its fault."""
    frame = pl.DataFrame(
        {"c0": [cell or None for cell in cells], "row": range(len(cells)), "line": range(len(cells))},
        schema={"c0": pl.String, "row": pl.Int32, "line": pl.Int32},
    )
    found = validate(frame, Header((field.name,), (field.name,), ()), dataset_of(field))
    said: dict[int, object] = {row["row"]: row[field.name] for row in found.good.iter_rows(named=True)}
    for error in found.errors.iter_rows(named=True):
        said[error["row"]] = Fault(error["code"], error["message"])
    return [said[row] for row in range(len(cells))]


def canonical(field: Field, value: object) -> object:
    """A value as the read tables hold it and the query API writes it."""
    if value is None or isinstance(value, Fault):
        return value
    if isinstance(value, str) and field.kind in (Kind.DATE, Kind.TIMESTAMP):  # ISO dates, which stay as they stand.
        year, month, day = map(int, value.split("-"))
        value = datetime(year, month, day, tzinfo=UTC)
        value = value.date() if field.kind is Kind.DATE else value
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    match field.kind:
        case Kind.INTEGER:
            return str(int(str(value)))
        case Kind.DECIMAL:
            exact = round(Decimal(str(value)), field.scale)
            return f"{abs(exact) if exact == 0 else exact:.{field.scale}f}"
        case Kind.UUID:
            return str(UUID(str(value)))
        case _:
            return str(value)


@pytest.mark.parametrize("field", [*(pytest.param(one, id=one.name) for one in FIELDS), *DECLARED])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=25))
@example(cells=["", " ", "\u3000x\u2003", "\x1cx", "a@b.c\n", "a@\x1cb.c", "a\x85b@c.d", "12345678901234567890"])
def test_a_cell_is_checked_as_its_column_would_be(field: Field, cells: list[str]) -> None:
    check = FieldCheck(field)

    assert [check.cell(cell) for cell in cells] == [canonical(field, one) for one in by_column(field, cells)]


KIND = Field(name="kind", kind=Kind.CHOICE, required=False, choices=("refund", "sale"))
BOUNDED = Field(
    name="amount",
    kind=Kind.DECIMAL,
    required=False,
    maximum=100,
    when=(When("kind", "refund", Le(0)), When("kind", "sale", Ge(1))),
)
PAIRS = st.tuples(st.sampled_from(["REFUND", "sale", "gift", "", " Sale "]), NUMBERS | CORES)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(PAIRS, min_size=1, max_size=20))
def test_a_bound_that_depends_on_another_field_is_held_as_in_columns(rows: list[tuple[str, str]]) -> None:
    kind, bounded = FieldCheck(KIND), FieldCheck(BOUNDED)
    for said, amount in rows:
        values = {"kind": kind.cell(said), "amount": bounded.cell(amount)}
        if not isinstance(values["amount"], Fault):
            values["amount"] = bounded.beside(values) or values["amount"]
        frame = pl.DataFrame(
            {"c0": [said or None], "c1": [amount or None], "row": [1], "line": [1]},
            schema={"c0": pl.String, "c1": pl.String, "row": pl.Int32, "line": pl.Int32},
        )
        errors = validate(frame, Header(("k", "a"), ("kind", "amount"), ()), dataset_of(KIND, BOUNDED)).errors
        faults = [one for one in values.values() if isinstance(one, Fault)]
        assert faults == [Fault(error["code"], error["message"]) for error in errors.iter_rows(named=True)]


@pytest.mark.parametrize("field", [pytest.param(one, id=one.name) for one in FIELDS])
@settings(max_examples=20, deadline=None)
@given(cell=CELLS)
def test_canonical_text_is_read_as_itself(field: Field, cell: str) -> None:
    check = FieldCheck(field)
    found = check.value(cell)

    if isinstance(found, str):
        assert check.value(found) == found


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("integer", Number("12"), "12"),
        ("integer", Number("-0"), "0"),
        ("integer", Number("1e2"), "100"),
        ("money", Number("1.5"), "1.50"),
        ("money", Number("0.1000000"), "0.10"),
        ("money", Number("123456789012345678.25"), "123456789012345678.25"),
        ("money", "+007.5", "7.50"),
        ("uuid", "123E4567-E89B-42D3-A456-426614174000", "123e4567-e89b-42d3-a456-426614174000"),
        ("american", "2/9/2024", "2024-02-09"),
        ("american", "2024-02-09", "2024-02-09"),
        ("moment", "2024-02-09 10:00:00", "2024-02-09T10:00:00Z"),
        ("moment", "2024-02-09T10:00:00+02:00", "2024-02-09T08:00:00Z"),
        ("moment", "2024-02-09", "2024-02-09T00:00:00Z"),
        ("choice", " BLUE ", "blue"),
        ("choice", None, "Red"),
        ("short", None, None),
        ("short", "  ", None),
    ],
)
def test_a_value_of_json_becomes_canonical_text(name: str, value: object, expected: str | None) -> None:
    (field,) = (one for one in FIELDS if one.name == name)
    assert FieldCheck(field).value(value) == expected


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("integer", Number("1.5"), "type-error"),
        ("integer", Number("1e400000000"), "type-error"),
        ("money", Number("1.001"), "type-error"),
        ("money", Number("-1"), "minimum"),
        ("integer", True, "type-error"),
        ("text", Number("5"), "type-error"),
        ("text", {"a": "b"}, "type-error"),
        ("text", ["a"], "type-error"),
        ("text", "a\0b", "nul-character"),
        ("text", None, "required"),
        ("day", "2023-02-29", "type-error"),
        ("moment", "9999-12-31T23:00:00-05:00", "type-error"),
    ],
)
def test_a_value_of_json_that_does_not_fit_is_a_fault(name: str, value: object, code: str) -> None:
    (field,) = (one for one in FIELDS if one.name == name)
    found = FieldCheck(field).value(value)
    assert isinstance(found, Fault)
    assert found.code == code


def test_a_date_in_json_may_be_written_in_two_ways_and_the_fault_says_so() -> None:
    (field,) = (one for one in FIELDS if one.name == "american")
    assert FieldCheck(field).value("31.12.2024") == Fault(
        "type-error", "must be an existing date written MM/DD/YYYY, or as ISO 8601 has it"
    )
