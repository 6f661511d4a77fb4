"""Two people who send the same bytes have one upload, and both may see it."""

from __future__ import annotations

from tests.files import debt, debts
from tests.integration.people.conftest import People
from tests.steps import Api, eventually


def sees(client: Api, upload: str) -> list[int]:
    own = f"/uploads/{upload}"
    return [client.http.get(path).status_code for path in (own, f"{own}/errors", f"{own}/errors.csv", f"{own}/file")]


def test_who_sends_the_bytes_of_somebody_else_s_upload_sees_it_too(people: People, api: Api, source: str) -> None:
    content = debts(debt(), debt())
    ann, ben, cid = (people.new("editor", scopes=["sensitive:read"]) for _ in range(3))
    first = ann.upload("debts", content, source=source)
    assert sees(ben, first["id"]) == [404] * 4
    again = ben.send("debts", content, source=source)
    assert (again.status_code, again.json()["duplicate"], again.json()["id"]) == (200, True, first["id"])
    assert ben.http.get(again.headers["location"]).json()["rows"] == first["rows"]
    assert [sees(client, first["id"]) for client in (ann, ben, cid)] == [[200] * 4, [200] * 4, [404] * 4]
    listed = [[one["id"] for one in client.get("/uploads", source=source)["results"]] for client in (ann, ben, cid)]
    assert listed == [[first["id"]], [first["id"]], []]
    assert api.count("debts", source=source) == 2
    assert ben.http.delete(f"/uploads/{first['id']}").status_code == 403


def test_the_command_api_knows_it_as_well_and_it_outlives_a_withdrawal(people: People, api: Api, source: str) -> None:
    content = debts(debt(debtAmount="much"))
    ann, ben = (people.new("editor", scopes=["sensitive:read"]) for _ in range(2))
    first = ann.upload("debts", content, source=source)
    path = f"/uploads/{first['id']}/fixes"
    assert ben.http.post(path, content=b"_row\n").status_code == 404
    for _ in range(2):
        assert ben.send("debts", content, source=source).json()["duplicate"]
    assert ben.http.post(path, content=b"_row\n").status_code == 422
    api.withdraw(first["id"])
    assert ben.get(f"/uploads/{first['id']}")["state"] == "withdrawn"
    second = ben.upload("debts", content, source=source)
    assert second["id"] != first["id"]
    assert eventually(lambda: ann.http.get(f"/uploads/{second['id']}").status_code == 404 or None)
