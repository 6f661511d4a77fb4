"""Kill or pause any process at any time: nothing is lost, nothing stands twice."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from cli.stack import Stack
from tests.files import debt, debts
from tests.laws.conftest import Tables
from tests.steps import Api, eventually

ROWS = 30_000

EPOCH_OF_DEBTS = """
    SELECT epoch FROM read.checkpoints JOIN read.datasets USING (dataset, generation) WHERE dataset = 'debts'
"""
"""Under which what is served is folded; verifications may have left others."""


def many_debts() -> bytes:
    """Some fifty chunks."""
    return debts(*(debt() for _ in range(ROWS)))


def chunks_done(api: Api, upload_id: str, at_least: int) -> bool | None:
    """Whether so many chunks of an upload are loaded."""
    answer = api.http.get(f"/uploads/{upload_id}")
    if answer.status_code != 200:
        return None
    report = answer.json()
    return True if report["progress"]["chunks_done"] >= at_least or report["state"] == "published" else None


@pytest.mark.parametrize("at_least", [1, 15, 40])
def test_killed_projectors_lose_and_double_nothing(api: Api, mended: Stack, source: str, at_least: int) -> None:
    upload_id = api.send("debts", many_debts(), source=source).json()["id"]
    eventually(lambda: chunks_done(api, upload_id, at_least))
    for name in ("projector-1", "projector-2"):
        mended.processes[name].kill()
    mended.revive()

    report = api.follow(upload_id)
    assert (report["state"], report["rows"]["accepted"], report["rows"]["read"]) == ("published", ROWS, ROWS)
    assert api.count("debts", source=source) == ROWS


def test_a_killed_command_api_keeps_what_it_acknowledged(api: Api, mended: Stack, source: str) -> None:
    ids = [api.send("debts", debts(debt()), source=source).json()["id"] for _ in range(20)]
    mended.processes["command-api"].kill()
    mended.revive()

    assert {api.follow(each)["state"] for each in ids} == {"published"}
    assert api.count("debts", source=source) == 20


def test_a_paused_owner_is_replaced_and_does_no_harm_when_it_wakes(
    api: Api, mended: Stack, source: str, tables: Tables
) -> None:
    owner = eventually(lambda: owner_of_debts(tables))
    name = next(name for name, each in mended.processes.items() if f":{each.pid}" in owner)
    mended.processes[name].pause()
    began = time.monotonic()
    first = api.upload("debts", debts(debt()), source=source)

    assert time.monotonic() - began < 15
    assert first["state"] == "published"
    mended.processes[name].resume()
    reports = [api.upload("debts", many_debts()[:200_000].rsplit(b"\n", 1)[0], source=source) for _ in range(2)]
    assert {report["state"] for report in reports} == {"published"}
    assert tables.value(EPOCH_OF_DEBTS) == tables.value("SELECT epoch FROM read.leases WHERE name = 'lane:debts'")


def owner_of_debts(tables: Tables) -> str | None:
    """Who owns the lane of debts now."""
    found = tables.fetch("SELECT owner FROM read.leases WHERE name = 'lane:debts' AND expires_at > now()")
    return str(found[0]["owner"]) if found else None


def test_a_killed_database_comes_back_with_everything(api: Api, mended: Stack, source: str) -> None:
    key = uuid4()
    before = api.upload("debts", debts(debt(key)), source=source)
    upload_id = api.send("debts", many_debts(), source=source).json()["id"]
    eventually(lambda: chunks_done(api, upload_id, 5))
    mended.postgres.kill()
    mended.postgres.start()

    assert api.follow(upload_id)["rows"]["accepted"] == ROWS
    assert api.follow(before["id"])["state"] == "published"
    assert api.count("debts", source=source) == ROWS + 1
