"""A file that Tablefold has written and that comes back says what it said, however often; names are never paths."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest

from cli.stack import Stack
from tests.files import debt, debts
from tests.steps import Api

TEXTS = ["=1+1", "+SUM(A1)", "-1+1|cmd", "@x", "'=1", "''-2", "-12.50", "+5", "O'Neil", "a=b", 'q"u,o\nted', "=\u00e9"]


def lines(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_an_export_that_is_sent_back_changes_nothing(api: Api, source: str) -> None:
    api.upload("debts", debts(*(debt(name=text, debtAmount="12.50") for text in TEXTS)), source=source)
    path = f"/debts?source={source}&format=csv&sort=debt_id"
    first = api.http.get(path).text
    labels, *rows = lines(first)
    found = {row[labels.index("name")] for row in rows}
    assert found >= {"'=1+1", "'+SUM(A1)", "'@x", "''=1", "'''-2", "-12.50", "+5"}
    for _ in range(2):
        waiting = api.send("debts", api.http.get(path).content, source=source, review="true").json()["id"]
        preview = api.until(waiting, "review")["preview"]
        assert (preview["new"], preview["changed"], preview["unchanged"]) == (0, 0, len(TEXTS))
        assert api.http.post(f"/uploads/{waiting}/publish", headers={"Prefer": "wait=10"}).status_code == 200
        api.follow(waiting)
        assert {record["name"] for record in api.records("debts", source=source)} == set(TEXTS)
    again = lines(api.http.get(path).text)
    assert [row[:7] for row in again] == [row[:7] for row in lines(first)]


@pytest.mark.parametrize("raw", ["", "?raw=1"])
def test_rejected_rows_that_are_fixed_keep_their_other_cells(api: Api, source: str, raw: str) -> None:
    upload = api.upload("debts", debts(*(debt(name=text, debtAmount="none") for text in TEXTS)), source=source)
    content = api.http.get(f"/uploads/{upload['id']}/errors.csv{raw}").text.replace("none", "1.00")
    headers = {"Content-Type": "text/csv", "Prefer": "wait=10"}
    answer = api.http.post(f"/uploads/{upload['id']}/fixes", content=content.encode(), headers=headers)
    assert (answer.status_code, answer.json()["fixed"]) == (200, len(TEXTS)), answer.text
    assert {record["name"] for record in api.records("debts", source=source)} == set(TEXTS)


HOSTILE = [
    "../../etc/passwd",
    "..\\..\\boot.ini",
    "/etc/cron.d/x",
    "C:\\con.csv",
    "a\x00b.csv",
    "a\r\nSet-Cookie: x.csv",
    "%2e%2e%2f%2e%2e%2fx",
    "file:///etc/passwd",
    "..",
    "-rf",
    "$(reboot)",
    "x" * 5000,
    "\u202ecsv.exe",
    '"; filename="evil.html',
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_ever_text(api: Api, stack: Stack, source: str, name: str) -> None:
    """Nothing is stored under it, and what is saved under it stays in the folder where it is saved."""
    answer = api.http.post(
        "/debts/uploads",
        params={"source": source, "file_name": name},
        content=debts(debt(str(uuid4()))),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code in (202, 400), answer.text
    if answer.status_code == 400:
        assert "\0" in name
        return
    report = api.follow(answer.json()["id"])
    assert len(report["file"]["name"]) <= 255
    for rest in ("file", "errors.csv"):
        header = api.http.get(f"/uploads/{report['id']}/{rest}").headers["content-disposition"]
        plain = header.split('filename="')[1].split('"')[0]
        assert not set(plain) & set('/\\\r\n\0"'), header
        assert plain.strip("."), header
        assert header.count(";") == 2
        assert "%2F" not in header
        assert "%5C" not in header
    blobs = stack.servers.folder.path / "blobs"
    assert not [path for path in blobs.rglob("*") if name[-20:] in path.name or "passwd" in path.name]
    assert not (stack.servers.folder.path / "etc").exists()
