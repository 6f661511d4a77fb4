"""A dataset that ships nowhere: one declaration file gives uploads, rows, filters and documentation."""

from __future__ import annotations

from cli.servers.folder import ROOT
from tests.files import table
from tests.steps import Api

LABELS = ("ISBN", "Book Title", "Genre", "price", "pages", "bought", "lent-at")


PACKAGES = ("shared", "command_api", "projector", "query_api", "cli")


def test_only_its_own_file_knows_the_dataset() -> None:
    texts = [path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py")]

    assert len(texts) > 100
    assert not [text for text in texts if '"books"' in text]


def test_a_declared_dataset_takes_files_and_answers_its_filters(api: Api, source: str) -> None:
    rows = [
        ["1", "Dead Souls", "Novel", "9.125", "352", "2020-01-31", "2024-05-06 07:08:09"],
        ["2", "Poems", "POEMS", "0", "", "2021-12-31", ""],
        ["3", "Walden", "essay", "7.5", "300", "2022-02-28", "2024-05-06 23:59:59"],
        ["4", "Nothing", "cookbook", "-1", "many", "2022-02-30", "noon"],
    ]
    prefixed = [[f"{source[-12:]}-{row[0]}", *row[1:]] for row in rows]
    report = api.upload("books", table(LABELS, prefixed).encode(), source=source)

    assert report["rows"] == {"read": 4, "accepted": 3, "rejected": 1, "duplicate": 0, "blank": 0}
    wrong = {(one["column"], one["code"]) for one in api.errors(report)}
    assert wrong == {
        ("Genre", "enum"),
        ("price", "minimum"),
        ("pages", "type-error"),
        ("bought", "type-error"),
        ("lent-at", "type-error"),
    }
    titles = {
        "title=soul": ["Dead Souls"],
        "genre=essay": ["Walden"],
        "min_price=7.5": ["Dead Souls", "Walden"],
        "max_pages=300": ["Walden"],
        "bought_from=2021-12-31&bought_to=2022-02-28": ["Poems", "Walden"],
        "lent_at_from=2024-05-06T07:08:09Z": ["Dead Souls", "Walden"],
        "sort=-price": ["Dead Souls", "Walden", "Poems"],
        "sort=pages": ["Walden", "Dead Souls", "Poems"],
    }
    for query, expected in titles.items():
        page = api.get(f"/books?source={source}&{query}")
        assert [one["title"] for one in page["results"]] == expected, query


def test_both_documents_speak_of_a_declared_dataset(api: Api) -> None:
    assert "/books/uploads" in api.get("/schema/commands/openapi.json")["paths"]
    named = {one["name"] for one in api.get("/schema/openapi.json")["paths"]["/books"]["get"]["parameters"]}
    assert {"isbn", "title", "genre", "min_price", "max_price", "bought_from", "lent_at_to", "source", "sort"} <= named
