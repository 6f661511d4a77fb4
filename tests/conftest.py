"""One running Tablefold for all tests that go through the gateway, and one PostgreSQL for those that need no more."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cli.servers.folder import ROOT
from cli.servers.postgres import Postgres
from cli.stack import Stack
from tests.alone import make_template, postgres_alone
from tests.signing import UNLIMITED
from tests.steps import Api

SETTINGS = {
    "TABLEFOLD_DATASETS_FOLDER": str(ROOT / "tests" / "declared"),
    "TABLEFOLD_CHUNK_BYTES": str(64 * 1024),
    "TABLEFOLD_SMALL_UPLOAD_ROWS": "1000",
    "TABLEFOLD_MAX_UPLOAD_BYTES": str(64 * 1024**2),
    "TABLEFOLD_LEASE_S": "3",
    "TABLEFOLD_RATE_LIMITS": UNLIMITED,
    "TABLEFOLD_VERIFY_SHARE": "1",
}
"""Chunks and segments so small that files of a test have many."""


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A whole Tablefold with two projectors; whoever stops a part of it starts it again."""
    with tempfile.TemporaryDirectory(prefix="tablefold-test-") as folder:
        Path(folder).chmod(0o711)
        with Stack(Path(folder) / "data", settings=SETTINGS) as running:
            yield running


@pytest.fixture(scope="session")
def token(stack: Stack) -> str:
    """What an administrator shows who may also read sensitive values."""
    return stack.key("tester")


@pytest.fixture
def api(stack: Stack, token: str) -> Iterator[Api]:
    """The gateway of the running Tablefold, for an administrator."""
    client = Api(stack.url, token)
    yield client
    client.http.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """PostgreSQL alone, never stopped; whoever uses it makes databases of their own (tests/alone.py)."""
    with postgres_alone() as running:
        make_template(running)
        yield running


@pytest.fixture
def source() -> str:
    """A partner that no other test has."""
    return f"partner-{uuid4()}"
