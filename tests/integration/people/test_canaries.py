"""Values that nobody else has, in sensitive fields, through everything that can be done with them: no log has one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cli.stack import Stack
from tests.files import ACCOUNT_LABELS, DEBT_LABELS, account, accounts, debt, debts, table
from tests.integration.people.conftest import People
from tests.steps import Api, eventually
from tests.workbooks import workbook

LOGGED = {"command-api", "query-api", "projector-1", "projector-2", "postgres", "rabbitmq", "gateway"}


class Canaries:
    """Makes values; in each is the one text that is looked for afterwards."""

    def __init__(self) -> None:
        self.mark = f"canary{uuid4().hex[:12]}"
        self._number = 0

    def __call__(self, length: int = 32) -> str:
        self._number += 1
        return f"{self.mark}n{self._number}".ljust(length, "x")


@pytest.fixture
def canary() -> Canaries:
    return Canaries()


@pytest.fixture
def whole(stack: Stack) -> Iterator[Stack]:
    """The stack, of which a test may kill parts."""
    yield stack
    stack.revive()
    for process in (stack.postgres, stack.gateway, *stack.processes.values()):
        process.wait()
    stack.wait_for_projectors()


def send_all_kinds_of_files(api: Api, canary: Canaries, source: str) -> list[str]:
    """Good rows and every way in which one is bad; the ids of the uploads."""
    bad = [debt(governmentId=canary(40)), debt(governmentId=canary(), debtAmount=canary(), debtDueDate=canary())]
    bad += [[*debt(governmentId=canary()), "more", canary()], debt(governmentId=canary())[:3]]
    same = uuid4()
    twice = [debt(same, governmentId=canary()), debt(same, governmentId=canary())]
    content = debts(*(debt(governmentId=canary()) for _ in range(2000)), *bad, *twice)
    files = [
        content,
        debts(*bad, *twice),
        content + f'"{canary()},open\n'.encode(),
        content + f"{canary()}\0\n".encode(),
    ]
    files.append(table([*DEBT_LABELS[:-1], canary()], [debt(governmentId=canary())]).encode())
    files.append(gzip.compress(debts(debt(governmentId=canary()))))
    files.append(workbook([list(DEBT_LABELS), debt(governmentId=canary()), debt(governmentId=canary(40))]))
    sent = [api.send("debts", one, source=source) for one in files]
    rows = [[*account(uuid4(), "Ann")[:-1], canary()] for _ in range(3)]
    sent.append(api.send("accounts", accounts(*rows), source=source))
    sent.append(api.send("accounts", table(ACCOUNT_LABELS[:-1], rows).encode(), source=source))
    assert {one.status_code for one in sent} <= {202, 422}
    ids = [str(one.json()["id"]) for one in sent if one.status_code == 202]
    for one in ids:
        api.follow(one)
    return ids


def read_all(api: Api, canary: Canaries, source: str, uploads: list[str]) -> None:
    """Everything that shows values, or that a value is a parameter of."""
    for path in ("/debts", "/debts/summary", "/accounts", "/debts?format=csv", "/debts?format=ndjson"):
        name = "ssn" if "accounts" in path else "government_id"
        api.http.get(path, params={name: canary(), "source": source})
        api.http.get(path, params={name: canary() + "\0"})
        api.http.get(path, params={name: canary(), "nothing": canary()})
        api.http.get(path, params={"sort": name, "limit": "2", "source": source})
    for upload in uploads:
        for rest in ("", "/errors", "/errors.csv", "/file"):
            assert api.http.get(f"/uploads/{upload}{rest}").status_code == 200


def write_all(api: Api, canary: Canaries, source: str, uploads: list[str]) -> None:
    """Corrections that are taken and that are refused."""
    key = str(uuid4())
    record = {"debt_id": key, "name": "Ann", "email": "a@b.co", "debt_amount": "1", "debt_due_date": "2024-01-01"}
    for value in (canary(), canary(), canary(40)):
        api.http.post("/debts", json={**record, "government_id": value})
        api.http.put(f"/debts/{key}", json={"government_id": value, "debt_amount": value})
        api.http.put(f"/debts/{key}", json={"government_id": value}, headers={"If-Match": '"1"'})
        api.http.patch(f"/debts/{key}", content=json.dumps({"government_id": value})[:-3])
        selected = {"source": source, "government_id": canary(), "max_affected": "10"}
        api.http.patch("/debts", params=selected, json={"government_id": value})
        api.http.put(f"/uploads/{uploads[0]}/errors/2002", json={"governmentId": value, "debtAmount": value})
    fixes = api.http.get(f"/uploads/{uploads[0]}/errors.csv").content
    headers = {"Content-Type": "text/csv", "Prefer": "wait=10"}
    assert api.http.post(f"/uploads/{uploads[0]}/fixes", content=fixes, headers=headers).status_code == 200
    api.withdraw(uploads[0])


def ask_while_parts_are_away(api: Api, canary: Canaries, whole: Stack) -> None:
    """What a service, the gateway and the database say when they do not get through."""
    parameters = {"government_id": canary()}
    whole.processes["query-api"].kill()
    assert api.http.get("/debts", params=parameters).status_code == 502
    whole.processes["query-api"].start()
    whole.postgres.kill()
    assert api.http.get("/debts", params=parameters).status_code in (500, 503)
    body = {"debt_id": str(uuid4()), "government_id": canary()}
    assert api.http.post("/debts", json=body).status_code in (422, 500, 503)
    whole.postgres.start()
    eventually(lambda: api.http.get("/debts", params=parameters).status_code == 200 or None)


def test_no_log_has_a_sensitive_value(api: Api, people: People, whole: Stack, canary: Canaries, source: str) -> None:
    uploads = send_all_kinds_of_files(api, canary, source)
    read_all(api, canary, source, uploads)
    read_all(people.new("administrator"), canary, source, [])
    write_all(api, canary, source, uploads)
    ask_while_parts_are_away(api, canary, whole)
    folder = whole.servers.folder
    places = [folder.logs, folder.path / "gateway", folder.run]
    files = [path for place in places for path in Path(place).rglob("*") if path.is_file()]
    assert {path.stem for path in files} >= LOGGED
    assert [path.name for path in files if canary.mark.encode() in path.read_bytes()] == []
    assert canary.mark.encode() in b"".join(
        path.read_bytes() for path in (folder.path / "blobs").rglob("*") if path.is_file()
    )
