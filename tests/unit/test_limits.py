"""Limits as settings say them, and as the documentation does."""

from __future__ import annotations

import pytest

from cli.servers.folder import ROOT
from command_api.limits import LIMITS as COMMAND_LIMITS
from query_api.limits import LIMITS as QUERY_LIMITS
from shared.errors import BadSettings
from shared.http.limits import EVERYWHERE, read_limits
from shared.shares import Limit

DOCS = (ROOT / "docs" / "security.md").read_text()


def test_settings_name_limits_by_their_routes() -> None:
    said = "GET /clients=10/60, user = 6000/1,POST /{dataset}/uploads=5/86400,GET /debts/rankings/*=1/1"
    assert read_limits(said) == {
        "GET /clients": Limit(10, 60),
        "user": Limit(6000, 1),
        "POST /{dataset}/uploads": Limit(5, 86_400),
        "GET /debts/rankings/*": Limit(1, 1),
    }
    assert read_limits(" ") == {}


@pytest.mark.parametrize(
    "wrong", ["GET /clients", "clients=1/1", "user=0/60", "user=1/0", "user=1/86401", "user=-1/60"]
)
def test_what_is_no_limit_is_refused(wrong: str) -> None:
    with pytest.raises(BadSettings, match="TABLEFOLD_RATE_LIMITS"):
        read_limits(wrong)


def test_the_documentation_has_every_limit_with_its_numbers_and_no_other() -> None:
    table = {**EVERYWHERE, **QUERY_LIMITS, **COMMAND_LIMITS}
    rows = [f"| `{name}` | {one.calls:,} | {one.window_s} |" for name, one in table.items()]
    section = DOCS.partition("\n## How often\n")[2].partition("\n## ")[0]
    assert all(row in section for row in rows), rows
    assert section.count("\n| `") == len(rows)


@pytest.mark.parametrize("calls", [*range(1, 205), 999, 1000, 30_001])
def test_shares_make_up_the_whole_limit(calls: int) -> None:
    limit = Limit(calls, 60)
    assert limit.share * (limit.shares - 1) < calls <= limit.share * limit.shares
    assert limit.shares <= 100
