"""Uploads of one dataset are published in the order in which they were received; the later file wins."""

from __future__ import annotations

from uuid import uuid4

from tests.files import debt, debts
from tests.laws.conftest import Tables
from tests.steps import Api


def test_a_small_file_waits_for_the_large_one_before_it(api: Api, source: str) -> None:
    keys = [uuid4() for _ in range(20_000)]
    large = api.send("debts", debts(*(debt(key) for key in keys)), source=source).json()
    small = api.send("debts", debts(*(debt(key, name="Later") for key in keys[:10])), source=source).json()

    last = api.follow(small["id"])
    first = api.follow(large["id"])
    assert first["published_position"] < last["published_position"]
    assert last["records_superseded"] == 10
    assert api.count("debts", source=source, name="Later") == 10
    assert api.count("debts", source=source) == 20_000


def test_what_was_superseded_stands_in_the_history(api: Api, source: str, tables: Tables) -> None:
    key = uuid4()
    api.upload("debts", debts(debt(key, debtAmount="1.00")), source=source)
    second = api.upload("debts", debts(debt(key, debtAmount="2.00")), source=source)

    (old,) = tables.fetch("SELECT * FROM debts_1.history WHERE debt_id = $1", key)
    assert (str(old["debt_amount"]), old["ended_by"]) == ("1.00", second["number"])
    assert old["ended_position"] == second["published_position"]


def test_of_many_uploads_at_once_the_last_received_wins(api: Api, source: str) -> None:
    key = uuid4()
    ids = [
        api.send("debts", debts(debt(key, debtAmount=f"{number}.00")), source=source).json()["id"]
        for number in range(20)
    ]
    positions = [api.follow(each)["published_position"] for each in ids]

    assert positions == sorted(positions)
    assert api.get(f"/debts/{key}")["debt_amount"] == "19.00"
