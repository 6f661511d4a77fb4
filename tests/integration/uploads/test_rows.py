"""`POST /{dataset}/uploads`: broken rows cost themselves and no other row, wherever in a file they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest

from tests.files import DEBT_LABELS, debt, debts, table
from tests.integration.uploads.edges import CHUNK_BYTES, FILLER_ROWS, FIRST_BLOCK_BYTES, across, chunk_edge
from tests.steps import Api

Told = tuple[int, int, str | None, str, str]
MIB = 1024**2


def told(api: Api, report: Mapping[str, Any]) -> list[Told]:
    """Row, line, column, code and value of each error."""
    return [(one["row"], one["line"], one["column"], one["code"], one["value"]) for one in api.errors(report)]


def counted(report: Mapping[str, Any], *, accepted: int, rejected: int = 0, duplicate: int = 0, blank: int = 0) -> None:
    """Hold that an upload is published with these counts, and with as many records as rows."""
    expected = {"accepted": accepted, "rejected": rejected, "duplicate": duplicate, "blank": blank}
    assert report["state"] == "published"
    assert report["rows"] == {"read": accepted + rejected + duplicate + blank, **expected}
    assert report["records"] == accepted


def by_key(api: Api, source: str) -> dict[str, str]:
    """The names of all debts of a partner by their keys."""
    return {one["debt_id"]: one["name"] for one in api.records("debts", source=source, fields="debt_id,name")}


def named(rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """The same of rows of a file."""
    return {row[5]: row[0] for row in rows}


def many(count: int) -> list[list[str]]:
    """Good rows, each with a name of two lines."""
    return [debt(name=f"Ann\nNumber {number}") for number in range(count)]


def with_raw(rows: Sequence[Sequence[str]], places: Mapping[int, bytes]) -> bytes:
    """A file of these rows with raw lines put before those with the given indexes."""
    pieces = [debts()]
    for index, row in enumerate(rows):
        pieces += [places.get(index, b""), table(row, []).encode()]
    return b"".join(pieces)


def line_of(content: bytes, piece: bytes) -> int:
    """The physical line on which a piece of a file starts."""
    return content[: content.index(piece)].count(b"\n") + 1


def test_invalid_bytes_far_behind_the_first_block_cost_their_rows(api: Api, source: str) -> None:
    rows = many(25_000)
    bad = {23_000: b"Zo\xeb,1,a@b.co,1,2024-01-01,KEY\n", 24_000: b'x,"\xf0\x9f\n\x98",y,1,2024-01-01,KEY\n'}
    content = with_raw(rows, bad)
    assert content.index(b"Zo\xeb") > FIRST_BLOCK_BYTES
    report = api.upload("debts", content, source=source)

    counted(report, accepted=25_000, rejected=2)
    assert report["dialect"]["encoding"] == "utf-8"
    assert told(api, report) == [
        (23_002, line_of(content, b"Zo\xeb"), None, "encoding-error", "Zo\ufffd"),
        (24_003, line_of(content, b"x,"), None, "encoding-error", "\ufffd\n\ufffd"),
    ]
    assert by_key(api, source) == named(rows)


def test_broken_rows_between_good_ones_are_told_where_they_are(api: Api, source: str) -> None:
    rows = many(3000)
    bad = {
        100: b"a\0b,1,a@b.co,1,2024-01-01,KEY\n",
        700: b"too,few\n",
        1200: b"one,two,three,four,five,six,seven,eight\n",
        1500: b'Ann,"1"2,a@b.co,1,2024-01-01,KEY\n',
        2999: b'Ann,1,a@b.co,1,2024-01-01,"KEY\n',
    }
    content = with_raw(rows, bad)
    report = api.upload("debts", content, source=source)

    assert report["progress"]["chunks"] > 3
    counted(report, accepted=3000, rejected=5)
    lines = [line_of(content, piece) for piece in bad.values()]
    assert told(api, report) == [
        (102, lines[0], None, "nul-character", "a\u2400b"),
        (703, lines[1], None, "missing-cell", ""),
        (1204, lines[2], None, "extra-cell", "seven,eight"),
        (1505, lines[3], None, "unclosed-quote", '"1"2,a@b.co,1,2024-01-01,KEY'),
        (3005, lines[4], None, "unclosed-quote", '"KEY'),
    ]
    assert by_key(api, source) == named(rows)


def test_a_quote_that_never_closes_costs_one_line_of_a_large_file(api: Api, source: str) -> None:
    rows = [debt() for _ in range(20_000)]
    content = with_raw(rows, {10_000: b'"Ann,1,a@b.co,1,2024-01-01,KEY\n'})
    report = api.upload("debts", content, source=source)

    counted(report, accepted=20_000, rejected=1)
    assert told(api, report) == [(10_002, 10_002, None, "unclosed-quote", '"Ann,1,a@b.co,1,2024-01-01,KEY')]
    assert by_key(api, source) == named(rows)


def test_quotes_inside_a_cell_are_part_of_it(api: Api, source: str) -> None:
    names = {'5" pipe': '5" pipe', 'Ann "A" Lee': 'Ann "A" Lee', '"say ""hi"""': 'say "hi"', '""""': '"', 'a"': 'a"'}
    rows = [debt(name=name) for name in names]
    content = debts() + "".join(f"{','.join(row)}\n" for row in rows).encode()
    report = api.upload("debts", content, source=source)

    counted(report, accepted=len(names))
    assert by_key(api, source) == {row[5]: names[row[0]] for row in rows}


def test_a_cell_longer_than_a_mebibyte_costs_its_row(api: Api, source: str) -> None:
    rows = [debt() for _ in range(50)]
    tail = b",1,a@b.co,1,2024-01-01,KEY\n"
    quoted = b'"' + b"y" * (MIB + 1) + b'"'
    bad = {10: b"x" * (MIB + 1) + tail, 20: quoted + tail, 30: b"z" * 2 * MIB + b"\n"}
    report = api.upload("debts", with_raw(rows, bad), source=source)

    counted(report, accepted=50, rejected=3)
    assert told(api, report) == [
        (12, 12, None, "field-too-long", "x" * 200),
        (23, 23, None, "field-too-long", '"' + "y" * 199),
        (34, 34, None, "field-too-long", "z" * 200),
    ]
    assert by_key(api, source) == named(rows)


def test_a_cell_of_almost_a_mebibyte_or_of_a_thousand_lines_is_taken(api: Api, source: str) -> None:
    titles = ["words, " * (MIB // 7 - 1) + "end", "line\n" * 999 + "end"]
    rows = [[uuid4().hex[:17], title] for title in titles]
    report = api.upload("books", table(["isbn", "title"], rows).encode(), source=source)

    counted(report, accepted=2)
    assert sorted(one["title"] for one in api.records("books", source=source)) == sorted(titles)


def test_blank_rows_are_counted_and_are_no_errors(api: Api, source: str) -> None:
    rows = [debt() for _ in range(30)]
    blank = {5: b"\n", 10: b",,,,,\n", 15: b" ,\t,,,,\xc2\xa0\n", 20: b'"","","","","",""\n', 25: b"\r\n  \n"}
    content = with_raw(rows, blank) + b"\n\n,,,,,\n"
    bad = debt(debtAmount="x")
    report = api.upload("debts", content + table(bad, []).encode(), source=source)

    counted(report, accepted=30, rejected=1, blank=9)
    assert told(api, report) == [(41, 41, "debtAmount", "type-error", "x")]
    assert by_key(api, source) == named(rows)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n\n", "\n,,,,,"])
@pytest.mark.parametrize("count", [1, 1500])
def test_the_last_row_counts_however_the_file_ends(api: Api, source: str, end: str, count: int) -> None:
    rows = [debt() for _ in range(count)]
    report = api.upload("debts", debts(*rows).removesuffix(b"\n") + end.encode(), source=source)

    counted(report, accepted=count, blank={"\n\n\n": 2, "\n,,,,,": 1}.get(end, 0))
    assert by_key(api, source) == named(rows)


def test_a_file_may_end_within_a_quoted_cell(api: Api, source: str) -> None:
    rows = [debt(), debt()]
    report = api.upload("debts", debts(*rows) + b'Ann,"1', source=source)

    counted(report, accepted=2, rejected=1)
    assert told(api, report) == [(4, 4, None, "unclosed-quote", '"1')]


@pytest.mark.parametrize("name", ["one\ntwo", "one\r\ntwo", 'one""two', "o\u00e9", "\u20ac", "\U0001f600", "one,two"])
@pytest.mark.parametrize("edge", [chunk_edge(), CHUNK_BYTES])
def test_nothing_is_torn_at_the_edge_of_a_chunk(api: Api, source: str, name: str, edge: int) -> None:
    for before in range(1, len(name.encode())):
        report = api.upload("debts", across(name, before, edge), source=f"{source}-{before}")

        assert (report["rows"]["rejected"], report["rows"]["blank"]) == (0, 0)
        found = list(by_key(api, f"{source}-{before}").values())
        assert len(found) == report["rows"]["read"]
        assert [one for one in found if not one.startswith("Filler")] == [name.replace('""', '"')]


@pytest.mark.parametrize(
    ("name", "before", "encoding"),
    [
        ("one\ntwo", 4, "utf-8"),
        ("one\r\ntwo", 4, "utf-8"),
        ('one""two', 4, "utf-8"),
        ("\U0001f600", 3, "utf-8"),
        ("\U0001f600", 2, "utf-16-le"),
        ("one\r\ntwo", 8, "utf-16-be"),
    ],
)
def test_nothing_is_torn_at_the_edge_of_a_block(api: Api, source: str, name: str, before: int, encoding: str) -> None:
    content = across(name, before, FIRST_BLOCK_BYTES, encoding)
    report = api.upload("debts", content, source=source)

    rows = content.decode(encoding).count("Ann") + content.decode(encoding).count("Filler")
    assert report["rows"]["accepted"] == report["rows"]["read"] > FILLER_ROWS
    assert rows >= FILLER_ROWS
    found = list(by_key(api, source).values())
    assert [one for one in found if not one.startswith("Filler")] == [name.replace('""', '"')]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_may_lie_at_the_edge_of_a_chunk(api: Api, source: str, end: str) -> None:
    for shift in range(3):
        rows = [debt(name="x" * (1 + shift)), *(debt() for _ in range(1500))]
        report = api.upload("debts", table(DEBT_LABELS, rows, end=end).encode(), source=f"{source}-{shift}")

        assert report["progress"]["chunks"] > 1
        counted(report, accepted=1501)
        assert by_key(api, f"{source}-{shift}") == named(rows)


def test_a_file_of_bad_rows_only_is_published_without_records(api: Api, source: str) -> None:
    rows = [debt(debtAmount=f"{number} EUR") for number in range(10_000)]
    report = api.upload("debts", debts(*rows), source=source)

    counted(report, accepted=0, rejected=10_000)
    expected = [(row, row, "debtAmount", "type-error", f"{row - 2} EUR") for row in range(2, 10_002)]
    assert told(api, report) == expected
    assert api.count("debts", source=source) == 0
    assert len(corrected(api, report)) == 10_001


def test_rejected_rows_can_be_corrected_and_sent_again(api: Api, source: str) -> None:
    rows = [[*debt(name=f'Ann "{number}",\nLee'), "", str(number)] for number in range(1200)]
    for number, row in enumerate(rows):
        if number % 3 == 0:
            row[3] = "ten"
        if number % 7 == 0:
            row[4] = "2023-02-29"
    content = table([*DEBT_LABELS, "", "Remark"], rows).encode() + b"too,few\nAnn,1,a@b.co,1,2024-01-01,KEY,,r,more\n"
    first = api.upload("debts", content, source=source)
    lines = corrected(api, first)

    assert lines[0] == [*DEBT_LABELS, "", "Remark", "_row", "_line", "_errors", "_safe"]
    bad = [number for number in range(1200) if number % 3 == 0 or number % 7 == 0]
    assert [line[8:10] for line in lines[1:-2]] == [[str(number + 2), str(2 * number + 2)] for number in bad]
    assert [line[:8] for line in lines[1:-2]] == [rows[number] for number in bad]
    assert lines[-2][:3] == ["too", "few", ""]
    assert lines[-1][12:] == ["more"]
    assert "debtAmount: must be a number" in lines[1][10]
    assert "debtDueDate: must be an existing date" in lines[1][10]

    fixed = [[*line[:3], "10.00", "2023-02-28", *line[5:8]] for line in lines[1:-2]]
    second = api.upload("debts", table(lines[0][:8], fixed).encode(), source=source)
    counted(second, accepted=len(bad))
    assert by_key(api, source) == named(rows)


def corrected(api: Api, report: Mapping[str, Any]) -> list[list[str]]:
    """The lines of an upload's errors.csv."""
    answer = api.http.get(f"/uploads/{report['id']}/errors.csv")
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.text, newline=""), strict=True))
