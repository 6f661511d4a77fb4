"""The chain of versions, told."""

from __future__ import annotations

from typing import Any, cast

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from query_api.answers import is_known
from query_api.story import changes_of, entries

Row = dict[str, Any]

ENDED = ("ended_position", "ended_at", "ended_kind", "ended_by", "ended_actor")


@st.composite
def chains(draw: st.DrawFn) -> list[Row]:
    """Versions of one key that follow each other at once or after a while; the last may live."""
    rows: list[Row] = []
    position = 0
    for number in range(draw(st.integers(1, 6))):
        begun = position + draw(st.integers(0 if rows else 1, 2))
        position = begun + draw(st.integers(1, 3))
        kind = draw(st.sampled_from(("superseded", "corrected", "removed", "withdrawn")))
        ended = dict(zip(ENDED, (position, position, kind, None, None), strict=True))
        row = {"name": str(number), "position": begun, "recorded_at": begun, "change": None, "actor": None}
        rows.append({**row, "upload": 1, "row": 2, **ended})
    if draw(st.booleans()):
        rows[-1] |= dict.fromkeys(ENDED)
    return rows


@given(chains())
def test_replaying_the_entries_gives_every_version_and_every_gap(rows: list[Row]) -> None:
    told = entries(cast(list[sa.RowMapping], rows), [{"name": row["name"]} for row in rows])
    assert [entry.position for entry in told] == sorted({entry.position for entry in told})
    for position in range(rows[-1]["position"] + 5):
        live = [row for row in rows if row["position"] <= position < (row["ended_position"] or position + 1)]
        before = [entry for entry in told if entry.position <= position]
        record = before[-1].record if before else None
        assert record == ({"name": live[0]["name"]} if live else None)
    assert [entry.before for entry in told] == [None, *(entry.record for entry in told[:-1])]


def test_what_is_the_same_is_no_change() -> None:
    before, after = {"a": 1, "b": None, "c": [1]}, {"a": 1, "b": 2, "c": [2]}
    assert changes_of(before, after) == {"b": {"from": None, "to": 2}, "c": {"from": [1], "to": [2]}}
    assert changes_of(None, {"a": 1, "b": None}) == {"a": {"from": None, "to": 1}}
    assert changes_of({"a": 1}, None) == {"a": {"from": 1, "to": None}}


def test_a_tag_is_known_where_it_is_named() -> None:
    assert all(is_known(text, '"5"') for text in ('"5"', 'W/"5"', '"4", "5"', "*", ' "5" '))
    assert not any(is_known(text, '"5"') for text in ("", '"4"', "5", '"55"', 'W/"4","6"'))
