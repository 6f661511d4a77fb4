"""Files and strings that broke other systems, where the collection is at hand, sent as they are and as books."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from cli.servers.folder import ROOT
from shared.tabular.rows import is_utf8
from tests.files import DEBT_LABELS, account, accounts, debt, table
from tests.steps import Api

CORPORA = ROOT.parent / "shared" / "corpora"
DEADLINE_S = 20.0
REFUSED = {
    413: {"format-error"},
    415: {"format-error"},
    422: {"empty-file", "missing-label", "duplicate-label", "encoding-error", "archive-error"},
}
MAX_COLUMNS = 16_384
MIB = 1024**2

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="the bad-input corpora are not beside the repository")

WHITE = (
    " \t\n\v\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space, which is cut from both ends of a cell."""


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    """Four clients at once."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def found(folder: str, *patterns: str) -> list[Path]:
    """Files of a collection."""
    return sorted({path for pattern in patterns for path in (CORPORA / folder).rglob(pattern) if path.is_file()})


def send(api: Api, dataset: str, content: bytes, **wishes: str) -> httpx.Response:
    """Send within bounded time; the answer is an upload or a problem of the caller's."""
    started = time.monotonic()
    answer = api.send(dataset, content, **wishes)
    assert time.monotonic() - started < DEADLINE_S
    assert answer.status_code in (200, 202) or answer.status_code in REFUSED, answer.text
    if answer.is_client_error:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] in REFUSED[answer.status_code], answer.text
    return answer


@pytest.fixture
def long_cells() -> Iterator[None]:
    """Lets the csv module read cells of more than 128 KiB."""
    before = csv.field_size_limit(MIB)
    yield
    csv.field_size_limit(before)


class Books(NamedTuple):
    """A file whose rows are sent as books: its text below a header row as wide as its widest row."""

    content: bytes
    text: str
    width: int


