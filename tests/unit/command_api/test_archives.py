"""Archives as the child opens them: what comes out, what is refused, and that no limit can be passed."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, BinaryIO

import msgspec
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_api.archives.orders import Order
from command_api.archives.unpacking import Unpacker
from shared.errors import BadFile, BadParameter, Refused, TooLarge, WrongMediaType
from shared.tabular.header import Label
from shared.tabular.plain import Syntax, read_record
from shared.tabular.row_errors import ERROR_MARK
from tests.workbooks import (
    MAIN,
    SHEET,
    Cell,
    Fault,
    Formula,
    Markup,
    Written,
    packed,
    sheet_xml,
    strings_xml,
    workbook,
    workbook_of,
)

MIB = 1024**2
ORDER = Order(
    labels=(Label("name", ("name",), True), Label("born", ("born",), False), Label("seen", ("seen",), False)),
    formats={"born": "%m/%d/%Y", "seen": "%Y-%m-%d %H:%M:%S"},
    sheet=None,
    max_bytes=256 * MIB,
    max_inflation=100,
    memory_bytes=1024 * MIB,
    cpu_s=20,
)


@contextmanager
def stored(content: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


async def opened(content: bytes, time_s: float = 20, **wishes: Any) -> tuple[str | None, str]:
    """Sheet and text of an archive."""
    order = msgspec.structs.replace(ORDER, **wishes)
    with stored(content) as file:
        async with Unpacker(time_s).opened(file, order) as unpacked:
            head = await unpacked.head()
            blocks = [block async for block in unpacked.blocks()]
    return head.sheet, b"".join(blocks).decode()


async def rows_of(content: bytes, **wishes: Any) -> list[list[str]]:
    """The rows of a workbook's sheet, as a projector would read them."""
    text = (await opened(content, **wishes))[1].encode()
    syntax, rows, at = Syntax(",", "cr"), [], 0
    while at < len(text) and (record := read_record(text, at, syntax, final=True)):
        rows.append([cell.decode() for cell in record.cells])
        at = record.end
    return rows


async def refused(content: bytes, time_s: float = 20, **wishes: Any) -> Refused:
    with pytest.raises(Refused) as found:
        await opened(content, time_s, **wishes)
    return found.value


CELLS: dict[str, tuple[Cell, str]] = {
    "text": ("plain", "plain"),
    "text with what CSV needs quoted": ('a "b", c', 'a "b", c'),
    "text of two lines": ("one\ntwo", "one\ntwo"),
    "text with spaces around": ("  x ", "  x "),
    "text that looks like a formula": ("=1+1", "=1+1"),
    "text that looks like an error": ("#DIV/0!", "#DIV/0!"),
    "text that looks like a number": ("007", "007"),
    "a date as text": ("2024-02-29", "2024-02-29"),
    "a number": (Written("-431.33"), "-431.33"),
    "a number with a useless fraction": (Written("1234.0"), "1234"),
    "a number with an exponent": (Written("1.2E+3"), "1200"),
    "a number with 17 digits": (Written("0.30000000000000004"), "0.3"),
    "an integer of 20 digits": (Written("12345678901234567890"), "12345678901234567890"),
    "no number at all": (Written("NaN"), "NaN"),
    "a number beyond all": (Written("1E400"), "1E400"),
    "a boolean": (True, "TRUE"),
    "a date": (date(2024, 2, 29), "2024-02-29"),
    "a time": (datetime.fromisoformat("2024-02-29 12:30"), "2024-02-29T12:30:00"),
    "an error": (Fault("#DIV/0!"), f"{ERROR_MARK}#DIV/0!"),
    "an error that nobody knows": (Markup('<c r="{at}" t="e"><v>#N/A</v></c>'), f"{ERROR_MARK}#N/A"),
    "a formula": (Formula("1+1", "2"), "2"),
    "a formula of text": (Markup('<c r="{at}" t="str"><f>A1</f><v>so</v></c>'), "so"),
    "a formula of no text": (Markup('<c r="{at}" t="str"><f>A1</f><v></v></c>'), ""),
    "a formula that was never calculated": (Formula("1+1", None), f"{ERROR_MARK}#FORMULA"),
    "rich text": (
        Markup(
            '<c r="{at}" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r><rPh sb="0" eb="1"><t>z</t></rPh></is></c>'
        ),
        "ab",
    ),
    "an escaped line end": ("one_x000D_\ntwo", "one\ntwo"),
    "a cell of nothing but a style": (Markup('<c r="{at}" s="1"/>'), ""),
}


@pytest.mark.parametrize("shared", [False, True], ids=["inline", "shared"])
async def test_a_cell_becomes_the_text_that_a_csv_would_have(shared: bool) -> None:
    rows = await rows_of(workbook([["name", "what"], *([one, "x"] for one, _ in CELLS.values())], shared=shared))
    assert dict(zip(CELLS, (row[0] for row in rows[1:]), strict=True)) == {
        key: text for key, (_, text) in CELLS.items()
    }


