"""What attackers put into parameters, bodies and cells is text like any other: no 5xx, never another result, no log."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest

from cli.servers.folder import ROOT
from cli.servers.postgres import Postgres
from shared.datasets.catalogue import Catalogue
from tests.alone import migrated
from tests.both import Both, both_of
from tests.integration.query.books import Books
from tests.integration.query.conftest import catalogue
from tests.integration.query.samples import player

__all__ = ["catalogue"]

CORPORA = ROOT.parent / "shared" / "corpora"
EACH = 2 * int(os.environ.get("TABLEFOLD_TIMES", "1"))
"""So many payloads for each parameter of each operation, the same in each run."""
STORED = 200
"""So many payloads are cells of records, and are looked for."""

OURS = [
    "'",
    '"',
    "\\",
    "%",
    "_",
    "\0",
    "a\0b",
    "1e999",
    "-1",
    "0" * 400,
    "9" * 30,
    "٣",
    "\ud7ff",
    "%00",
    "..",
    "../" * 9,
]
NO_WAIT = {"Prefer": b"wait=0"}
"""Nobody folds here what is asked for."""
BAD_SQL = rb"(?i)syntax error|unterminated|invalid byte sequence|does not exist|invalid input|out of range|ERROR"

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the repository")


@cache
def payloads() -> tuple[str, ...]:
    """SQL, formulas, naughty strings, and what this system would trip over."""
    found = [*OURS, *json.loads((CORPORA / "naughty-strings" / "blns.json").read_text())]
    for folder in ("sqli", "formula-injection"):
        for path in sorted((CORPORA / folder).rglob("*")):
            if path.is_file():
                found += path.read_text(errors="replace").splitlines()
    return tuple(dict.fromkeys(one[:600] for one in found if one))


@pytest.fixture(scope="module")
def url(server: Postgres) -> str:
    return migrated(server, "payloads")


@pytest.fixture(scope="module")
async def books(url: str, catalogue: Catalogue) -> AsyncIterator[Books]:
    books = Books(url, catalogue)
    yield books
    await books.close()


@pytest.fixture(scope="module")
async def both(
    url: str, server: Postgres, catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Both]:
    async with both_of(url, server, catalogue, tmp_path_factory.mktemp("blobs").as_uri()) as both:
        yield both


@pytest.fixture
def nothing_logged(server: Postgres) -> Iterator[None]:
    """PostgreSQL has written nothing that looks like a mistake of ours."""
    before = server.log.stat().st_size
    yield
    said = server.log.read_bytes()[before:]
    assert [line for line in said.splitlines() if re.search(BAD_SQL, line)] == []


def requests(operation: tuple[str, str, dict[str, Any]], chosen: random.Random) -> Iterator[tuple[str, dict[str, str]]]:
    """The path with its query, and the headers, of a request for each parameter and payload."""
    _, path, described = operation
    for parameter in described.get("parameters", ()):
        for payload in chosen.sample(payloads(), EACH):
            name, encoded = parameter["name"], quote(payload, safe="", errors="replace")
            filled = re.sub(r"\{\w+\}", "1", path.replace(f"{{{name}}}", encoded if parameter["in"] == "path" else "1"))
            query = f"?{name}={encoded}" if parameter["in"] == "query" else ""
            header = {name: payload.encode(errors="replace")} if parameter["in"] == "header" else {}
            header = {**NO_WAIT, **header} if name != "Prefer" else {name: header[name] + b", wait=0"}
            yield filled + query, header  # type: ignore[misc]  # httpx takes bytes


@pytest.mark.usefixtures("nothing_logged")
async def test_no_payload_in_any_parameter_makes_a_server_fail(both: Both) -> None:
    chosen = random.Random(5)
    assert len(payloads()) > 2000
    asked = 0
    for operation in await both.operations():
        method = operation[0]
        if "text/event-stream" in operation[2]["responses"].get("200", {}).get("content", {}):
            continue  # It does not end where a payload is harmless; see query/test_events.py.
        for path, headers in requests(operation, chosen):
            answer = await both.ask(
                method, path, headers=headers, content=None if method in ("GET", "DELETE") else b"{}"
            )
            assert answer.status_code < 500, (method, path, headers, answer.text)
            asked += 1
    assert asked > 1000


@pytest.mark.usefixtures("nothing_logged")
async def test_no_payload_in_any_member_of_a_body_makes_a_server_fail(both: Both) -> None:
    chosen = random.Random(6)
    bodies: dict[tuple[str, str], tuple[str, ...]] = {
        ("POST", "/tokens"): ("name", "password", "scope"),
        ("POST", "/tokens/refresh"): ("refresh_token",),
        ("POST", "/users"): ("name", "password", "role", "scopes", "dataset_roles"),
        ("PATCH", "/users/ann"): ("role", "scopes", "dataset_roles", "disabled"),
        ("POST", "/keys"): ("label", "role", "scopes", "days"),
        ("POST", "/debts"): ("name", "government_id", "email", "debt_amount", "debt_due_date", "debt_id", "status"),
        ("POST", "/accounts"): ("client_reference_no", "balance", "status", "consumers"),
        ("PATCH", "/debts"): ("name", "status"),
    }
    for (method, path), members in bodies.items():
        for member in members:
            for payload in chosen.sample(payloads(), EACH):
                whole = {**dict.fromkeys(members, "1"), member: payload}
                for body in (whole, {member: [payload]}, {member: {payload: payload}}, {payload: payload}):
                    headers = {"Prefer": "wait=0"}
                    answer = await both.ask(method, path, json=body, headers=headers)
                    assert answer.status_code < 500, (method, path, body, answer.text)


@pytest.mark.usefixtures("nothing_logged")
async def test_a_payload_finds_what_a_literal_finds_and_nothing_else(both: Both, books: Books) -> None:
    """Each payload is a cell of one record; looking for it finds the records in whose cells it stands as it is."""
    chosen = random.Random(7)
    texts = [one for one in chosen.sample(payloads(), STORED) if "\0" not in one]
    await books.insert("players", [player(number, nick=text, team=text) for number, text in enumerate(texts)])
    for text in texts:
        answer = await both.ask("GET", "/players", params={"team": text, "limit": "1000"})
        assert answer.status_code == 200, (text, answer.text)
        assert [one["team"] for one in answer.json()["results"]] == [text]
        answer = await both.ask("GET", "/players", params={"nick": text, "limit": "1000"})
        found = {one["nick"] for one in answer.json()["results"]}
        # PostgreSQL folds the case of some letters in its own way; of ASCII it does as Python.
        certain = {other for other in texts if text in other}
        assert certain <= found, text
        if text.isascii():
            assert found == {other for other in texts if text.lower() in other.lower()}, text
