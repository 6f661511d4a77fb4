"""`POST /tokens`, `POST /tokens/refresh`, `DELETE /tokens`: from a password to tokens, and to their end."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx

from tests.integration.people.conftest import PASSWORD, People
from tests.steps import Api, eventually


def refresh(api: Api, token: str) -> httpx.Response:
    return api.http.post("/tokens/refresh", json={"refresh_token": token})


def ends(client: Api) -> bool:
    """Whether a token is refused within the time that its user's standing is kept."""
    return bool(eventually(lambda: client.http.get("/datasets").status_code == 401 or None, timeout_s=10))


def try_as(api: Api, name: str, password: str, address: str = "") -> httpx.Response:
    body = {"name": name, "password": password}
    return api.http.post("/tokens", json=body, headers={"X-Forwarded-For": address} if address else {})


def test_a_login_opens_both_apis_by_bearer_and_by_token(people: People) -> None:
    tokens = people.log_in(people.add("editor"))
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 900, "")
    anonymous = people.client()
    for scheme in ("Bearer", "Token", "bearer"):
        shown = {"Authorization": f"{scheme} {tokens['access_token']}"}
        assert anonymous.http.get("/datasets", headers=shown).status_code == 200
        assert anonymous.http.post("/debts/uploads", content=b"", headers=shown).status_code == 422
    for wrong in ("", "Basic YTpi", "Bearer", f"Bearer {tokens['refresh_token']}", "Bearer é"):
        answer = anonymous.http.get("/datasets", headers=[(b"Authorization", wrong.encode())])
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="tablefold"'), wrong


def test_a_wrong_password_and_an_unknown_user_are_answered_alike(people: People, api: Api) -> None:
    name = people.add()
    known = try_as(api, name, "not the password of him")
    unknown = try_as(api, f"user-{uuid4().hex[:12]}", "not the password of him")
    assert known.status_code == unknown.status_code == 401
    assert known.json() == unknown.json()


def test_wrong_passwords_make_the_next_try_wait_and_lock_nobody_out(people: People, api: Api) -> None:
    name = people.add()
    answers = [try_as(api, name, "not the password of him", f"10.0.0.{turn}") for turn in range(8)]
    assert [one.status_code for one in answers[:5]] == [401] * 5
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60

    def let_in() -> bool | None:
        return try_as(api, name, PASSWORD).status_code == 200 or None

    assert eventually(let_in, timeout_s=30)
    assert try_as(api, name, "not the password of him").status_code == 401


def test_scopes_are_those_that_the_user_has(people: People, api: Api) -> None:
    with_scope, without = people.add(scopes=["sensitive:read"]), people.add()
    assert people.log_in(with_scope, scope="sensitive:read")["scope"] == "sensitive:read"
    asked = {"password": PASSWORD, "scope": "sensitive:read"}
    assert api.http.post("/tokens", json={"name": without, **asked}).status_code == 403
    assert api.http.post("/tokens", json={"name": with_scope, **asked, "scope": "all"}).status_code == 400


def test_a_refresh_token_is_another_one_after_each_use(people: People, api: Api) -> None:
    first = people.log_in(people.add())
    second = refresh(api, first["refresh_token"]).json()
    third = refresh(api, second["refresh_token"]).json()
    assert len({one["refresh_token"] for one in (first, second, third)}) == 3
    assert people.client(third["access_token"]).http.get("/datasets").status_code == 200


def test_refreshes_at_the_same_time_give_one_and_the_same_successor(people: People, api: Api) -> None:
    tokens = people.log_in(people.add())
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: refresh(api, tokens["refresh_token"]), range(16)))
    assert {one.status_code for one in answers} == {200}
    assert len({one.json()["refresh_token"] for one in answers}) == 1


def test_an_older_refresh_token_ends_the_session(people: People, api: Api) -> None:
    first = people.log_in(people.add())
    second = refresh(api, first["refresh_token"]).json()
    third = refresh(api, second["refresh_token"]).json()
    assert refresh(api, first["refresh_token"]).status_code == 401
    assert refresh(api, third["refresh_token"]).status_code == 401
    assert ends(people.client(third["access_token"]))


def test_log_out_ends_one_session_and_a_new_password_all_of_them(people: People, api: Api) -> None:
    name = people.add()
    one, other = (people.client(people.log_in(name)["access_token"]) for _ in range(2))
    assert one.http.delete("/tokens").status_code == 204
    assert ends(one)
    assert other.http.get("/datasets").status_code == 200
    new = {"current_password": PASSWORD, "password": "another four words here"}
    assert other.http.put(f"/users/{name}/password", json={**new, "current_password": "wrong"}).status_code == 401
    assert other.http.put(f"/users/{name}/password", json=new).status_code == 204
    assert ends(other)
    assert try_as(api, name, PASSWORD).status_code == 401
    assert people.log_in(name, new["password"])


def test_fifty_logins_at_once_are_answered_and_slow_other_calls_at_most_twofold(people: People, api: Api) -> None:
    names = [people.add() for _ in range(50)]
    reader = people.new()

    def read_s() -> float:
        begun = time.perf_counter()
        assert reader.http.get("/datasets/debts").status_code == 200
        return time.perf_counter() - begun

    def beside_logins() -> tuple[float, float]:
        """Medians of the reads alone and of those beside fifty logins, in one run."""
        alone_s = statistics.median(read_s() for _ in range(40))
        beside: list[float] = []
        with ThreadPoolExecutor(50) as pool:
            logins = [pool.submit(try_as, api, name, PASSWORD) for name in names]
            while not all(one.done() for one in logins):
                beside.append(read_s())
        statuses = [one.result().status_code for one in logins]
        assert set(statuses) <= {200, 429, 503}
        assert statuses.count(200) >= 25
        return alone_s, statistics.median(beside)

    runs = [beside_logins()]
    while runs[-1][1] > 2 * runs[-1][0] and len(runs) < 3:
        runs.append(beside_logins())  # Something else may have had the processor.
    assert runs[-1][1] <= 2 * runs[-1][0], runs
