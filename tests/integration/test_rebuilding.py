"""`./tablefold rebuild` and `verify` on a running Tablefold: damage is found by its key, and mended by a rebuild."""

from __future__ import annotations

from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from cli.app import commands
from cli.stack import Stack
from tests.files import table
from tests.laws.conftest import Tables
from tests.steps import Api

LABELS = ("transaction_id", "client_id", "transaction_type", "transaction_date", "amount", "currency")


@pytest.fixture
def tables(stack: Stack) -> Tables:
    return Tables(stack.environment["TABLEFOLD_DATABASE_URL"])


def test_damage_is_found_by_its_key_and_mended_by_a_rebuild(
    api: Api, stack: Stack, token: str, source: str, tables: Tables
) -> None:
    def tablefold(*arguments: str) -> Result:
        environment = {"TABLEFOLD_URL": stack.url, "TABLEFOLD_TOKEN": token}
        return CliRunner().invoke(commands, arguments, env=environment, catch_exceptions=False)

    keys = [str(uuid4()) for _ in range(1500)]
    rows = [(key, "c", "BUY", "2024-05-01", "10.00", "EUR") for key in keys]
    report = api.upload("trades", table(LABELS, rows).encode(), source=source)
    api.http.patch(f"/trades/{keys[0]}", json={"amount": "11.00"})
    found = tablefold("verify", "trades")
    assert (found.exit_code, "verified" in found.output) == (0, True), found.output

    generation = api.get("/datasets/trades")["generation"]
    damage = f"UPDATE trades_{generation}.records SET note = 'x' WHERE transaction_id = $1"
    tables.fetch(damage, keys[7])
    found = tablefold("verify", "trades")
    assert (found.exit_code, keys[7] in found.output, keys[8] in found.output) == (3, True, False), found.output
    assert tablefold("rebuild", "trades").exit_code == 3
    assert api.get("/datasets/trades")["generation"] == generation
    found = tablefold("rebuild", "trades", "--accept-differences")
    assert found.exit_code == 0, found.output
    assert api.get(f"/trades/{keys[7]}")["note"] is None
    assert tablefold("verify", "trades", "--json").exit_code == 0

    name = f"n{uuid4().hex[:8]}"
    until = str(report["published_position"])
    assert tablefold("rebuild", "trades", "--until", until, "--as", name).exit_code == 0
    assert api.get(f"/trades/{keys[0]}", as_of=name)["amount"] == "10.00"
    assert api.get(f"/trades/{keys[0]}")["amount"] == "11.00"
    assert name in tablefold("rebuild", "trades", "--list").output
    made = next(one["id"] for one in api.get("/datasets/trades/rebuilds")["results"] if one["name"] == name)
    assert tablefold("rebuild", "trades", "--cancel", made).exit_code == 0
