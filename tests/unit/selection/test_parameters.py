"""Query strings, checked against declared parameters."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets.fields import Kind
from shared.errors import BadParameter
from shared.selection.parameters import MAX_PARAMETERS, Parameter, Query, read_query, split_query

KNOWN = {
    one.name: one
    for one in (
        Parameter(name="name", kind=Kind.TEXT, description=""),
        Parameter(name="status", kind=Kind.CHOICE, description="", choices=("OPEN", "PAID"), repeatable=True),
        Parameter(name="limit", kind=Kind.INTEGER, description="", default="50", minimum=1, maximum=1000),
        Parameter(name="cursor", kind=Kind.TEXT, description=""),
        Parameter(name="offset", kind=Kind.INTEGER, description="", default="0"),
    )
}


def refusal(raw: bytes) -> BadParameter:
    def read() -> None:
        query = read_query("/debts", raw, KNOWN)
        for name in KNOWN:
            query.all(name)

    with pytest.raises(BadParameter) as refused:
        read()
    return refused.value


def test_values_are_unescaped_and_typed() -> None:
    query = read_query("/debts", b"name=J%C3%B6rg+K&limit=7&status=paid&status=Open", KNOWN)
    assert query.one("name") == "Jörg K"
    assert query.integer("limit") == 7
    assert query.all("status") == ["PAID", "OPEN"]


def test_a_default_stands_for_what_is_not_given() -> None:
    query = read_query("/debts", b"", KNOWN)
    assert (query.integer("limit"), query.one("name"), query.has("limit")) == (50, None, False)


def test_text_that_is_not_escaped_is_taken_as_utf8() -> None:
    assert read_query("/debts", "name=Jörg".encode(), KNOWN).one("name") == "Jörg"


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    error = refusal(b"statu=paid")
    assert (error.parameter, error.nearest) == ("statu", "status")
    assert "Did you mean status?" in str(error)


def test_a_parameter_like_none_is_refused_with_all_of_them() -> None:
    error = refusal(b"zzzzzzzz=1")
    assert error.nearest is None
    assert "name, status, limit" in str(error)


@pytest.mark.parametrize(
    ("raw", "parameter", "says"),
    [
        (b"name=a&name=b", "name", "given twice"),
        (b"limit=0", "limit", "from 1 to 1000"),
        (b"limit=1001", "limit", "from 1 to 1000"),
        (b"limit=abc", "limit", "'abc' is not an integer"),
        (b"status=paid&status=x", "status", "'x' is not one of OPEN, PAID"),
        (b"name=%00", "name", "NUL"),
        (b"name=%ff", "name", "UTF-8"),
        (b"name=\xff", "name", "UTF-8"),
        (b"name=%ED%A0%80", "name", "UTF-8"),
        (b"limit=" + b"9" * 5000, "limit", "..."),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_parameter(raw: bytes, parameter: str, says: str) -> None:
    error = refusal(raw)
    assert error.parameter == parameter
    assert says in str(error)
    assert len(str(error)) < 300


def test_too_many_parameters_are_refused() -> None:
    assert "at most" in str(refusal(b"&".join([b"status=paid"] * (MAX_PARAMETERS + 1))))


@given(st.binary(max_size=200))
def test_any_query_string_is_read_or_refused(raw: bytes) -> None:
    try:
        read_query("/debts", raw, KNOWN)
    except BadParameter as error:
        str(error).encode()
        error.parameter.encode()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_link_keeps_the_callers_parameters_and_replaces_the_page(name: str) -> None:
    raw = f"name={quote(name)}&status=paid&status=open&cursor=old&offset=5".encode()
    link = read_query("/debts", raw, KNOWN).link(cursor="new")
    path, _, following = link.partition("?")
    assert path == "/debts"
    again = read_query(path, following.encode(), KNOWN)
    assert (again.one("name"), again.all("status"), again.one("cursor")) == (name, ["PAID", "OPEN"], "new")
    assert not again.has("offset")


def test_a_link_without_parameters_is_the_path() -> None:
    assert read_query("/debts", urlencode({"cursor": "x"}).encode(), KNOWN).link() == "/debts"


@given(st.binary(max_size=60) | st.text("ab=&%+;~2", max_size=40).map(str.encode))
def test_a_query_is_split_as_the_standard_library_does_it(raw: bytes) -> None:
    text = raw.decode(errors="surrogateescape")
    assert split_query(raw) == tuple(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_link_says_what_the_query_said(name: str, cursor: str) -> None:
    asked = Query("/debts", (("name", name), ("cursor", "old"), ("limit", "7")), KNOWN)
    path, _, said = asked.link(cursor=cursor).partition("?")
    assert path == "/debts"
    assert parse_qsl(said, keep_blank_values=True) == [("name", name), ("limit", "7"), ("cursor", cursor)]
    assert said.isascii()
