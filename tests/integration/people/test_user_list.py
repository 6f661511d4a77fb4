"""`GET /users`: who there is, for administrators."""

from __future__ import annotations

from tests.integration.people.conftest import People
from tests.steps import Api

FIELDS = {"name", "role", "scopes", "dataset_roles", "disabled", "upload_bytes_per_day", "created_at"}


def test_administrators_see_all_users_page_by_page_and_nothing_that_proves_who_they_are(
    people: People, api: Api
) -> None:
    added = {people.add("publisher", dataset_roles={"debts": "editor"}, scopes=["sensitive:read"]) for _ in range(5)}
    assert api.http.patch(f"/users/{min(added)}", json={"disabled": True, "upload_bytes_per_day": 5}).status_code == 204
    page = api.get("/users", limit=3, role="publisher")
    found = page["results"]
    while page["next"]:
        page = api.get(page["next"])
        found += page["results"]
    names = [one["name"] for one in found]
    assert (names, len(set(names))) == (sorted(names), len(names))
    mine = {one["name"]: one for one in found if one["name"] in added}
    assert set(mine) == added
    assert {frozenset(one) for one in found} == {frozenset(FIELDS)}
    first, last = mine[min(added)], mine[max(added)]
    assert (first["disabled"], first["upload_bytes_per_day"], last["disabled"]) == (True, 5, False)
    assert (last["dataset_roles"], last["scopes"]) == ({"debts": "editor"}, ["sensitive:read"])
    assert last["upload_bytes_per_day"] is None


def test_nobody_else_sees_them_and_parameters_are_known(people: People, api: Api) -> None:
    assert people.new("publisher").http.get("/users").status_code == 403
    assert people.client().http.get("/users").status_code == 401
    assert api.http.get("/users", params={"name": "ann"}).status_code == 400
    assert api.http.get("/users", params={"role": "king"}).status_code == 400
