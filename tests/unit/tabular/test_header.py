"""Which column is which field."""

from __future__ import annotations

import pytest

from shared.errors import BadFile, TooLarge
from shared.tabular.header import FirstRecord, Header, Label, first_record, match_header
from shared.tabular.plain import Syntax

LABELS = (
    Label("id", ("Customer ID", "id"), True),
    Label("name", ("Name",), True),
    Label("total", ("Total",), False),
)
COMMA = Syntax(",", "lf")


def refusal(*cells: str) -> BadFile:
    with pytest.raises(BadFile) as refused:
        match_header(cells, LABELS)
    return refused.value


@pytest.mark.parametrize(
    "label", ["customer id", " CUSTOMER_ID ", "\ufeffCustomer-Id", "customer.  id\xa0", "Ｃustomer ID", "_customer\nid"]
)
def test_labels_match_whatever_their_case_spacing_and_punctuation(label: str) -> None:
    assert match_header([label, "name"], LABELS).fields == ("id", "name")


def test_columns_keep_the_files_own_labels_and_order() -> None:
    header = match_header([" Name ", "", "Colour", "ID"], LABELS)
    assert header == Header(("Name", "", "Colour", "ID"), ("name", None, None, "id"), ("Colour",))


def test_all_missing_labels_are_named_with_the_nearest_present_one() -> None:
    refused = refusal("Total", "Nmae")
    assert (refused.code, refused.labels) == ("missing-label", ("Customer ID", "Name"))
    assert "'Customer ID', 'Name'" in str(refused)
    assert "Is 'Nmae' meant to be 'Name'?" in str(refused)


def test_a_first_row_without_any_known_label_does_not_look_like_a_header() -> None:
    refused = refusal("17", "Smith")
    assert refused.code == "missing-label"
    assert "does not look like a header: '17', 'Smith'" in str(refused)


def test_two_columns_for_one_field_are_refused() -> None:
    refused = refusal("Customer ID", "id", "Name")
    assert (refused.code, refused.labels) == ("duplicate-label", ("Customer ID", "id"))


def test_two_unknown_columns_may_have_one_label() -> None:
    assert match_header(["id", "name", "x", "x"], LABELS).ignored == ("x", "x")


def test_the_header_is_the_first_record_that_is_not_blank() -> None:
    assert first_record(b'\n ,\n"a\nb",c\n1,2\n', COMMA) == FirstRecord(("a\nb", "c"), 12, 4)


def test_a_header_alone_is_a_file_without_rows() -> None:
    assert first_record(b"a,b", COMMA) == FirstRecord(("a", "b"), 3, 1)
    assert first_record(b"a,b\r\n", Syntax(",", "crlf")) == FirstRecord(("a", "b"), 5, 1)


def test_the_sep_line_of_excel_is_no_header() -> None:
    assert first_record(b"sep=,\r\na,b\r\n", COMMA) == FirstRecord(("a", "b"), 12, 2)


def test_a_header_that_goes_on_beyond_the_block_takes_more() -> None:
    assert first_record(b'\n"a', COMMA, final=False) is None
    assert first_record(b"a,b", COMMA, final=False) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"\n\n , \n", "empty-file"),
        (b"", "empty-file"),
        (b'a,"b\n1,2\n', "unclosed-quote"),
        (b"a\xff\n", "encoding-error"),
    ],
)
def test_a_file_without_a_readable_header_is_refused(text: bytes, code: str) -> None:
    with pytest.raises(BadFile) as refused:
        first_record(text, COMMA)
    assert refused.value.code == code


@pytest.mark.parametrize("final", [True, False])
def test_a_header_longer_than_one_mebibyte_is_too_large(final: bool) -> None:
    with pytest.raises(TooLarge, match="1 MiB"):
        first_record(b"a," * 600_000, COMMA, final)
