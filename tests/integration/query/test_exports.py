"""`GET /{dataset}` as CSV, NDJSON and Parquet: what the files hold and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from pyarrow import parquet  # type: ignore[import-untyped] # It has no types of its own.

from cli.servers.folder import ROOT
from shared.tabular.formulas import guarded
from tests.integration.query.books import Books
from tests.integration.query.samples import account, consumer, debt, player, players

pytestmark = pytest.mark.usefixtures("tables")

CORPORA = ROOT.parent / "shared" / "corpora"
DAY = datetime(2024, 3, 1, 12, 30, 0, 500_000, tzinfo=UTC)
HEADER = "number,nick,team,league,score,born,seen,version,source,upload,row,_safe"
PLAYERS = [
    player(1, nick='a "b", c', team="", league="Red", score=Decimal("-1.500"), born=date(2000, 1, 2), seen=DAY),
    player(2, nick="two\r\nlines\\", team="\\.", score=Decimal(10) ** 17),
    player(3),
]


@pytest.fixture(scope="module")
async def tables(books: Books) -> Mapping[str, UUID]:
    for name in ("players", "debts", "accounts"):
        await books.create(name)
        await books.serve(name, position=7)
    upload = await books.upload("players", 1, source="=acme")
    await books.insert("players", PLAYERS[:2], upload=1)
    await books.insert("players", PLAYERS[2:])
    consumers = [consumer("John Doe", "1 Main St\nTown", "111-22-3333"), consumer("Zoë")]
    await books.insert("accounts", [account(1, consumers)])
    await books.insert("debts", [debt(number) for number in range(1, 2501)])
    return {"upload": upload}


def cells_of(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text, newline="")))


async def test_csv_is_the_whole_selection_of_one_moment(client: httpx.AsyncClient, tables: Mapping[str, UUID]) -> None:
    answer = await client.get("/players?format=csv&sort=number")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["position"] == "players:7"
    assert 'filename="players.csv"' in answer.headers["content-disposition"]
    header, *lines = answer.text.split("\n", 1)
    assert header == HEADER
    upload = str(tables["upload"])
    rows = (
        f'1,"a ""b"", c","",Red,-1.500,2000-01-02,2024-03-01T12:30:00.5Z,0,\'=acme,{upload},2,\n'
        f'2,"two\r\nlines\\",\\.,,100000000000000000.000,,,0,\'=acme,{upload},3,\n'
        "3,,,,,,,0,,,,\n"
    )
    assert lines == [rows]


@pytest.mark.parametrize("query", ["sort=number", "league=red", "sort=-score&fields=row,score,seen,version", "limit=2"])
async def test_ndjson_has_the_records_that_pages_have(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/players?{query}", headers={"Accept": "application/x-ndjson"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    page = (await client.get(f"/players?{query}")).json()["results"]
    assert [moments(line) for line in lines] == [moments(record) for record in page]
    assert [list(line) for line in lines] == [list(record) for record in page]


def moments(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "seen": record.get("seen") and datetime.fromisoformat(record["seen"])}


async def test_members_are_a_list_in_ndjson_and_json_in_a_cell_of_csv(client: httpx.AsyncClient) -> None:
    expected = (await client.get("/accounts")).json()["results"]
    answer = await client.get("/accounts?format=ndjson")
    assert [json.loads(line) for line in answer.text.splitlines()] == expected
    (names, row) = cells_of(await client.get("/accounts?format=csv"))
    assert json.loads(dict(zip(names, row, strict=True))["consumers"]) == expected[0]["consumers"]


async def test_parquet_keeps_types_and_missing_values(client: httpx.AsyncClient, tables: Mapping[str, UUID]) -> None:
    answer = await client.get("/players?sort=number", headers={"Accept": "application/vnd.apache.parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    rows = parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    provenance = {"version": 0, "source": "=acme", "upload": str(tables["upload"])}
    assert rows == [
        {**PLAYERS[0], **provenance, "row": 2},
        {**PLAYERS[1], **provenance, "row": 3},
        {**PLAYERS[2], "version": 0, "source": None, "upload": None, "row": None},
    ]


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
async def test_an_export_has_no_limit_unless_it_is_given(client: httpx.AsyncClient, form: str) -> None:
    for query, count in (("", 2500), ("&limit=1500", 1500), ("&min_debt_amount=2400", 101), ("&name=nobody", 0)):
        answer = await client.get(f"/debts?format={form}{query}")
        assert answer.status_code == 200
        lines = len(answer.content.splitlines())
        of_parquet = form == "parquet" and parquet.read_table(io.BytesIO(answer.content)).num_rows
        assert count == {"csv": lines - 1, "ndjson": lines, "parquet": of_parquet}[form]


async def test_a_dataset_without_read_tables_is_an_empty_file(client: httpx.AsyncClient) -> None:
    header, *rows = cells_of(await client.get("/sales?format=csv&from=2020-01-01"))
    assert (header[0], rows) == ("order_id", [])
    assert (await client.get("/sales?format=ndjson")).content == b""
    empty = parquet.read_table(io.BytesIO((await client.get("/sales?format=parquet")).content))
    assert (empty.num_rows, str(empty.schema.field("total_profit").type)) == (0, "decimal128(20, 2)")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/html,*/*;q=0.8", "application/json"),
        ("text/csv", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("application/x-ndjson, */*;q=0.1", "application/x-ndjson"),
    ],
)
async def test_accept_chooses_the_format(client: httpx.AsyncClient, accept: str, media_type: str) -> None:
    answer = await client.get("/debts?limit=1", headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["vary"] == "Accept, Authorization"


async def test_format_is_stronger_than_accept(client: httpx.AsyncClient) -> None:
    answer = await client.get("/debts?format=json", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "application/json"


async def test_head_says_what_get_would_send(client: httpx.AsyncClient) -> None:
    answer = await client.head("/debts?format=csv")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("format=xml", "format"),
        ("format=csv&cursor=x", "cursor"),
        ("format=csv&offset=1", "offset"),
        ("format=ndjson&count=exact", "count"),
        ("format=ndjson&raw=1", "raw"),
        ("raw=1", "raw"),
        ("format=csv&limit=0", "limit"),
        ("format=csv&fields=nam", "fields"),
        ("format=csv&sort=nam", "sort"),
        ("format=csv&min_debt_amount=x", "min_debt_amount"),
        ("format=csv&nam=x", "nam"),
    ],
)
async def test_what_cannot_be_exported_is_refused_as_a_problem(
    client: httpx.AsyncClient, query: str, parameter: str
) -> None:
    answer = await client.get(f"/debts?{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


async def test_tables_that_were_just_dropped_are_503(client: httpx.AsyncClient, books: Books) -> None:
    await books.serve("debts", generation=9)
    answer = await client.get("/debts?format=csv")
    await books.serve("debts", generation=1, position=7)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


FORMULAS = [
    "=1+1",
    "+1+cmd|' /C calc'!A0",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "=",
    "-",
    "--1",
    "-1,2",
    "+1 2",
    "'=1",
    "''@",
    "'-5",
]
NUMBERS = ["-5", "+5", "-0.25", "12"]
HARMLESS = ["a=1", " =1", "", "'a", "0-1", "5\n=1"]


async def test_no_cell_begins_a_formula_and_numbers_stay_numbers(client: httpx.AsyncClient, books: Books) -> None:
    texts = [*FORMULAS, *NUMBERS, *HARMLESS]
    await books.insert("players", [player(number, nick=text) for number, text in enumerate(texts, 1000)])
    query = "/players?format=csv&fields=number,nick"
    safe, raw = [dict(cells_of(await client.get(url))[1:]) for url in (query, f"{query}&raw=1")]
    await books.execute("DELETE FROM players_1.records WHERE number >= 1000")
    assert [raw[str(number)] for number in range(1000, 1000 + len(texts))] == texts
    expected = [f"'{text}" for text in FORMULAS] + NUMBERS + HARMLESS
    assert [safe[str(number)] for number in range(1000, 1000 + len(texts))] == expected
    amounts = cells_of(await client.get("/players?format=csv&fields=score&sort=score&limit=1"))
    assert amounts == [["score"], ["-1.500"]]


def payloads() -> list[str]:
    found = [line for file in sorted(CORPORA.glob("formula-injection/**/*.*")) for line in lines_of(file)]
    found += json.loads((CORPORA / "naughty-strings" / "blns.json").read_text())
    found += [line for file in sorted(CORPORA.glob("sqli/**/*.*")) for line in lines_of(file)]
    return list(dict.fromkeys(text for text in found if "\0" not in text))


def lines_of(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines() if file.suffix in {".txt", ".md", ".csv", ".list"} else []


@pytest.mark.skipif(not CORPORA.exists(), reason="The corpora are not here.")
async def test_hostile_texts_come_out_as_they_went_in_and_never_as_formulas(
    client: httpx.AsyncClient, books: Books
) -> None:
    texts = payloads()
    assert len(texts) > 600
    await books.insert("players", [player(number, nick=text) for number, text in enumerate(texts, 10_000)])
    url = "/players?sort=number&fields=number,nick"
    raw = dict(cells_of(await client.get(f"{url}&format=csv&raw=1"))[1:])
    safe = dict(cells_of(await client.get(f"{url}&format=csv"))[1:])
    lines = [json.loads(line) for line in (await client.get(f"{url}&format=ndjson")).text.split("\n") if line]
    file = parquet.read_table(io.BytesIO((await client.get(f"{url}&format=parquet")).content)).to_pylist()
    await books.execute("DELETE FROM players_1.records WHERE number >= 10000")
    for number, text in enumerate(texts, 10_000):
        assert raw[str(number)] == text
        assert safe[str(number)] == guarded(text)
    assert not [text for text in safe.values() if text[:1] in tuple("=+-@\t\r") and not is_number(text)]
    expected = list(enumerate(texts, 10_000))
    assert [(line["number"], line["nick"]) for line in lines if line["number"] >= 10_000] == expected
    assert [(row["number"], row["nick"]) for row in file if row["number"] >= 10_000] == expected


def is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdecimal() and text[1:2] not in ("+", "-")


@pytest.mark.skipif(not CORPORA.exists(), reason="The corpora are not here.")
async def test_hostile_filters_select_only_what_holds_them(client: httpx.AsyncClient, books: Books) -> None:
    texts = [text for text in payloads() if text.isprintable() and text.strip() == text][:400]
    await books.insert("players", [player(number, team=text) for number, text in enumerate(texts, 10_000)])
    for number, text in list(enumerate(texts, 10_000))[::7]:
        parameters = {"team": text, "format": "csv", "fields": "number"}
        assert cells_of(await client.get("/players", params=parameters)) == [["number"], [str(number)]]
    parameters = {"team": "'); DROP TABLE players_1.records; --", "format": "csv"}
    await client.get("/players", params=parameters)
    await books.execute("DELETE FROM players_1.records WHERE number >= 10000")


async def test_an_export_is_sorted_as_a_page_is(client: httpx.AsyncClient, books: Books) -> None:
    many = players(300)
    await books.insert("players", [{**row, "number": int(str(row["number"])) + 100} for row in many])
    for sort in ("-score,nick", "seen,-born", "league"):
        page = (await client.get(f"/players?sort={sort}&limit=1000&fields=number")).json()["results"]
        rows = cells_of(await client.get(f"/players?sort={sort}&format=csv&fields=number"))
        assert [row[0] for row in rows[1:]] == [str(record["number"]) for record in page]
    await books.execute("DELETE FROM players_1.records WHERE number > 100")
