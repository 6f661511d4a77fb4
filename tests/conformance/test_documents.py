"""Both OpenAPI documents against the services: schemathesis asks what they allow, and what they do not."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from cli.servers.folder import ROOT
from cli.servers.ports import free_port
from cli.servers.postgres import Postgres
from command_api.adding import add_key
from command_api.app import make_app as make_command_api
from command_api.privileges import COMMAND_ROLE, PROJECTOR_ROLE, QUERY_ROLE
from query_api.app import make_app as make_query_api
from shared.auth.callers import SCOPES
from shared.datasets.catalogue import load_catalogue
from shared.settings import Settings
from tests.alone import as_role, migrated, served
from tests.both import make_read_tables
from tests.documents import COMMANDS_DOCUMENT, QUERIES_DOCUMENT
from tests.integration.query.books import Books
from tests.integration.query.samples import account, consumer, debt, sale
from tests.signing import NAME, signed

TIMES = os.environ.get("TABLEFOLD_TIMES", "")
EXAMPLES = TIMES or "2"
"""So many random requests for each operation, beside those that cover each of its parameters."""

LEFT_OUT = "nothing" if TIMES else "(clients|deals|sales|teams|transactions)"
"""Datasets whose routes are like those of others, and cost most of the time."""

ARGUMENTS = """
    --checks all --phases examples,coverage,fuzzing --generation-deterministic --generation-allow-x00 false
    --workers 1 --continue-on-failure --no-color
"""
"""One worker: CPython 3.11 may fail to parse in two threads at once."""

BUT = ("--exclude-path-regex", f"^/{LEFT_OUT}|events$")
"""Streams of events do not end, and schemathesis waits for that."""


async def judge(folder: Path, url: str, token: str, *more: str) -> tuple[int | None, str]:
    """What schemathesis says of the document at a URL; it keeps its notes in the folder."""
    program = [sys.executable, "-m", "schemathesis.cli", "run", url, "--max-examples", EXAMPLES]
    process = await asyncio.create_subprocess_exec(
        *program,
        *("--header", f"Authorization: Bearer {token}"),
        *ARGUMENTS.split(),
        *more,
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.conformance.hooks", "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode(errors="replace")


@pytest.fixture(scope="module")
async def settings(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Settings, str]:
    """Those of the query API, those of the command API, and a key; there are some records and no projector."""
    url = await asyncio.to_thread(migrated, server, "conformance")
    blobs: Path = tmp_path_factory.mktemp("blobs")
    amqp = f"amqp://127.0.0.1:{free_port()}"
    known = signed(Settings(database_url=url, amqp_url=amqp, blobs_url=blobs.as_uri(), cursor_key="0123456789" * 4))
    catalogue = load_catalogue()
    await make_read_tables(as_role(known, server, PROJECTOR_ROLE).database_url, catalogue)
    books = Books(url, catalogue)
    await books.insert("debts", [debt(number) for number in range(1, 40)])
    await books.insert("accounts", [account(number, [consumer("Ann")]) for number in range(1, 40)])
    await books.insert("sales", [sale(number) for number in range(1, 40)])
    await books.close()
    key = await add_key(url, NAME, "conformance", SCOPES)
    return as_role(known, server, QUERY_ROLE), as_role(known, server, COMMAND_ROLE), key


async def test_the_query_api_is_what_its_document_says(
    settings: tuple[Settings, Settings, str], tmp_path: Path
) -> None:
    async with served(make_query_api(settings[0], load_catalogue())) as origin:
        status, said = await judge(tmp_path, f"{origin}{QUERIES_DOCUMENT}", settings[2], *BUT)
    assert status == 0, said


async def test_the_command_api_is_what_its_document_says(
    settings: tuple[Settings, Settings, str], tmp_path: Path
) -> None:
    async with served(make_command_api(settings[1], load_catalogue())) as origin:
        status, said = await judge(tmp_path, f"{origin}{COMMANDS_DOCUMENT}", settings[2], *BUT)
    assert status == 0, said
