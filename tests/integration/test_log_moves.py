"""The log of one running Tablefold becomes that of another one, while people go on; both say the same, by digest."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from cli.servers.folder import ROOT
from cli.services import environment_with
from cli.stack import Stack
from tests.conftest import SETTINGS
from tests.files import account, accounts, debt, debts, table
from tests.steps import Api, eventually

COMMAND_S = 120
PAUSE_S = 0.1
"""Between two files of somebody who goes on: what is tested is that it goes on, not how fast."""
DEAL = ("ann", "Ruby", "12", "3", "2018-12-14 08:29:52.506166")


@pytest.fixture(scope="module")
def stacks() -> Iterator[tuple[Stack, Stack]]:
    """One that is full of life, and a new one; nobody else uses them."""
    with tempfile.TemporaryDirectory(prefix="tablefold-moves-") as path:
        Path(path).chmod(0o711)
        with (
            Stack(Path(path) / "old", projectors=1, settings=SETTINGS) as old,
            Stack(Path(path) / "new", projectors=1, settings=SETTINGS) as new,
        ):
            yield old, new


def command(stack: Stack, *arguments: str | Path) -> list[str]:
    """A command of the command line on one installation."""
    return [sys.executable, "-m", "cli", *map(str, arguments), "--data", str(stack.servers.folder.path)]


def tablefold(stack: Stack, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What comes of it."""
    return subprocess.run(
        command(stack, *arguments),
        cwd=ROOT,
        env=environment_with({"TABLEFOLD_DATASETS_FOLDER": SETTINGS["TABLEFOLD_DATASETS_FOLDER"]}),
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )


def done(stack: Stack, *arguments: str | Path) -> str:
    """What a command says that succeeds."""
    found = tablefold(stack, *arguments)
    assert found.returncode == 0, found.stderr
    return found.stdout


def digests(stack: Stack) -> list[dict[str, Any]]:
    """What both are compared by."""
    found = [json.loads(line) for line in done(stack, "digests", "--json").splitlines()]
    return [one for one in found if one["position"]]


def killed(stack: Stack, line: str, *arguments: str | Path) -> None:
    """A command that is killed as soon as it says something that begins with that."""
    with subprocess.Popen(
        command(stack, *arguments), cwd=ROOT, env=environment_with({}), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert any(said.startswith(line) for said in process.stdout)
        process.kill()


def test_both_say_the_same(stacks: tuple[Stack, Stack], tmp_path: Path) -> None:
    old, new = stacks
    archive = tmp_path / "archive"
    here, there = Api(old.url, old.key("ann")), Api(new.url, new.key("ann"))
    waiting = live(here)
    with going_on(here):
        killed(old, "accounts: ", "export-log", archive)
        done(old, "export-log", archive)  # Of one moment; what is decided a moment later comes with the next one.
    settled(here)
    done(old, "export-log", archive)
    killed(new, "The archive is whole", "import-log", archive)
    killed(new, "accounts: ", "import-log", archive)
    assert "debts" in done(new, "import-log", archive)
    assert " 0 events added" in done(new, "import-log", archive)
    before = digests(old)
    assert len(before) == 2

    assert eventually(lambda: digests(new) == before or None, 90)
    assert there.until(waiting, "review")["preview"]["new"] == 1
    assert there.http.post(f"/uploads/{waiting}/publish", headers={"Prefer": "wait=10"}).status_code == 200
    assert there.follow(waiting)["state"] == "published"
    assert tablefold(old, "digests").returncode == 0
    for api in (here, there):
        api.http.close()


def test_what_was_received_there_is_known_here(stacks: tuple[Stack, Stack], tmp_path: Path) -> None:
    old, new = stacks
    here, there = Api(old.url, old.key("ben")), Api(new.url, new.key("ben"))
    file = table(("customer", "item", "total", "quantity", "date"), [DEAL, DEAL]).encode()
    sent = here.send("deals", file).json()
    assert here.follow(sent["id"])["rows"]["accepted"] == 2
    archive = tmp_path / "deals"
    done(old, "export-log", archive, "--dataset", "deals")
    done(new, "import-log", archive)

    again = there.send("deals", file)
    assert (again.status_code, again.json()["id"], again.json()["duplicate"]) == (200, sent["id"], True)
    assert eventually(lambda: there.count("deals") == 2 or None)
    assert there.http.get(f"/uploads/{sent['id']}/file").content == file
    for api in (here, there):
        api.http.close()


def live(api: Api) -> str:
    """Files large and small, corrections, a repaired row, a withdrawal; the id of an upload that waits for review."""
    keys = [str(uuid4()) for _ in range(3000)]
    api.upload("debts", debts(*(debt(key) for key in keys)))
    withdrawn = api.upload("debts", debts(*(debt(key, name="Ben Example") for key in keys[:1500])))
    report = api.upload("debts", debts(debt(keys[0], name="Cem Example"), debt(debtAmount="none")))
    for key in keys[:5]:
        assert api.http.patch(f"/debts/{key}", json={"debt_amount": "1.00"}).status_code == 200
    assert api.http.delete(f"/debts/{keys[7]}").status_code in (200, 204)
    fixed = api.http.put(f"/uploads/{report['id']}/errors/3", json={"debtAmount": "2.00"})
    assert fixed.status_code in (200, 201), fixed.text
    api.withdraw(withdrawn["id"])
    api.upload("accounts", accounts(*(account(uuid4(), name) for name in ("Ann", "Ben"))))
    waiting: str = api.send("debts", debts(debt()), review="true").json()["id"]
    api.until(waiting, "review")
    return waiting


class going_on:  # noqa: N801  # it is a block, and reads like one
    """People send files and correct records for as long as the block lasts."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._over = Event()

    def __enter__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._sent = self._pool.submit(self._send)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        assert self._sent.result() > 0
        self._pool.shutdown()

    def _send(self) -> int:
        sent = 0
        while not self._over.wait(PAUSE_S):
            key = str(uuid4())
            self._api.upload("accounts", accounts(account(key, "Cem")))
            assert self._api.http.patch(f"/accounts/{key}", json={"status": "IN_COLLECTION"}).is_success
            sent += 1
        return sent


def settled(api: Api) -> None:
    """Return when all that was appended is folded."""

    def lag(dataset: str) -> int:
        return int(api.get(f"/datasets/{dataset}")["lag_events"])

    eventually(lambda: lag("debts") == lag("accounts") == 0 or None)
