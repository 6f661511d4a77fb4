"""Every operation of both OpenAPI documents, for all who may not: unknown, expired, disabled, too low, foreign."""

from __future__ import annotations

import re
import time
from uuid import uuid4

import jwt
import pytest

from cli.stack import Stack
from command_api.roles import REGISTRATION
from command_api.roles import ROLES as COMMAND_ROLES
from query_api.roles import ROLES as QUERY_ROLES
from shared.auth.callers import Role
from shared.auth.keys import read_signing_key
from shared.auth.tokens import COMMANDS, ISSUER, QUERIES, TYPE
from shared.datasets.catalogue import shipped
from tests.files import debt, debts
from tests.integration.people.conftest import People
from tests.steps import Api, eventually

DOCUMENTS = ("/schema/openapi.json", "/schema/commands/openapi.json")
ROLES = {**COMMAND_ROLES, **REGISTRATION[False], **QUERY_ROLES, "GET /health": None}
OPEN = {"GET /health", "POST /tokens", "POST /tokens/refresh"}
Operation = tuple[str, str]


def operations(api: Api) -> list[Operation]:
    """Method and path template of each."""
    return [
        (method.upper(), path)
        for document in DOCUMENTS
        for path, described in api.get(document)["paths"].items()
        for method in described
        if method in ("get", "head", "post", "put", "patch", "delete")
    ]


def role_of(method: str, path: str, datasets: set[str]) -> Role | None:
    """The role that a template takes; raises KeyError where the tables say nothing."""
    segments = ["{dataset}" if one in datasets else one for one in path.split("/")]
    name = f"{'GET' if method == 'HEAD' else method} {'/'.join(segments)}"
    return ROLES[name] if name in ROLES else ROLES[f"{name.rpartition('/')[0]}/*"]


def filled(path: str, upload: str) -> str:
    """A path with ids that are not the caller's."""
    known = {"upload_id": upload, "name": "debts", "key": str(uuid4())}
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "1"), path)


def ask(client: Api, method: str, path: str) -> int:
    body = None if method in ("GET", "HEAD", "DELETE") else b"{}"
    return client.http.request(method, path, content=body).status_code


@pytest.fixture
def datasets(api: Api) -> set[str]:
    return {one["name"] for one in api.get("/datasets")["results"]} | set(shipped())


@pytest.fixture
def foreign(people: People) -> str:
    """An upload of somebody else."""
    return str(people.new("editor").upload("debts", debts(debt()))["id"])


@pytest.fixture
def expired(stack: Stack, people: People) -> str:
    """A token that was a good one until an hour ago."""
    session = people.log_in(people.add("administrator"))["access_token"]
    claims = jwt.decode(session, options={"verify_signature": False})
    kid, key = read_signing_key(stack.signing["TABLEFOLD_SIGNING_KEYS_FOLDER"])
    now = int(time.time())
    old = {**claims, "iss": ISSUER, "aud": [COMMANDS, QUERIES], "iat": now - 4500, "exp": now - 3600}
    return jwt.encode(old, key, algorithm="EdDSA", headers={"typ": TYPE, "kid": kid})


@pytest.fixture
def disabled(people: People, api: Api) -> Api:
    """An administrator who was logged in when he was disabled."""
    name = people.add("administrator")
    client = people.client(people.log_in(name)["access_token"])
    assert client.http.get("/datasets").status_code == 200
    assert api.http.patch(f"/users/{name}", json={"disabled": True}).status_code == 204
    assert eventually(lambda: client.http.get("/datasets").status_code == 401 or None)
    assert eventually(lambda: ask(client, "POST", "/debts/uploads") == 401 or None)
    return client


def test_every_operation_has_a_role_and_only_these_have_none(api: Api, datasets: set[str]) -> None:
    found = operations(api)
    assert len(found) > 40
    names = {
        f"{'GET' if method == 'HEAD' else method} {path}": role_of(method, path, datasets) for method, path in found
    }
    assert {name for name, role in names.items() if role is None} == OPEN


def test_who_is_not_known_expired_or_disabled_is_refused_everywhere(
    api: Api, people: People, datasets: set[str], foreign: str, expired: str, disabled: Api
) -> None:
    callers = {"anonymous": people.client(), "expired": people.client(expired), "disabled": disabled}
    for method, path in operations(api):
        for who, client in callers.items():
            if role_of(method, path, datasets) is None:
                continue
            assert ask(client, method, filled(path, foreign)) == 401, (who, method, path)


@pytest.mark.parametrize("role", [Role.NONE, Role.VIEWER, Role.EDITOR, Role.PUBLISHER])
def test_a_role_that_is_too_low_is_refused_everywhere(
    api: Api, people: People, datasets: set[str], foreign: str, role: Role
) -> None:
    client = people.new(role)
    refused = 0
    for method, path in operations(api):
        needs = role_of(method, path, datasets)
        if needs is None or role.covers(needs):
            continue
        expected = {403, 404} if "{upload_id}" in path else {403}
        assert ask(client, method, filled(path, foreign)) in expected, (method, path)
        refused += 1
    assert refused > 0


def test_somebody_else_s_upload_is_not_there_for_any_operation(api: Api, people: People, foreign: str) -> None:
    client = people.new("editor")
    paths = [(method, path) for method, path in operations(api) if "{upload_id}" in path]
    assert len(paths) >= 8
    for method, path in paths:
        assert ask(client, method, filled(path, foreign)) == 404, (method, path)
    assert api.get(f"/uploads/{foreign}")["state"] == "published"
