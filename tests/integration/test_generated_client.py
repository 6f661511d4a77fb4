"""Clients that somebody else's tool makes of the two OpenAPI documents work: commands are sent, queries are read."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.documents import COMMANDS_DOCUMENT, QUERIES_DOCUMENT
from tests.files import debt, debts
from tests.steps import Api

DOCUMENTS = {"generated_queries": QUERIES_DOCUMENT, "generated_commands": COMMANDS_DOCUMENT}
DEBT = {
    "name": "Ann Example",
    "government_id": "0123",
    "email": "ann@example.com",
    "debt_amount": "12.50",
    "debt_due_date": "2026-02-28",
}
BYTES = (
    "text/csv",
    "application/gzip",
    "application/zip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
)
SETTINGS = {
    "post_hooks": [],
    "content_type_overrides": {
        **dict.fromkeys(BYTES, "application/octet-stream"),
    },
}
"""The tool does not know by itself that these are bytes."""


@pytest.fixture(scope="module")
def said(stack: Any, token: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the generator says of each document; the clients can be imported."""
    folder: Path = tmp_path_factory.mktemp("clients")
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    api = Api(stack.url, token)
    program = [str(Path(sys.executable).parent / "openapi-python-client"), "generate", "--meta", "none"]
    found = {}
    for name, path in DOCUMENTS.items():
        (folder / f"{name}.json").write_bytes(api.http.get(path).content)
        asked = ["--path", f"{name}.json", "--output-path", name, "--config", "settings.json"]
        done = subprocess.run([*program, *asked], cwd=folder, capture_output=True, text=True, check=True, timeout=120)
        found[name] = done.stdout + done.stderr
    api.http.close()
    sys.path.insert(0, str(folder))
    yield found
    sys.path.remove(str(folder))


Call = Callable[..., Any]


@pytest.fixture
def call(said: dict[str, str], api: Api) -> Call:
    """Calls an operation of one of the clients by its module; answers the parsed body of an expected status."""
    assert said

    def run(name: str, **given: Any) -> Any:
        package = next(one for one in DOCUMENTS if (Path(sys.path[0]) / one / "api" / f"{name}.py").exists())
        client = importlib.import_module(package).AuthenticatedClient(
            api.url, api.token, raise_on_unexpected_status=True
        )
        with client:
            operation = importlib.import_module(f"{package}.api.{name.replace('/', '.')}")
            return operation.sync(client=client, **given)

    return run


def model(name: str) -> Any:
    return getattr(importlib.import_module("generated_commands.models"), name)


def test_both_documents_are_read_without_a_complaint(said: dict[str, str]) -> None:
    assert {name: one.strip() for name, one in said.items()} == {name: f"Generating {name}" for name in DOCUMENTS}


def test_a_record_is_added_read_and_corrected(call: Call) -> None:
    key = uuid4()
    new = {**DEBT, "debt_id": str(key)}
    added = call("debts/post_debts", body=model("PostDebtsBody").from_dict(new), prefer="wait=10")
    assert (added.record.debt_id, added.record.debt_amount) == (key, "12.50")
    changes = model("PutDebtsKeyBody").from_dict({"name": "Somebody Else"})
    corrected = call("debts/put_debts_key", key=key, body=changes, prefer="wait=10")
    assert corrected.record.name == "Somebody Else"
    read = call("debts/get_debts_key", key=key)
    assert (read.name, read.version) == ("Somebody Else", corrected.version)
    told = call("debts/get_debts_key_history", key=key)
    assert [one.change.value for one in told.results] == ["added", "corrected"]


def test_a_file_is_sent_and_followed_to_its_records(call: Call, api: Api, source: str) -> None:
    file = importlib.import_module("generated_commands.types").File
    body = model("UploadDebtsFilesBody")(file=file(io.BytesIO(debts(debt(), debt())), "debts.csv", "text/csv"))
    accepted = call("debts/upload_debts", body=body, source=source)
    api.follow(str(accepted.id))
    upload = call("uploads/get_uploads_upload_id", upload_id=accepted.id)
    assert (upload.state, upload.rows.accepted, upload.source) == ("published", 2, source)
    page = call("debts/get_debts", source=source, limit=1)
    assert (page.count.value, len(page.results), isinstance(page.results[0].upload, UUID)) == (2, 1, True)


def test_a_problem_is_read_as_one(call: Call) -> None:
    problem = call("debts/get_debts_key", key=uuid4())
    assert (problem.type_.value, problem.status) == ("/problems/not-found", 404)
