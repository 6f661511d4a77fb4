"""OpenAPI documents are complete: words, types, examples, answers, problems, limits and roles of every operation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest import mock

import jsonschema_rs
import pytest
from litestar import Litestar, get

from command_api.app import make_app as make_command_api
from query_api.app import make_app as make_query_api
from query_api.documented import documents_of_queries
from shared.datasets.catalogue import shipped
from shared.errors import BadSettings
from shared.http.documents import METHODS, Documents
from shared.http.guard import Guard
from shared.settings import Settings
from tests.documents import strict

Json = dict[str, Any]
SETTINGS = Settings(
    database_url="postgresql://nobody@127.0.0.1:1/none",
    amqp_url="amqp://nobody@127.0.0.1:1",
    blobs_url="file:///tmp/tablefold-no-blobs",
    cursor_key="0" * 40,
)
MAKERS = {"queries": make_query_api, "commands": make_command_api}
NO_EXAMPLE = {"cursor"}
FILES = {"text/csv", "application/x-ndjson", "application/vnd.apache.parquet", "application/octet-stream"}
FILES |= {"text/event-stream"}


@cache
def document(name: str) -> Json:
    """The document of an application that was never started."""
    app: Litestar = MAKERS[name](SETTINGS, shipped())
    config = app.openapi_config
    (documents,) = [one for one in (config.render_plugins if config else ()) if isinstance(one, Documents)]
    return documents.document(app)


def operations(name: str) -> Iterator[tuple[str, Json]]:
    for path, methods in document(name)["paths"].items():
        for method in METHODS:
            if method in methods:
                yield f"{method} {path}", methods[method]


def resolved(name: str, said: Json) -> Json:
    if "$ref" not in said:
        return said
    _, _, kind, called = said["$ref"].split("/")
    found: Json = document(name)["components"][kind][called]
    return found


@pytest.mark.parametrize("name", MAKERS)
def test_every_operation_says_what_it_does_who_may_and_how_often(name: str) -> None:
    for called, operation in operations(name):
        assert operation["summary"], called
        assert operation["description"].count(".") >= 2, called
        assert operation["tags"], called
        assert operation["x-role"] in ("anybody", "none", "viewer", "editor", "publisher", "administrator"), called
        assert operation["security"] == ([] if operation["x-role"] == "anybody" else [{"bearer": []}]), called
        if "/health" not in called:
            assert operation["x-rate-limit"]["calls"] >= 10, called


REQUIRED = ("max_affected", "reason")
"""Query parameters without which a command is not taken: how much it may change, why something is never to be done."""


@pytest.mark.parametrize("name", MAKERS)
def test_every_parameter_has_a_type_words_and_an_example_that_fits(name: str) -> None:
    seen = 0
    for called, operation in operations(name):
        for one in operation["parameters"]:
            assert one["description"], (called, one["name"])
            assert one["required"] == (one["in"] == "path" or one["name"] in REQUIRED), (called, one["name"])
            if one["name"] in NO_EXAMPLE:
                continue
            validator = jsonschema_rs.Draft202012Validator(one["schema"], validate_formats=True)
            assert validator.is_valid(one["example"]), (called, one)
            seen += 1
    assert seen > 100


@pytest.mark.parametrize("name", MAKERS)
def test_every_answer_has_words_and_all_json_has_a_schema_and_an_example_that_fits(name: str) -> None:
    components = strict(document(name)["components"])
    for called, operation in operations(name):
        for status, said in operation["responses"].items():
            answer = resolved(name, said)
            assert answer["description"], (called, status)
            for media_type, media in answer.get("content", {}).items():
                assert media["schema"].keys() - {"type", "description"} or media_type in FILES, called
                if "example" in media:
                    schema = {**strict(media["schema"]), "components": components}
                    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
                    assert [one.message for one in validator.iter_errors(media["example"])] == [], (called, status)


@pytest.mark.parametrize("name", MAKERS)
def test_every_operation_tells_its_problems_and_guarded_ones_that_nobody_may_ask_unknown(name: str) -> None:
    for called, operation in operations(name):
        statuses = operation["responses"].keys()
        assert {"500", "503"} <= statuses, called
        if operation["x-role"] != "anybody":
            assert {"401", "403", "429"} <= statuses, called
        assert "default" not in statuses, called


def test_a_route_of_which_nothing_is_told_does_not_start() -> None:
    @get("/debts/odd", sync_to_thread=False)
    def odd() -> None: ...

    documents = documents_of_queries()
    app = Litestar([odd], openapi_config=documents.config, logging_config=None)
    with pytest.raises(BadSettings, match=r"GET /\{dataset\}/odd.*documented\.py"):
        documents.covering(app, shipped(), mock.create_autospec(Guard))


@pytest.mark.parametrize(
    ("path", "parameter", "expected"),
    [
        ("/accounts", "status", {"type": "string", "enum": ["INACTIVE", "PAID_IN_FULL", "IN_COLLECTION"]}),
        ("/debts", "debt_due_date_from", {"type": "string", "format": "date"}),
        ("/debts", "upload", {"type": "string", "format": "uuid"}),
        ("/debts", "limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}),
        ("/debts", "offset", {"type": "integer", "minimum": 0, "maximum": 10000, "default": 0}),
    ],
)
def test_filters_have_the_types_of_their_fields(path: str, parameter: str, expected: Json) -> None:
    (said,) = [one for one in document("queries")["paths"][path]["get"]["parameters"] if one["name"] == parameter]
    schema = said["schema"]
    found = schema["items"] if schema["type"] == "array" else schema
    assert {name: found.get(name) for name in expected} == expected


def test_a_choice_may_be_given_several_times() -> None:
    (said,) = [one for one in document("queries")["paths"]["/accounts"]["get"]["parameters"] if one["name"] == "status"]
    assert said["schema"]["type"] == "array"
