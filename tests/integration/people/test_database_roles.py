"""Every service has a role of its own in PostgreSQL that may do what it needs; all else is tried and refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from cli.stack import Stack
from command_api.privileges import COMMAND_ROLE, PROJECTOR_ROLE, QUERY_ROLE
from tests.files import debt, debts
from tests.laws.conftest import Tables
from tests.steps import Api, eventually

TABLES = """
    SELECT format('%I.%I', nspname, relname), array_agg(quote_ident(attname) ORDER BY attnum) FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = relnamespace JOIN pg_attribute AS a ON attrelid = c.oid
    WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        AND nspname <> 'information_schema'
        AND nspname NOT LIKE 'pg\\_%' GROUP BY 1
"""
WRITES = """
    INSERT INTO {table} DEFAULT VALUES; UPDATE {table} SET {column} = NULL WHERE false; DELETE FROM {table} WHERE false;
    TRUNCATE {table}; DROP TABLE {table}; ALTER TABLE {table} ADD COLUMN more int; CREATE INDEX ON {table} ({column})
"""

STATEMENTS = [one.strip() for one in WRITES.split(";")]

OF_OWNERS = (
    "CREATE TABLE store.more (a int)",
    "CREATE TABLE read.more (a int)",
    "CREATE TABLE public.more (a int)",
    "CREATE FUNCTION read.more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DROP SCHEMA read CASCADE",
    "CREATE ROLE more",
    "ALTER ROLE tablefold PASSWORD 'x'",
    "SET ROLE tablefold",
    "GRANT tablefold TO CURRENT_USER",
    "ALTER TABLE store.audit DISABLE TRIGGER ALL",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY read.projectors FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
)
OF_MAKERS = ("CREATE SCHEMA more", "CREATE TEMPORARY TABLE more (a int)")


def may(stack: Stack, role: str, statements: Sequence[str]) -> list[str]:
    """Those of the statements that PostgreSQL does not refuse to a role for want of privileges; nothing stays done."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, _may(stack.postgres.url_of("tablefold", role), statements)).result()


async def _may(url: str, statements: Sequence[str]) -> list[str]:
    done = []
    connection = await asyncpg.connect(url, server_settings={"lock_timeout": "2s"})
    try:
        for statement in statements:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(statement)
                done.append(statement)
            except asyncpg.InsufficientPrivilegeError:
                pass
            except asyncpg.PostgresError:
                done.append(statement)  # It was let in, and failed for another reason.
            finally:
                await transaction.rollback()
    finally:
        await connection.close()
    return done


@pytest.fixture(scope="module")
def columns(stack: Stack, token: str) -> dict[str, list[str]]:
    """All columns of each table: of the store, of the books, of a generation with records."""
    client = Api(stack.url, token)
    client.upload("debts", debts(debt(), debt(debtAmount="none")))
    client.http.close()
    found = dict(Tables(stack.postgres.url).fetch(TABLES))
    assert {"store.events", "store.credentials", "read.uploads", "debts_1.records", "debts_1.rejects"} <= set(found)
    return found


def writes(columns: dict[str, list[str]], *without: str) -> list[str]:
    return [one.format(table=t, column=c[-1]) for t, c in columns.items() if t not in without for one in STATEMENTS]


def reads(columns: dict[str, list[str]]) -> list[str]:
    return [f"SELECT {column} FROM {table} LIMIT 1" for table, names in columns.items() for column in names]


CONNECTED = "SELECT DISTINCT application_name, usename FROM pg_stat_activity WHERE application_name LIKE 'tablefold-%'"


def test_each_service_is_connected_as_its_own_role(stack: Stack) -> None:
    def all_are_there() -> list[tuple[str, str]] | None:
        found = [(row[0], row[1]) for row in Tables(stack.postgres.url).fetch(CONNECTED)]
        return found if {COMMAND_ROLE, PROJECTOR_ROLE, QUERY_ROLE} <= {role for _, role in found} else None

    found = eventually(all_are_there)  # Whoever was killed by an earlier test is connecting again.
    roles = {"command": COMMAND_ROLE, "query": QUERY_ROLE, "projector": PROJECTOR_ROLE, "loader": PROJECTOR_ROLE}
    seen = {row[0].split("-")[1]: row[1] for row in found if row[0] != "tablefold-wakeups"}
    assert {"command", "query"} <= set(seen)
    assert seen == {name: roles[name] for name in seen}
    assert {row[1] for row in found} == {COMMAND_ROLE, QUERY_ROLE, PROJECTOR_ROLE}


def test_the_query_api_may_write_nothing_but_the_audit_and_the_shares(
    stack: Stack, columns: dict[str, list[str]]
) -> None:
    assert set(may(stack, QUERY_ROLE, [*writes(columns), *OF_OWNERS, *OF_MAKERS])) == {
        "INSERT INTO store.audit DEFAULT VALUES",
        "INSERT INTO limits.shares DEFAULT VALUES",
        "UPDATE limits.shares SET taken_at = NULL WHERE false",
    }


def test_the_query_api_reads_what_it_serves_and_how_callers_stand(stack: Stack, columns: dict[str, list[str]]) -> None:
    asked = reads(columns)
    refused = set(asked) - set(may(stack, QUERY_ROLE, asked))
    kept = {"credentials", "refresh_tokens", "login_failures", "reservations", "leases", "claims", "events", "heads"}
    expected = {one for one in asked for name in (*kept, "audit") if f" store.{name} " in one}
    expected |= {one for one in asked if " store.sessions " in one and not one.split()[1].endswith(("_id", "oked_at"))}
    expected |= {one for one in asked if "tablefold_version" in one or " limits.uploaded " in one}
    assert refused == expected


def test_the_command_api_adds_to_the_log_and_the_audit_and_writes_no_read_table(
    stack: Stack, columns: dict[str, list[str]]
) -> None:
    done = may(stack, COMMAND_ROLE, [*writes(columns), *OF_OWNERS, *OF_MAKERS])
    assert {one.split()[0] for one in done} == {"INSERT", "UPDATE", "DELETE"}
    assert all(" store." in one or " limits." in one for one in done)
    assert [one for one in done if "store.events" in one or "store.audit" in one] == [
        f"INSERT INTO store.{table} DEFAULT VALUES" for table in ("audit", "events")
    ]
    assert set(reads(columns)) - set(may(stack, COMMAND_ROLE, reads(columns))) == {
        "SELECT version_num FROM public.tablefold_version LIMIT 1"
    }


def test_the_projector_knows_no_user_and_changes_no_event(stack: Stack, columns: dict[str, list[str]]) -> None:
    store = {table: names for table, names in columns.items() if table.startswith(("store.", "limits.", "public."))}
    log = {"store.events", "store.heads", "store.claims", "store.uploads"}
    assert {one.split()[3] for one in may(stack, PROJECTOR_ROLE, reads(store))} == {*log, "store.rebuilds"}
    done = may(stack, PROJECTOR_ROLE, [*writes(store), *OF_OWNERS])
    assert set(done) == {
        *(f"INSERT INTO {table} DEFAULT VALUES" for table in log),
        'UPDATE store.heads SET "position" = NULL WHERE false',
        "DELETE FROM store.claims WHERE false",
    }
