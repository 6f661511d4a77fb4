"""Substrings that have an index, `Search(index=True)`: the title of `books`."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cli.stack import Stack
from tests.alone import as_superuser
from tests.files import table
from tests.laws.conftest import Tables
from tests.steps import Api

LABELS = ("isbn", "book title")
FINDS = "SELECT isbn FROM {} WHERE title ILIKE '%d_ad so%'"


@pytest.fixture
def tables(stack: Stack) -> Tables:
    return Tables(stack.environment["TABLEFOLD_DATABASE_URL"])


def books(*titles: str) -> bytes:
    return table(LABELS, [[uuid4().hex[:17], title] for title in titles]).encode()


@pytest.mark.parametrize("more", [0, 3000], ids=["open segment", "own segment"])
def test_every_segment_has_an_index_that_finds_parts(api: Api, source: str, tables: Tables, more: int) -> None:
    fillers = [f"Volume {number} of {uuid4().hex}" for number in range(more)]
    report = api.upload("books", books("Dead Souls", "Deaf Sounds", *fillers), source=source)
    segment = report["number"] if more else 0

    found = api.records("books", source=source, title="AD SO")
    assert [one["title"] for one in found] == ["Dead Souls"]
    assert [one["title"] for one in api.records("books", source=source, title="%")] == []
    made = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'books_1' AND indexname = $1"
    assert "gin_trgm_ops" in tables.value(made, f"segment_{segment}_trigrams_title")
    plan = tables.fetch(f"EXPLAIN (FORMAT JSON) {FINDS.format(f'books_1.segment_{segment}')}")
    assert not more or f"segment_{segment}_trigrams_title" in str(plan)


def test_without_the_extension_segments_are_made_without_the_index(
    api: Api, source: str, stack: Stack, tables: Tables
) -> None:
    superuser = Tables(f"{as_superuser(stack.postgres).rpartition('/')[0]}/tablefold")
    superuser.fetch("ALTER EXTENSION pg_trgm SET SCHEMA store")
    try:
        report = api.upload(
            "books", books("Dead Souls", *(f"Volume {at} {uuid4().hex}" for at in range(3000))), source=source
        )
        assert [one["title"] for one in api.records("books", source=source, title="ad so")] == ["Dead Souls"]
        made = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'books_1' AND indexname = $1"
        assert tables.value(made, f"segment_{report['number']}_trigrams_title") == 0
    finally:
        superuser.fetch("ALTER EXTENSION pg_trgm SET SCHEMA read")
