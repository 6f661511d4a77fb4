"""Rankings that make no sense are refused when they are declared, and tables derive from those that do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest

from shared.datasets.catalogue import shipped
from shared.datasets.declaration import Dataset, Record, declare
from shared.datasets.rankings import AnyRanking, Count, Ranking, RecordRanking, Shared, Sum
from shared.ranking_tables import kept_tables
from shared.read_tables import index_columns


class Sold(Record, frozen=True, kw_only=True):
    """Something that was sold."""

    number: int
    buyer: str
    shop: str | None = None
    kind: Literal["new", "used"]
    price: Decimal | None = None


GOOD = Ranking(
    name="buyers", title="Buyers", group={"name": "buyer"}, measures={"paid": Sum("price")}, order="paid", limit=3
)
RECORDS = RecordRanking(name="last", title="Last", fields=("number",), order="number", per="kind")


def declared(*rankings: AnyRanking) -> Dataset:
    return declare("sold", Sold, title="Sold", key="number", rankings=rankings)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "Top 5"}, "no short word"),
        ({"limit": 0}, "from 1 to 1000"),
        ({"order": "name"}, "none of its measures"),
        ({"group": {"shop": "shop"}}, "what not every record has"),
        ({"group": {"name": "seller"}}, "what not every record has"),
        ({"group": {}}, "what not every record has"),
        ({"group": {"records": "buyer"}}, "long or taken"),
        ({"group": {"paid": "buyer"}}, "two things by one name"),
        ({"measures": {"paid": Sum("buyer")}}, "no number"),
        ({"measures": {"paid": Sum("price", where=("number", "1"))}}, "neither a choice nor a text"),
        ({"per": "number"}, "neither a choice nor a text"),
        ({"per": "lost"}, "neither a choice nor a text"),
        ({"per": "kind", "extras": {"kinds": Shared("kind")}}, "with extras"),
        ({"kept": False, "per": "kind"}, "not kept"),
        ({"extras": {"shops": Shared("shop")}}, "what not every record has"),
    ],
)
def test_groups_that_make_no_sense_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        declared(msgspec.structs.replace(GOOD, **changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"order": "price"}, "not every record has"),
        ({"fields": ("number", "colour")}, "not there: colour"),
        ({"per": "price"}, "neither a choice nor a text"),
    ],
)
def test_records_that_make_no_sense_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        declared(msgspec.structs.replace(RECORDS, **changes))


def test_two_rankings_have_two_names() -> None:
    with pytest.raises(TypeError, match="two rankings of one name"):
        declared(GOOD, GOOD)


def test_a_dataset_with_a_key_replaces_record_by_record() -> None:
    with pytest.raises(TypeError, match="cannot replace all"):
        declare("sold", Sold, title="Sold", key="number", replaces=True)


def test_each_ranking_has_the_tables_and_indexes_that_it_needs() -> None:
    extra = msgspec.structs.replace(
        GOOD, extras={"kinds": Shared("kind")}, measures={"paid": Sum("price"), "n": Count()}
    )
    asked = msgspec.structs.replace(GOOD, name="asked", kept=False)
    dataset = declared(extra, asked, RECORDS)

    assert [table.name for table in kept_tables(dataset)] == ["ranking_buyers", "ranking_buyers_kinds"]
    assert index_columns(dataset) == [("number",), ("kind", "number")]
    assert kept_tables(declared()) == []


@pytest.mark.parametrize("dataset", shipped().values(), ids=lambda dataset: dataset.name)
def test_names_of_their_tables_fit(dataset: Dataset) -> None:
    assert all(len(f"partial_2147483647_{table.name}_ranked") <= 63 for table in kept_tables(dataset))