@pytest.mark.parametrize("since_1904", [False, True])
async def test_dates_are_written_as_their_column_writes_them(since_1904: bool) -> None:
    day, moment = date(2024, 2, 9), datetime.fromisoformat("2024-02-09 13:05")
    table: list[list[Cell]] = [
        ["name", "born", "Seen"],
        [day, day, day],
        [moment, moment, moment],
        ["x", "2/9/2024", 7],
    ]
    assert (await rows_of(workbook(table, since_1904=since_1904)))[1:] == [
        ["2024-02-09", "02/09/2024", "2024-02-09 00:00:00"],
        ["2024-02-09T13:05:00", "2024-02-09T13:05:00", "2024-02-09 13:05:00"],
        ["x", "2/9/2024", "7"],
    ]


async def test_rows_keep_their_numbers_and_what_is_blank_at_the_end_is_gone() -> None:
    style = Markup('<c r="{at}" s="1"/>')
    table: list[list[Cell]] = [[], ["", ""], [None, "name", "born"], [], [None, "Ann", None], [style] * 9, ["", "  "]]
    assert await rows_of(workbook(table)) == [
        ["", "", ""],
        ["", "", ""],
        ["", "name", "born"],
        ["", "", ""],
        ["", "Ann", ""],
    ]


async def test_merged_cells_have_their_value_once() -> None:
    xml = sheet_xml([["name", "born"], ["both", None]]).replace(
        "</sheetData>", '</sheetData><mergeCells count="1"><mergeCell ref="A2:B2"/></mergeCells>'
    )
    assert await rows_of(workbook([], parts={SHEET: xml})) == [["name", "born"], ["both", ""]]


async def test_a_sheet_is_the_first_to_be_seen_or_the_one_that_is_named() -> None:
    content = workbook_of(
        {"Old": [["name"], ["a"]], "New": [["name"], ["b"]], "2025": [["name"], ["c"]]}, hidden=["Old"]
    )
    assert await opened(content) == ("New", "name\rb\r")
    assert await opened(content, sheet="Old") == ("Old", "name\ra\r")
    error = await refused(content, sheet="new")
    assert isinstance(error, BadParameter)
    assert (error.parameter, error.nearest) == ("sheet", "New")
    assert "'Old', 'New', '2025'" in str(error)


async def test_prefixes_rows_without_numbers_and_other_paths_are_understood() -> None:
    plain = sheet_xml([["name"], ["Ann"]])
    prefixed = plain.replace("<", "<x:").replace("<x:/", "</x:").replace("xmlns=", "xmlns:x=")
    numberless = plain.replace(' r="1"', "").replace(' r="2"', "").replace(' r="A1"', "").replace(' r="A2"', "")
    for xml in (prefixed, numberless):
        assert await rows_of(workbook([], parts={SHEET: xml})) == [["name"], ["Ann"]]
    parts = _parts(workbook([["name"], ["Ann"]], shared=True))
    odd = {name.replace("/", "\\").replace("shared", "Shared"): part for name, part in parts.items()}
    assert await rows_of(packed(odd)) == [["name"], ["Ann"]]


def _parts(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.none() | TEXT | st.integers(-(10**9), 10**9), min_size=1, max_size=5), max_size=12))
async def test_any_table_comes_out_as_it_went_in(table: list[list[Cell]]) -> None:
    rows = await rows_of(workbook([["name", "x", "y", "z", "end"], *table], shared=True))
    expected = [[("" if one is None else str(one)) for one in row] + [""] * (5 - len(row)) for row in table]
    while expected and not "".join(expected[-1]).strip():
        expected.pop()
    assert [[cell.strip() for cell in row] for row in rows[1:]] == [[cell.strip() for cell in row] for row in expected]


ROWS: list[list[Cell]] = [["name"], ["Ann"]]
DOCTYPE = '<!DOCTYPE x [<!ENTITY a "aaa">]>'
CONTRADICTIONS = {
    "a document type": (workbook(ROWS, parts={SHEET: DOCTYPE + sheet_xml(ROWS)}), "document type"),
    "one in a part that is not needed": (
        workbook(ROWS, parts={"docProps/core.xml": f"{DOCTYPE}<x/>"}),
        "document type",
    ),
    "a sheet that is no XML": (workbook(ROWS, parts={SHEET: "no XML"}), "is no XML"),
    "a sheet that ends early": (workbook(ROWS, parts={SHEET: sheet_xml(ROWS)[:-20]}), "is no XML"),
    "a sheet that is none": (workbook(ROWS, parts={SHEET: f'<chartsheet xmlns="{MAIN}"/>'}), "is no worksheet"),
    "a sheet that is not there": (workbook(ROWS, parts={SHEET: None}), "lacks its part"),
    "a string that is not there": (workbook([[Markup('<c r="{at}" t="s"><v>7</v></c>')]]), "no shared string 7"),
    "more strings than there are": (
        workbook(ROWS, shared=True, parts={"xl/sharedStrings.xml": strings_xml(["a", "b"], 4_294_967_295)}),
        "claims 4294967295 shared strings and has 2",
    ),
    "a row twice": (workbook(ROWS, parts={SHEET: sheet_xml(ROWS).replace('r="2"', 'r="1"')}), "out of order"),
    "a row beyond the last": (workbook(ROWS, parts={SHEET: sheet_xml(ROWS).replace('r="2"', 'r="1048577"')}), "order"),
    "a cell of another row": (workbook(ROWS, parts={SHEET: sheet_xml(ROWS).replace('"A2"', '"A9"')}), "out of order"),
    "a sheet in UTF-16": (
        workbook(ROWS, parts={SHEET: ('<?xml version="1.0" encoding="UTF-16"?>' + sheet_xml(ROWS)).encode("utf-16")}),
        "disagree: row 1 has 0 filled cells for one and 1",
    ),
    "an entry that leads out": (packed({"../../etc/passwd": "x"}), "leads out of it"),
    "two files": (packed({"a.csv": "name\n", "b.csv": "name\n"}), "holds 2 files"),
    "no file": (packed({}), "holds no files"),
    "half an archive": (workbook(ROWS)[:-30], "is damaged"),
    "no archive": (b"PK\3\4" + bytes(100), "is damaged"),
}


