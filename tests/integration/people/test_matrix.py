"""Every operation of both OpenAPI documents, for all who may not: unknown, expired, disabled, too low, foreign."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from cli.servers.postgres import Postgres
from command_api.roles import REGISTRATION
from command_api.roles import ROLES as COMMAND_ROLES
from query_api.roles import ROLES as QUERY_ROLES
from shared.auth.callers import Role
from shared.auth.keys import read_signing_key
from shared.auth.tokens import COMMANDS, ISSUER, QUERIES, TYPE
from shared.datasets.catalogue import Catalogue, load_catalogue
from tests.alone import migrated
from tests.both import Both, Operation, both_of
from tests.files import debt, debts
from tests.integration.query.books import Books
from tests.signing import NAME, USER, access_token, keys

ROLES = {**COMMAND_ROLES, **REGISTRATION[False], **QUERY_ROLES, "GET /health": None}
OPEN = {"GET /health", "POST /tokens", "POST /tokens/refresh"}
OF_NOBODY = ("", "anonymous", "a.b.c", "tablefold_unknown")


class World:
    """Both APIs, an upload of somebody, and people who try to reach it; made once for all tests."""

    def __init__(self, both: Both, books: Books, operations: list[Operation], catalogue: Catalogue) -> None:
        self.both = both
        self.books = books
        self.operations = operations
        self.datasets = set(catalogue)
        self.owner = ""
        self.upload = ""

    async def somebody(self, role: Role = Role.VIEWER, **columns: Any) -> tuple[str, UUID, UUID]:
        """The token of a new user who is logged in, the user and the session."""
        user, session = uuid4(), uuid4()
        own = columns.pop("dataset_roles", {})
        await self.books.execute(
            "INSERT INTO store.users (user_id, name, role) VALUES (:user, :name, :role)",
            user=user,
            name=f"user-{user.hex[:12]}",
            role=role.value,
        )
        await self.books.execute(
            "INSERT INTO store.sessions (session_id, user_id, scopes, secret, expires_at)"
            " VALUES (:session, :user, '{}', 'unused', 'infinity')",
            session=session,
            user=user,
        )
        for dataset, in_it in own.items():
            await self.books.execute(
                "INSERT INTO store.dataset_roles VALUES (:user, :dataset, :role)",
                user=user,
                dataset=dataset,
                role=in_it,
            )
        return access_token(user, session, ()), user, session

    async def own_upload(self, token: str, number: int) -> str:
        """The id of an upload of a caller, as if it were folded."""
        answer = await self.both.ask("POST", "/debts/uploads", token, content=debts(debt()))
        assert answer.status_code == 202, answer.text
        upload = answer.json()["id"]
        (actor,) = [await self.books.scalar("SELECT actor FROM store.uploads WHERE upload_id = :id", id=UUID(upload))]
        await self.books.upload("debts", number, id=UUID(upload), actor=actor)
        return str(upload)

    def role_of(self, method: str, path: str) -> Role | None:
        """The role that a template takes; raises KeyError where the tables say nothing."""
        segments = ["{dataset}" if one in self.datasets else one for one in path.split("/")]
        name = f"{'GET' if method == 'HEAD' else method} {'/'.join(segments)}"
        return ROLES[name] if name in ROLES else ROLES[f"{name.rpartition('/')[0]}/*"]

    def guarded(self) -> Iterator[tuple[str, str, dict[str, Any], Role]]:
        for method, path, described in self.operations:
            role = self.role_of(method, path)
            if role is not None:
                yield method, path, described, role

    def requests(self, method: str, path: str, described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """What somebody sends who knows ids of others: in the path, then also in query, headers and body."""
        known = {"upload_id": self.upload, "name": "debts", "key": str(uuid4()), "key_id": "0" * 16, "row": "2"}
        filled = re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "1"), path)
        yield filled, {}
        parameters = described.get("parameters", ())
        query = {one["name"]: self.upload for one in parameters if one["in"] == "query"}
        headers = {one["name"]: self.upload for one in parameters if one["in"] == "header"} | {
            "X-Forwarded-User": NAME,
            "X-User": NAME,
            "X-Original-URL": "/health",
            "X-HTTP-Method-Override": "GET",
            "Cookie": f"token={access_token()}",
        }
        body = {
            "upload_id": self.upload,
            "actor": "signed-tester",
            "role": "administrator",
            "user_id": str(USER),
        }
        said: dict[str, Any] = {"params": query, "headers": headers}
        yield filled, said if method in ("GET", "HEAD", "DELETE") else {**said, "json": body}

    async def statuses(self, operation: tuple[str, str, dict[str, Any]], token: str) -> set[int]:
        """All answers to what somebody sends to an operation."""
        method, path, described = operation
        asked = [
            await self.both.ask(method, filled, token, **said)
            for filled, said in self.requests(method, path, described)
        ]
        return {one.status_code for one in asked}


@pytest.fixture(scope="module")
def url(server: Postgres) -> str:
    return migrated(server, "matrix")


@pytest.fixture(scope="module")
async def world(url: str, server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    catalogue = load_catalogue()
    books = Books(url, catalogue)
    async with both_of(url, server, catalogue, tmp_path_factory.mktemp("blobs").as_uri()) as both:
        world = World(both, books, await both.operations(), catalogue)
        world.owner = (await world.somebody(Role.EDITOR))[0]
        world.upload = await world.own_upload(world.owner, 1)
        yield world
    await books.close()


@pytest.fixture(scope="module")
async def unknown(world: World) -> dict[str, str]:
    """What people show who are nobody, or nobody any more."""
    shown = {one: one for one in OF_NOBODY}
    administrator, user, session = await world.somebody(Role.ADMINISTRATOR)
    claims = {"iss": ISSUER, "aud": [COMMANDS, QUERIES], "sub": str(user), "sid": str(session), "jti": "1"}
    kid, key = read_signing_key(str(keys() / "signing"))
    now = int(time.time())
    times = {"expired": (now - 4500, now - 3600), "to come": (now + 3600, now + 4500)}
    for name, (begins, ends) in times.items():
        said = {**claims, "iat": begins, "exp": ends}
        shown[name] = jwt.encode(said, key, algorithm="EdDSA", headers={"typ": TYPE, "kid": kid})
    answer = await world.both.ask("POST", "/keys", administrator, json={"label": "machine", "role": "administrator"})
    made = answer.json()
    assert (await world.both.ask("DELETE", f"/keys/{made['id']}", administrator)).status_code == 204
    shown["a key that was revoked"] = made["key"]
    shown["disabled"], disabled, _ = await world.somebody(Role.ADMINISTRATOR)
    await world.books.execute("UPDATE store.users SET disabled_at = now() WHERE user_id = :user", user=disabled)
    shown["logged out"], _, ended = await world.somebody(Role.ADMINISTRATOR)
    await world.books.execute("UPDATE store.sessions SET revoked_at = now() WHERE session_id = :id", id=ended)
    shown["another's session"] = access_token(disabled, session, ())
    return shown


def test_every_operation_has_a_role_and_only_these_have_none(world: World) -> None:
    assert len(world.operations) > 80
    names = {
        f"{'GET' if method == 'HEAD' else method} {path}": world.role_of(method, path)
        for method, path, _ in world.operations
    }
    assert {name for name, role in names.items() if role is None} == OPEN


async def test_who_is_not_known_is_refused_everywhere(world: World, unknown: dict[str, str]) -> None:
    for method, path, described, _ in world.guarded():
        for who, token in unknown.items():
            assert await world.statuses((method, path, described), token) == {401}, (who, method, path)


@pytest.mark.parametrize("role", [Role.NONE, Role.VIEWER, Role.EDITOR, Role.PUBLISHER])
async def test_a_role_that_is_too_low_is_refused_everywhere(world: World, role: Role) -> None:
    token, _, _ = await world.somebody(role)
    refused = 0
    for method, path, described, needs in world.guarded():
        if role.covers(needs):
            continue
        expected = {403, 404} if "{upload_id}" in path else {403}
        assert await world.statuses((method, path, described), token) <= expected, (method, path)
        refused += 1
    assert refused > 0


async def test_a_role_of_none_in_a_dataset_is_refused_wherever_that_is_named(world: World) -> None:
    token, _, _ = await world.somebody(Role.PUBLISHER, dataset_roles={"debts": "none", "clients": "none"})
    refused = 0
    for method, path, described, _ in world.guarded():
        if {"debts", "clients"} & set(path.split("/")):
            assert await world.statuses((method, path, described), token) == {403}, (method, path)
            refused += 1
    assert refused > 20
    assert (await world.both.ask("GET", "/accounts", token)).status_code == 200


async def test_somebody_else_s_upload_is_not_there_for_any_operation(world: World) -> None:
    editor, _, _ = await world.somebody(Role.EDITOR)
    elsewhere, _, _ = await world.somebody(Role.PUBLISHER, dataset_roles={"debts": "editor"})
    paths = [operation for operation in world.operations if "{upload_id}" in operation[1]]
    assert len(paths) >= 8
    for token in (editor, elsewhere):
        for operation in paths:
            assert await world.statuses(operation, token) == {404}, operation[:2]
    for owner in (world.owner, None):
        assert (await world.both.ask("GET", f"/uploads/{world.upload}", owner)).status_code == 200


async def test_no_list_shows_it_whatever_is_filtered_or_whoever_s_cursor_is_shown(world: World) -> None:
    for number in (2, 3):
        await world.own_upload(world.owner, number)
    editor, _, _ = await world.somebody(Role.EDITOR)
    own = await world.own_upload(editor, 4)
    first = (await world.both.ask("GET", "/uploads?limit=1", world.owner)).json()
    assert first["next"]
    for path in (first["next"], "/uploads", "/uploads?dataset=debts", "/uploads?state=published", "/uploads?source="):
        found = (await world.both.ask("GET", path, editor)).json()["results"]
        assert {one["id"] for one in found} <= {own}, path


async def test_an_idempotency_key_of_somebody_else_is_another_key(world: World) -> None:
    content, headers = debts(debt()), {"Idempotency-Key": '"shared"'}
    editor, _, _ = await world.somebody(Role.EDITOR)
    mine = await world.both.ask("POST", "/debts/uploads", world.owner, content=content, headers=headers)
    theirs = await world.both.ask("POST", "/debts/uploads", editor, content=debts(debt()), headers=headers)
    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_nobody_ends_another_s_key_or_sets_another_s_password_or_makes_himself_more(world: World) -> None:
    owner, user, _ = await world.somebody(Role.EDITOR)
    other, _, _ = await world.somebody(Role.PUBLISHER)
    made = (await world.both.ask("POST", "/keys", owner, json={"label": "machine", "role": "editor"})).json()
    ended = await world.both.ask("DELETE", f"/keys/{made['id']}", other)
    assert ended.status_code == 404
    assert (await world.both.ask("GET", "/datasets", made["key"])).status_code == 200
    password = {"password": "four unlikely words here"}
    answer = await world.both.ask("PUT", f"/users/user-{user.hex[:12]}/password", other, json=password)
    assert answer.status_code == 403
    more = [{"label": "more", "role": "administrator"}, {"label": "more", "scopes": ["sensitive:read"]}]
    for body in more:
        assert (await world.both.ask("POST", "/keys", owner, json=body)).status_code == 403
    for body in ({"label": "x", "user_id": str(USER)}, {"label": "x", "key_id": "1"}):
        assert (await world.both.ask("POST", "/keys", owner, json=body)).status_code == 400


async def test_options_tell_every_method_of_a_path_to_anybody(world: World) -> None:
    for path, allowed in (("/debts", "OPTIONS, PATCH, POST"), ("/debts/1", "DELETE, OPTIONS, PATCH, PUT")):
        answer = await world.both.ask("OPTIONS", path, "")
        assert (answer.status_code, answer.headers["allow"]) == (204, allowed)