def as_books(path: Path) -> Books | None:
    """None where the file is no text in UTF-8 or cp1251, or has one column or too many."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode("utf-8" if is_utf8(content) else "cp1251")
        width = max(map(len, csv.reader(io.StringIO(text, newline=""))), default=0)
    except (ValueError, csv.Error):
        return None
    if text.count("\0") > len(text) / 20 or not 2 <= width <= MAX_COLUMNS:
        return None
    labels = ["isbn", "title", *(f"column {number}" for number in range(2, width))]
    return Books(",".join(labels).encode() + b"\n" + content, text, width)


def rows_of(books: Books) -> list[list[str]] | None:
    """The rows as the csv module reads them, trimmed; None where it and we differ: broken quotes, lone CRs."""
    if "\r" in books.text.replace("\r\n", ""):
        return None
    try:
        rows = list(csv.reader(io.StringIO(books.text, newline=""), strict=True))
    except csv.Error:
        return None
    return [[cell.strip(WHITE) for cell in row] for row in rows]


def expected_of(rows: Sequence[Sequence[str]], width: int) -> dict[str, int]:
    """What must become of the rows."""
    filled = [row for row in rows if any(row)]
    fitting = [row for row in filled if len(row) == width and "\0" not in "".join(row)]
    keys = [row[0] for row in fitting if 0 < len(row[0]) <= 17 and row[1]]
    return {
        "read": len(rows),
        "accepted": len(set(keys)),
        "duplicate": len(keys) - len(set(keys)),
        "rejected": len(filled) - len(keys),
        "blank": len(rows) - len(filled),
    }


def follow(api: Api, answer: httpx.Response) -> dict[str, Any]:
    """The report of an upload whose rows are all accounted for."""
    report = api.follow(answer.json()["id"], timeout_s=DEADLINE_S)
    assert report["state"] == "published", report["failure"]
    errors = {one["row"] for one in api.errors(report)}
    assert len(errors) == report["rows"]["rejected"] + report["rows"]["duplicate"]
    return report


@pytest.mark.parametrize("folder", ["csv-spectrum", "csvkit", "frictionless-data", "hostile-generated"])
def test_files_of_no_dataset_are_refused_with_a_reason(api: Api, crowd: ThreadPoolExecutor, folder: str) -> None:
    paths = found(folder, "*.csv", "*.tsv")
    assert len(paths) > 10
    answers = crowd.map(lambda path: send(api, "debts", path.read_bytes()), paths)
    codes = {path: answer.json().get("code") for path, answer in zip(paths, answers, strict=True)}

    assert {path.name for path, code in codes.items() if code is None} == set()
    others = {path.name: code for path, code in codes.items() if code != "missing-label" and as_books(path)}
    assert set(others.values()) <= {"duplicate-label", "format-error"}
    assert len(others) < len(paths) / 10


@pytest.mark.usefixtures("long_cells")
@pytest.mark.parametrize("folder", ["csv-spectrum", "csvkit", "frictionless-data", "hostile-generated"])
def test_rows_of_files_go_through_as_books(api: Api, source: str, crowd: ThreadPoolExecutor, folder: str) -> None:
    files = {path: books for path in found(folder, "*.csv", "*.tsv") if (books := as_books(path))}

    def hold(path: Path) -> bool:
        books, own = files[path], f"{source}-{path.relative_to(CORPORA)}"
        report = follow(api, send(api, "books", books.content, source=own, delimiter=","))
        rows = rows_of(books)
        if rows is None:
            return False
        assert (path.name, report["rows"]) == (path.name, expected_of(rows, books.width))
        cells = {tuple(row[:2]) for row in rows}
        assert all((one["isbn"], one["title"]) in cells for one in api.records("books", source=own))
        return True

    held = list(crowd.map(hold, files))
    assert len(held) > 8
    assert sum(held) > 0.7 * len(held)


@pytest.mark.parametrize(
    "folder", ["csvkit", "frictionless-data", "hostile-generated", "calamine-tests", "python-calamine"]
)
def test_what_is_no_text_and_no_book_is_refused(api: Api, crowd: ThreadPoolExecutor, folder: str) -> None:
    paths = found(folder, "*.xls?", "*.xls", "*.ods", "*.zip", "*.gz", "*.dbf", "*.bz2")
    assert paths
    for path, answer in zip(paths, crowd.map(lambda path: send(api, "books", path.read_bytes()), paths), strict=True):
        assert answer.is_client_error, path
        if path.suffix in (".xls", ".xlsb", ".ods", ".bz2"):
            assert answer.status_code in (415, 422), path


READ = {"missing-label", "duplicate-label", "empty-file"}
UNREADABLE = {
    "calamine-tests": {"issue252.xlsx"},
    "csvkit": set[str](),
    "frictionless-data": set[str](),
    "python-calamine": set[str](),
}
"""Workbooks with a wrong checksum."""


@pytest.mark.parametrize("folder", UNREADABLE)
def test_workbooks_of_others_can_be_read(api: Api, crowd: ThreadPoolExecutor, folder: str) -> None:
    paths = [path for path in found(folder, "*.xlsx", "*.xlsm") if path.read_bytes().startswith(b"PK")]
    answers = list(crowd.map(lambda path: send(api, "books", path.read_bytes()), paths))
    codes = {path.name: answer.json().get("code") for path, answer in zip(paths, answers, strict=True)}

    assert len(paths) > 2
    assert {name for name, code in codes.items() if code not in READ} == UNREADABLE[folder]


def naughty() -> list[str]:
    """The big list of naughty strings, each once."""
    strings: list[str] = json.loads((CORPORA / "naughty-strings" / "blns.json").read_bytes())
    return list(dict.fromkeys(strings))


def lines(*folders: str) -> list[str]:
    """The lines of lists of attacks, each once; some are not UTF-8."""
    files = [path for folder in folders for path in found(folder, "*.txt", "*-INSERT", "*-WHERE", "*-ORDER_BY")]
    return list(dict.fromkeys(line for path in files for line in path.read_bytes().decode("cp1252").splitlines()))


def attacks() -> list[str]:
    """All strings there are to send as a cell."""
    text = (CORPORA / "formula-injection" / "patt" / "README.md").read_text()
    return list(dict.fromkeys([*naughty(), *lines("sqli", "formula-injection"), *text.splitlines()]))


def assert_kept(api: Api, report: Mapping[str, Any], cells: Sequence[str], kept: Iterable[str], most: int) -> None:
    """What went in came out, trimmed, or is the value of a row error of its row."""
    trimmed = [cell.strip(WHITE) for cell in cells]
    good = [cell for cell in trimmed if 0 < len(cell) <= most]
    assert sorted(kept) == sorted(good)
    codes = ["required" if not cell else "max-length" for cell in trimmed if not 0 < len(cell) <= most]
    errors = api.errors(report)
    assert [one["code"] for one in errors] == codes
    assert [one["value"] for one in errors] == [cells[one["row"] - 2][:200] for one in errors]
    assert report["rows"]["accepted"] == len(good)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_string_is_a_name_as_it_is_or_a_row_error(api: Api, source: str, encoding: str, end: str) -> None:
    cells = attacks()
    assert len(cells) > 2000
    content = table(DEBT_LABELS, [debt(name=cell) for cell in cells], end=end).encode(encoding)
    report = follow(api, send(api, "debts", content, source=source))

    assert_kept(api, report, cells, (one["name"] for one in api.records("debts", source=source)), 200)


def test_a_string_is_an_address_as_it_is(api: Api, source: str) -> None:
    keys = {str(uuid4()): cell for cell in attacks()}
    rows = [[*account(key, "Ann")[:4], cell, ""] for key, cell in keys.items()]
    report = follow(api, send(api, "accounts", accounts(*rows), source=source))

    assert report["rows"]["accepted"] == len(keys)
    addresses = {
        one["client_reference_no"]: one["consumers"][0]["address"] for one in api.records("accounts", source=source)
    }
    assert addresses == {key: cell.strip(WHITE) or None for key, cell in keys.items()}


def test_a_string_is_a_key_as_it_is_or_a_row_error(api: Api, source: str) -> None:
    cells = attacks()
    rows = [[cell, cell] for cell in cells]
    report = follow(api, send(api, "books", table(["isbn", "title"], rows).encode(), source=source))

    records = api.records("books", source=source)
    assert {one["isbn"] for one in records} == {cell for one in cells if 0 < len(cell := one.strip(WHITE)) <= 17}
    assert all(one["isbn"] == one["title"] for one in records)
    assert report["records"] == len(records)


@pytest.mark.parametrize("label", DEBT_LABELS[1:])
def test_a_string_in_any_other_column_is_a_row_error_or_a_value(api: Api, source: str, label: str) -> None:
    cells = attacks()
    content = table(DEBT_LABELS, [debt(**{label: cell}) for cell in cells]).encode()
    report = follow(api, send(api, "debts", content, source=source))

    rejected = {one["row"] for one in api.errors(report)}
    assert all(one["column"] == label for one in api.errors(report))
    records = api.records("debts", source=source)
    assert len(records) == len(cells) - len(rejected)
    if label == "governmentId":
        kept = sorted(cell.strip(WHITE) for row, cell in enumerate(cells, 2) if row not in rejected)
        assert sorted(one["government_id"] for one in records) == kept


def test_a_string_is_a_label_that_nobody_knows(api: Api, crowd: ThreadPoolExecutor, source: str) -> None:
    cells = [cell for cell in naughty() if cell.strip(WHITE)]
    content = table([*DEBT_LABELS, *cells], [[*debt(name="Labelled"), *cells]]).encode()
    report = follow(api, send(api, "debts", content, source=source))

    assert len(report["header"]["columns"]) == len(DEBT_LABELS) + len(cells)
    assert report["rows"]["accepted"] == 1
    list(crowd.map(lambda cell: send(api, "debts", table([cell], [[cell]]).encode()), cells[::8]))


def test_a_string_is_the_name_of_a_file_and_of_a_partner(api: Api, crowd: ThreadPoolExecutor) -> None:
    def named(cell: str) -> None:
        answer = send(api, "books", b"isbn,title\n1,x\n", file_name=cell, source=cell)
        report = follow(api, answer)
        assert (report["source"] or "", report["file"]["name"]) == (cell, cell or "upload.csv")
        assert api.http.get(f"/uploads/{report['id']}/errors.csv").status_code == 200
        assert api.http.get(f"/uploads/{report['id']}/file").status_code == 200

    list(crowd.map(named, [cell[:200] for cell in naughty()][::8]))
