"""Gives each service a role of its own in the database, with no more privileges than it needs; before the flow."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import asyncpg

from shared.errors import BadSettings
from shared.settings import Settings

COMMAND_ROLE: Final = "tablefold_command"
PROJECTOR_ROLE: Final = "tablefold_projector"
QUERY_ROLE: Final = "tablefold_query"
ROLES: Final = (COMMAND_ROLE, PROJECTOR_ROLE, QUERY_ROLE)
STATEMENTS = Path(__file__).parent / "migrations" / "privileges.sql"
ITERATIONS = 4096
"""As PostgreSQL itself does it by default."""

Passwords = Mapping[str, str]
"""By role."""

THERE = "SELECT rolname FROM pg_roles WHERE rolname = ANY($1)"
INHERITED = f"SELECT pg_has_role(current_user, '{PROJECTOR_ROLE}', 'USAGE')"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('tablefold privileges'))"

OF_OTHERS = f"""
    SELECT DISTINCT format('ALTER %s %s OWNER TO {PROJECTOR_ROLE}', kind, name) FROM (
        SELECT oid AS schema, 'SCHEMA' AS kind, format('%I', nspname) AS name, nspowner AS owner FROM pg_namespace
        UNION ALL
        SELECT relnamespace, 'TABLE', oid::regclass::text, relowner FROM pg_class WHERE relkind IN ('r', 'p')
    ) AS made
    JOIN pg_namespace AS at ON at.oid = made.schema
    JOIN read.checkpoints AS known ON at.nspname = known.dataset || '_' || known.generation
    WHERE owner <> '{PROJECTOR_ROLE}'::regrole
"""
"""Statements that hand generations over which were made while all services had one role."""


def passwords_of(settings: Settings) -> Passwords:
    """The passwords that the settings of a migration name."""
    named = {
        COMMAND_ROLE: settings.command_database_password,
        PROJECTOR_ROLE: settings.projector_database_password,
        QUERY_ROLE: settings.query_database_password,
    }
    return {role: password for role, password in named.items() if password}


def grant(database_url: str, passwords: Passwords) -> None:
    """Make the roles whose passwords are given or give them these, and say anew what each role may do.

    Does nothing more where a role is still missing: then all services use the role of the URL. Raises BadSettings where
    that role may not make others.
    """
    asyncio.run(_grant(database_url, passwords))


async def _grant(database_url: str, passwords: Passwords) -> None:
    connection = await asyncpg.connect(database_url, server_settings={"application_name": "tablefold-migrate"})
    try:
        async with connection.transaction():
            await connection.execute(ONE_AT_A_TIME)
            there = {row[0] for row in await connection.fetch(THERE, list(ROLES))}
            for role, password in passwords.items():
                what = "ALTER" if role in there else "CREATE"
                await connection.execute(f"{what} ROLE {role} LOGIN PASSWORD '{scram(password)}'")
            if there | passwords.keys() >= set(ROLES):
                await _say_privileges(connection)
    except asyncpg.InsufficientPrivilegeError as error:
        raise BadSettings(
            f"The roles of the services cannot be made or given privileges ({error}): migrate as the owner of the"
            f" database who has CREATEROLE, or make {', '.join(ROLES)} and GRANT {PROJECTOR_ROLE} to the owner."
        ) from error
    finally:
        await connection.close()


async def _say_privileges(connection: asyncpg.Connection[Any]) -> None:
    if not await connection.fetchval(INHERITED):
        await connection.execute(f"GRANT {PROJECTOR_ROLE} TO CURRENT_USER")
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(STATEMENTS.read_text().format(database=database))
    for statement in await connection.fetch(OF_OTHERS):
        await connection.execute(statement[0])


def scram(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), so that it never stands in a statement or a log."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client, server = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    stored = hashlib.sha256(client).digest()
    kept = ":".join(b64encode(part).decode() for part in (stored, server))
    return f"SCRAM-SHA-256${ITERATIONS}:{b64encode(salt).decode()}${kept}"
