"""`/users` and `/keys`: who may make, change and disable whom, and what machines get."""

from __future__ import annotations

import pytest

from cli.stack import Stack
from tests.files import debt, debts
from tests.integration.people.conftest import PASSWORD, People
from tests.laws.conftest import Tables
from tests.steps import Api, eventually


@pytest.fixture
def tables(stack: Stack) -> Tables:
    return Tables(stack.environment["TABLEFOLD_DATABASE_URL"])


def is_refused(client: Api) -> bool:
    """Whether a token is refused within the time that its user's standing is kept."""
    return bool(eventually(lambda: client.http.get("/datasets").status_code == 401 or None, timeout_s=10))


def test_only_an_administrator_makes_users_and_a_name_is_taken_once(people: People, api: Api) -> None:
    name = people.add("editor")
    body = {"name": name, "password": PASSWORD}
    assert api.http.post("/users", json=body).status_code == 409
    assert people.client().http.post("/users", json=body).status_code == 401
    assert people.new("publisher").http.post("/users", json={**body, "name": f"{name}2"}).status_code == 403


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"password": "password1234"}, 422),
        ({"password": "short"}, 422),
        ({"name": "Ann"}, 400),
        ({"name": "a\0b"}, 400),
        ({"name": ""}, 400),
        ({"name": "ann\n"}, 400),
        ({"role": "root"}, 400),
        ({"scopes": ["everything"]}, 400),
        ({"dataset_roles": {"nothing": "viewer"}}, 404),
        ({"dataset_roles": {"debts": "administrator"}}, 403),
        ({"user_id": "1"}, 400),
        ({"password": 123456789012}, 400),
    ],
    ids=str,
)
def test_a_user_who_cannot_be_is_refused(api: Api, said: dict[str, object], status: int) -> None:
    body = {"name": "nobody-yet", "password": PASSWORD, **said}
    assert api.http.post("/users", json=body).status_code == status


def test_a_role_counts_from_the_next_moment_on_and_disabling_ends_everything(people: People, api: Api) -> None:
    name = people.add("viewer")
    client = people.client(people.log_in(name)["access_token"])
    key = people.client(client.http.post("/keys", json={"label": "machine"}).json()["key"])
    assert client.http.post("/debts/uploads", content=b"").status_code == 403
    assert api.http.patch(f"/users/{name}", json={"role": "editor"}).status_code == 204
    assert eventually(lambda: client.http.post("/debts/uploads", content=b"").status_code == 422 or None)
    assert api.http.patch(f"/users/{name}", json={"disabled": True}).status_code == 204
    for one in (client, key):
        assert is_refused(one)
    assert api.http.post("/tokens", json={"name": name, "password": PASSWORD}).status_code == 401
    assert api.http.patch(f"/users/{name}", json={"disabled": False}).status_code == 204
    assert people.log_in(name)


def test_nobody_changes_the_own_role(people: People) -> None:
    name = people.add("administrator")
    client = people.client(people.log_in(name)["access_token"])
    assert client.http.patch(f"/users/{name}", json={"role": "viewer"}).status_code == 403


def test_a_role_in_one_dataset_opens_that_one_only(people: People) -> None:
    client = people.new("none", dataset_roles={"debts": "editor"})
    assert client.http.get("/debts").status_code == 200
    assert client.http.post("/debts/uploads", content=b"").status_code == 422
    assert client.http.get("/clients").status_code == 403
    assert client.http.post("/clients/uploads", content=b"").status_code == 403
    assert client.http.get("/datasets").status_code == 200
    assert client.http.post("/users", json={"name": "x", "password": PASSWORD}).status_code == 403


def test_a_user_sees_the_own_uploads_and_a_publisher_and_an_administrator_all(people: People, api: Api) -> None:
    scopes = ["sensitive:read"]
    ann, ben = people.new("editor", scopes=scopes), people.new("editor", scopes=scopes)
    publisher = people.new("publisher", scopes=scopes)
    report = ann.upload("debts", debts(debt()))
    own = f"/uploads/{report['id']}"
    for path in (own, f"{own}/errors", f"{own}/errors.csv", f"{own}/file"):
        assert [one.http.get(path).status_code for one in (ann, publisher, api)] == [200] * 3
        foreign = ben.http.get(path)
        unknown = ben.http.get(path.replace(report["id"], "0" * 8 + report["id"][8:]))
        assert (foreign.status_code, foreign.headers["retry-after"]) == (404, "1")
        assert foreign.json()["title"] == unknown.json()["title"]
    listed = [{one["id"] for one in client.get("/uploads", limit=1000)["results"]} for client in (ann, ben, publisher)]
    assert [report["id"] in ids for ids in listed] == [True, False, True]


def test_a_key_may_at_most_what_its_maker_may_and_ends_when_it_is_revoked(people: People) -> None:
    editor = people.new("editor")
    for more in ({"role": "publisher"}, {"scopes": ["sensitive:read"]}):
        assert editor.http.post("/keys", json={"label": "x", **more}).status_code == 403
    assert editor.http.post("/keys", json={"label": "x", "days": 4000}).status_code == 400
    made = editor.http.post("/keys", json={"label": "the partner's machine", "role": "editor"}).json()
    machine = people.client(made["key"])
    assert machine.http.post("/debts/uploads", content=b"").status_code == 422
    assert machine.http.delete("/tokens").status_code == 401
    assert people.new("editor").http.delete(f"/keys/{made['id']}").status_code == 404
    assert editor.http.delete(f"/keys/{made['id']}").status_code == 204
    assert is_refused(machine)


def test_events_name_the_user_who_caused_them(people: People, tables: Tables) -> None:
    name = people.add("editor")
    report = people.client(people.log_in(name)["access_token"]).upload("debts", debts(debt()))
    said = tables.value("SELECT actor FROM read.uploads WHERE id = $1::text::uuid", report["id"])
    assert said == name


def test_secrets_are_kept_as_hashes_and_the_audit_is_only_added_to(people: People, tables: Tables) -> None:
    name = people.add()
    tokens = people.log_in(name)
    kept = tables.value(
        "SELECT password_hash FROM store.credentials JOIN store.users USING (user_id) WHERE name = $1", name
    )
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    rows = tables.fetch(
        "SELECT s::text FROM store.sessions AS s UNION ALL SELECT t::text FROM store.refresh_tokens AS t"
    )
    assert not any(tokens["refresh_token"] in row[0] or tokens["access_token"] in row[0] for row in rows)
    assert tables.value("SELECT action FROM store.audit WHERE subject = $1", name) == "user-added"
    for statement in ("UPDATE store.audit SET actor = 'x'", "DELETE FROM store.audit", "TRUNCATE store.audit"):
        with pytest.raises(Exception, match="only added to"):
            tables.fetch(statement)