@pytest.mark.parametrize(("content", "says"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
async def test_what_contradicts_itself_is_refused(content: bytes, says: str) -> None:
    error = await refused(content)
    assert isinstance(error, BadFile)
    assert error.code == "archive-error"
    assert says in str(error)


@pytest.mark.parametrize(
    ("name", "says"), [("xl/workbook.bin", ".xlsb"), ("content.xml", ".ods"), ("word/document.xml", "Word")]
)
async def test_other_documents_are_refused_by_name(name: str, says: str) -> None:
    error = await refused(packed({"[Content_Types].xml": "<x/>", name: "<x/>"}))
    assert isinstance(error, WrongMediaType)
    assert says in str(error)


async def test_the_one_file_of_an_archive_comes_out_as_it_is() -> None:
    content = packed({"folder/": "", "folder/march.csv": b"name\r\n\xff\0\n", "__MACOSX/folder/._march.csv": "x"})
    with stored(content) as file:
        async with Unpacker(20).opened(file, ORDER) as unpacked:
            assert (await unpacked.head()).sheet is None
            assert b"".join([block async for block in unpacked.blocks()]) == b"name\r\n\xff\0\n"
    assert isinstance(await refused(content, sheet="Sheet1"), BadParameter)


async def test_an_empty_sheet_names_the_others() -> None:
    error = await refused(workbook_of({"Cover": [], "Data": [["name"]]}))
    assert isinstance(error, BadFile)
    assert (error.code, "'Data'" in str(error)) == ("empty-file", True)


FAR = sheet_xml([["name"]]).replace("</row>", '</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
REFERENCES: list[Cell] = [Markup('<c r="{at}" t="s"><v>0</v></c>')] * 10
"""Of which each is a cell of 20,000 characters."""


@pytest.mark.parametrize(
    ("content", "wishes", "says"),
    [
        (workbook(ROWS, parts={SHEET: sheet_xml(ROWS) + " " * 40 * MIB}), {}, "100 times its size"),
        (packed({"a.csv": bytes(40 * MIB)}), {}, "100 times its size"),
        (packed({"a.csv": "x" * 2 * MIB}), {"max_bytes": MIB}, "longer than 1048576 bytes"),
        (packed({f"{number}.csv": "" for number in range(2001)}), {}, "2001 entries"),
        (workbook([], parts={SHEET: FAR}), {}, "spans 1048576 rows and 16384 columns"),
        (
            workbook([REFERENCES] * 100, parts={"xl/sharedStrings.xml": strings_xml(["x" * 20_000])}),
            {"max_bytes": 8 * MIB, "max_inflation": 10**6},
            "longer",
        ),
    ],
    ids=["white space", "a file of zeros", "a long file", "many entries", "a wide sheet", "much text"],
)
async def test_what_is_too_large_is_refused(content: bytes, wishes: dict[str, Any], says: str) -> None:
    error = await refused(content, **wishes)
    assert isinstance(error, TooLarge)
    assert says in str(error)


async def test_a_child_that_needs_too_much_is_ended_with_a_reason() -> None:
    content = workbook([[f"{row}" * 5000] for row in range(2000)])
    assert "of memory" in str(await refused(content, memory_bytes=64 * MIB, max_inflation=10**6))
    assert "longer than 0.05 s" in str(await refused(content, time_s=0.05))
    long = workbook([[row] * 5 for row in range(200_000)])
    assert "1 s of processor time" in str(await refused(long, cpu_s=1))
    assert not [child for child in psutil.Process().children() if "command_api.archives" in child.cmdline()]


async def test_a_child_goes_with_whoever_waits_for_it() -> None:
    order = msgspec.structs.replace(ORDER, max_inflation=10**6)
    with stored(packed({"a.csv": bytes(64 * MIB)})) as file:
        async with Unpacker(20).opened(file, order) as unpacked:
            await unpacked.head()
    assert not [child for child in psutil.Process().children() if "command_api.archives" in child.cmdline()]
