"""The deals system: five customers who spent most, and the stones that at least two of them bought."""

from __future__ import annotations

from uuid import uuid4

from tests.files import table
from tests.steps import Api
from tests.unit.datasets.files import seed

LABELS = ("customer", "item", "total", "quantity", "date")
RANKING = "/deals/rankings/top-customers"


def deals(*rows: tuple[str, str, str]) -> bytes:
    """A file of deals that no other test sends."""
    mark = [["nobody", f"Stone {uuid4()}"[:30], "0", "1", "2018-12-14 08:29:52.506166"]]
    return table(LABELS, [[*row, "1", "2018-12-14 08:29:52.506166"] for row in rows] + mark).encode()


def test_the_real_file_gives_the_known_answer(api: Api) -> None:
    report = api.upload("deals", seed("deals.csv"))

    assert (report["state"], report["records"]) == ("published", 767)
    assert api.get(RANKING)["response"] == [
        {"username": "resplendent", "spent_money": "451731.00", "gems": ["Рубин", "Сапфир", "Танзанит"]},
        {"username": "bellwether", "spent_money": "217794.00", "gems": ["Петерсит", "Сапфир"]},
        {"username": "uvulaperfly117", "spent_money": "120419.00", "gems": ["Петерсит", "Танзанит"]},
        {"username": "braggadocio", "spent_money": "108957.00", "gems": ["Изумруд"]},
        {"username": "turophile", "spent_money": "100132.00", "gems": ["Изумруд", "Рубин"]},
    ]
    sixth = api.get(RANKING, limit=6)["results"][5]
    assert (sixth["username"], sixth["spent_money"]) == ("concoction", "83562.00")


def test_a_new_file_replaces_the_old_one_and_a_bad_one_leaves_it_standing(api: Api) -> None:
    api.upload("deals", deals(("ann", "Opal", "10"), ("bob", "Opal", "5.50")))
    second = api.upload("deals", deals(("cat", "Ruby", "7"), ("ann", "Agate", "3")))

    assert second["records_superseded"] >= 3
    assert [(one["username"], one["spent_money"]) for one in api.get(RANKING)["results"][:2]] == [
        ("cat", "7.00"),
        ("ann", "3.00"),
    ]
    assert api.count("deals") == 3

    assert api.send("deals", f"no,such,columns\n{uuid4()},2,3\n".encode()).status_code == 422
    only_bad = api.upload("deals", table(LABELS, [["dan", "Opal", "a lot", "1", str(uuid4())]]).encode())
    assert (only_bad["state"], only_bad["records"]) == ("published", 0)
    assert api.count("deals") == 3
    assert api.get(RANKING)["results"][0]["username"] == "cat"


def test_the_answer_is_exactly_cacheable(api: Api) -> None:
    api.upload("deals", deals(("ann", "Opal", "10")))
    first = api.http.get(RANKING)
    tag = first.headers["ETag"]

    assert api.http.get(RANKING, headers={"If-None-Match": tag}).status_code == 304

    api.upload("deals", deals(("bob", "Opal", "11")))
    later = api.http.get(RANKING, headers={"If-None-Match": tag})
    assert later.status_code == 200
    assert later.json()["response"][0]["username"] == "bob"


def test_a_large_file_is_replaced_as_a_whole(api: Api) -> None:
    rows = [(f"c{number % 7}", "Opal", "1") for number in range(3_000)]
    api.upload("deals", deals(*rows))
    assert api.get(RANKING)["results"][0] == {"username": "c0", "spent_money": "429.00", "gems": ["Opal"]}

    second = api.upload("deals", deals(*[(f"d{number % 7}", "Opal", "2") for number in range(3_000)]))
    assert second["records_superseded"] == 3_001
    assert [one["username"] for one in api.get(RANKING, limit=1000)["results"]] == [
        *(f"d{number}" for number in range(7)),
        "nobody",
    ]
