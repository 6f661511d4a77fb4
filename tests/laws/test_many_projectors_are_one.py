"""However many projectors share the work, the read tables are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.samples import write_accounts
from cli.stack import Stack
from tests.steps import Api

PROVENANCE = ("source", "upload", "version")


def said(api: Api, source: str) -> list[dict[str, Any]]:
    """All accounts of a partner, without where they come from."""
    records = api.records("accounts", source=source)
    return [{name: value for name, value in one.items() if name not in PROVENANCE} for one in records]


def test_one_two_and_four_projectors_give_the_same(api: Api, mended: Stack, source: str, tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    planted = write_accounts(path, rows=5000, seed=5, bad={"duplicate": 0.01, "conflict": 0.01})
    reports, found = [], []
    for projectors in (1, 4, 2):
        mended.scale(projectors)
        partner = f"{source}-{projectors}"
        reports.append(api.upload("accounts", path.read_bytes(), source=partner))
        found.append(said(api, partner))

    assert found[0] == found[1] == found[2]
    assert len(found[0]) == reports[0]["records"] > 1000
    assert reports[0]["rows"] == reports[1]["rows"] == reports[2]["rows"]
    assert reports[0]["rows"]["rejected"] == planted.rejected
    errors = [api.errors(report) for report in reports]
    assert errors[0] == errors[1] == errors[2]
