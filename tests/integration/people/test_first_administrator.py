"""`TABLEFOLD_ADMINISTRATOR`: `migrate` makes the first administrator, once, from a file and never by default."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from cli.services import migrate
from cli.stack import Stack
from command_api.passwords import COMMON, Passwords
from shared.errors import Unavailable
from tests.integration.people.conftest import PASSWORD


@pytest.fixture
def database_url(stack: Stack) -> str:
    return stack.postgres.create_database(f"first_{uuid4().hex}")


def settings(database_url: str, **said: str) -> dict[str, str]:
    needed = {"TABLEFOLD_DATABASE_URL": database_url, "TABLEFOLD_AMQP_URL": "unused", "TABLEFOLD_BLOBS_URL": "unused"}
    return {**needed, **{f"TABLEFOLD_{name.upper()}": value for name, value in said.items()}}


def users(database_url: str) -> list[tuple[str, str, str]]:
    """Name, role and password's hash of each."""

    async def read() -> list[tuple[str, str, str]]:
        connection = await asyncpg.connect(database_url)
        try:
            wanted = "SELECT name, role, password_hash FROM store.users JOIN store.credentials USING (user_id)"
            return [tuple(row) for row in await connection.fetch(wanted)]
        finally:
            await connection.close()

    return asyncio.run(read())


def test_it_is_made_where_there_is_none_and_left_alone_afterwards(database_url: str, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    migrate(settings(database_url, administrator="root", administrator_password_file=str(secret)))
    ((name, role, kept),) = users(database_url)
    assert (name, role) == ("root", "administrator")
    assert asyncio.run(Passwords().verify(PASSWORD, kept))
    secret.write_text("another four words here")
    migrate(settings(database_url, administrator="other", administrator_password_file=str(secret)))
    assert users(database_url) == [(name, role, kept)]


def test_without_a_password_or_with_a_common_one_nobody_is_made(database_url: str) -> None:
    with pytest.raises(Unavailable, match="TABLEFOLD_ADMINISTRATOR_PASSWORD_FILE"):
        migrate(settings(database_url, administrator="root"))
    with pytest.raises(Unavailable, match="Choose another one"):
        migrate(settings(database_url, administrator="root", administrator_password=COMMON.read_text().split()[0]))
    assert users(database_url) == []
