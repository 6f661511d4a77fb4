"""How a file is written, told from its first block."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadFile, WrongMediaType
from shared.tabular.dialect import Dialect, settle_dialect
from shared.tabular.encoding import settle_encoding
from shared.tabular.header import Label
from shared.tabular.transcoding import MARKER
from tests.unit.tabular.texts import unhurried

LABELS = (Label("id", ("id",), True), Label("name", ("name",), True), Label("sum", ("sum", "total"), False))
TABLE = "id,name\n1,Zoë\n2,Ян\n"


def code(block: bytes, declared: str | None = None, fallbacks: tuple[str, ...] = ()) -> str:
    with pytest.raises(BadFile) as refused:
        settle_encoding(block, declared, fallbacks)
    return refused.value.code


def transcoded(dialect: Dialect, received: bytes, size: int) -> bytes:
    transcoder = dialect.transcoder()
    blocks = [received[at : at + size] for at in range(0, len(received), size)]
    return b"".join([*map(transcoder.feed, blocks), transcoder.finish()])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_bom_settles_the_encoding_whatever_was_declared(encoding: str) -> None:
    received = f"\ufeff{TABLE}".encode(encoding)
    dialect = settle_dialect(received, LABELS, declared_encoding="cp1251")
    assert (dialect.encoding, dialect.encoding_source) == (encoding, "bom")
    assert transcoded(dialect, received, 1).decode() == TABLE
    assert dialect.text_offset == (3 if encoding == "utf-8" else 0)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_bom_shows_by_its_nuls(encoding: str) -> None:
    assert settle_encoding(TABLE.encode(encoding), None, ("cp1251",)).name == encoding
    assert settle_encoding(TABLE.encode(encoding), "utf-16", ()).name == encoding


def test_a_declared_encoding_goes_before_detection() -> None:
    assert settle_encoding(b"a,b\n", "windows-1251", ()).name == "cp1251"


@pytest.mark.parametrize("declared", ["us-ascii", "UTF8", "utf-8-sig"])
def test_what_is_contained_in_utf_8_is_read_as_utf_8(declared: str) -> None:
    assert settle_encoding(b"a,b\n", declared, ()).name == "utf-8"


@pytest.mark.parametrize("declared", ["zlib", "unicode_escape", "rot13", "utf-7", "nonsense", "idna", "\0"])
def test_an_encoding_that_is_none_of_text_is_refused(declared: str) -> None:
    assert code(b"a,b\n", declared) == "encoding-error"


def test_a_character_cut_off_by_the_end_of_the_block_is_still_utf_8() -> None:
    assert settle_encoding("id,é".encode()[:-1], None, ()).source == "detected"


def test_the_first_fallback_that_reads_the_block_is_taken() -> None:
    encoding = settle_encoding("id,Ян".encode("cp1251") + b"\x98", None, ("cp1251", "koi8-r"))
    assert (encoding.name, encoding.source) == ("koi8-r", "fallback")


def test_a_block_that_no_encoding_reads_is_refused() -> None:
    assert code(b"id,\xff\n") == "encoding-error"


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x7fELF", b"%PDF-1.7", b"\x1f\x8b\x08", b"\x89PNG\r\n\x1a\n"])
def test_binary_files_are_refused_by_what_they_look_like(start: bytes) -> None:
    with pytest.raises(WrongMediaType, match="looks like") as refused:
        settle_encoding(start + b"a,b\n" * 20, "utf-8", ("cp1251",))
    assert refused.value.code == "format-error"


def test_many_nuls_that_are_no_utf_16_are_binary_and_few_are_left_to_the_rows() -> None:
    assert code(b"a\0\0\0b\0\0c,\n\0\0") == "format-error"
    assert settle_encoding(b"id,name\n1,a\0b\n" + b"2,c\n" * 9, None, ()).name == "utf-8"


def test_no_bytes_are_an_empty_file() -> None:
    assert code(b"") == "empty-file"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_makes_the_header_match(delimiter: str) -> None:
    text = f"id{delimiter}name{delimiter}a,b;c|d\te\n1{delimiter}x,x,x\n"
    assert settle_dialect(text.encode(), LABELS).delimiter == delimiter


def test_among_delimiters_that_match_alike_the_rows_decide() -> None:
    assert settle_dialect(b"a;b,c\n1,5;2\n3,5;4\n7;8\n", LABELS).delimiter == ";"


def test_a_given_delimiter_is_taken_and_an_impossible_one_refused() -> None:
    assert settle_dialect(b"id,name\n", LABELS, delimiter=":").delimiter == ":"
    for delimiter in ('"', "\n", "é", "::"):
        with pytest.raises(BadFile, match="cannot be a delimiter"):
            settle_dialect(b"id,name\n", LABELS, delimiter=delimiter)


def test_the_sep_line_of_excel_names_the_delimiter() -> None:
    assert settle_dialect(b"sep=;\r\nid,name;sum\r\n", LABELS).delimiter == ";"


@pytest.mark.parametrize(
    ("text", "line_end"),
    [("a\nb\r\n", "lf"), ("a\r\nb\n", "crlf"), ("a\rb\r", "cr"), ("a\r", "lf"), ("a", "lf"), ("a\rb\n", "lf")],
)
def test_the_first_line_end_is_the_one_of_the_file(text: str, line_end: str) -> None:
    assert settle_dialect(text.encode(), LABELS).line_end == line_end


@unhurried
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.integers(1, 5))
def test_transcoding_does_not_depend_on_the_blocks(text: str, size: int) -> None:
    for encoding in ("utf-8", "utf-16-le", "gb18030"):
        dialect = Dialect(encoding, "declared", ",", "lf", 0)
        assert transcoded(dialect, text.encode(encoding), size).decode() == text


@unhurried
@given(st.binary(), st.integers(1, 5), st.sampled_from(["cp1251", "utf-16-le", "utf-32-be", "shift_jis", "euc_kr"]))
def test_bytes_that_cannot_be_decoded_do_not_stop_transcoding(received: bytes, size: int, encoding: str) -> None:
    dialect = Dialect(encoding, "declared", ",", "lf", 0)
    text = transcoded(dialect, received, size)
    assert text == transcoded(dialect, received, len(received) + 1)
    assert text.replace(MARKER, b"").decode() == received.decode(encoding, "ignore")


def test_undecodable_bytes_stay_in_their_row() -> None:
    dialect = Dialect("cp1251", "declared", ",", "lf", 0)
    assert transcoded(dialect, b"\xff,a\n\x98,b\nc,d\n", 2) == "я,a\n".encode() + b"\xff,b\nc,d\n"
    assert transcoded(Dialect("utf-16-le", "bom", ",", "lf", 2), b"\xff\xfea\0,", 4) == b"a\xff"


def test_a_dialect_without_a_sheet_is_written_as_before_there_were_sheets() -> None:
    written = b'{"encoding":"utf-8","encoding_source":"detected","delimiter":",","line_end":"lf","bom_bytes":0}'
    dialect = msgspec.json.decode(written, type=Dialect)
    assert dialect.sheet is None
    assert msgspec.json.encode(dialect) == written
