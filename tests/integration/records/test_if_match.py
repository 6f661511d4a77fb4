"""`If-Match`: a change that is meant for one version is not applied to another."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.integration.records.debts import added, debt, read
from tests.steps import PLAIN_HTTP, Api, bearer


def test_of_sixteen_rivals_with_one_version_one_wins_and_the_others_get_the_record_as_it_is(api: Api) -> None:
    body = debt()
    version = added(api, "debts", body)
    path = f"/debts/{body['debt_id']}"

    async def all_at_once() -> list[httpx.Response]:
        headers = {"If-Match": f'"{version}"', "Prefer": "wait=10"}
        shown = bearer(api.token)
        async with httpx.AsyncClient(
            base_url=api.url, headers=shown, trust_env=False, timeout=30, verify=PLAIN_HTTP
        ) as client:
            rivals = (client.put(path, json={"name": f"Rival {n}"}, headers=headers) for n in range(16))
            return await asyncio.gather(*rivals)

    answers = asyncio.run(all_at_once())
    (winner,) = (answer for answer in answers if answer.status_code == 200)
    losers = [answer for answer in answers if answer.status_code == 412]
    assert len(losers) == 15
    won = winner.json()
    assert read(api, winner, path).json()["name"] == won["record"]["name"]
    for loser in losers:
        told = loser.json()
        assert (told["current"], told["version"]) == (won["record"], won["version"])
        assert loser.headers["Position"].startswith("debts:")


@pytest.mark.parametrize("tags", ['"{}"', '"1", "{}"', 'W/"1","{}", "x"', "*", ', "{}" ,,"7",'])
def test_a_list_with_the_version_fits(api: Api, tags: str) -> None:
    body = debt()
    version = added(api, "debts", body)
    headers = {"If-Match": tags.format(version)}
    answer = api.http.put(f"/debts/{body['debt_id']}", json={"name": "x"}, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("tags", ['W/"{}"', '"x"', '""', '"0{}"', '"{}0"', '" {}"', '"x,y", W/"{}"', '"{}W/"'])
def test_a_list_without_the_version_as_a_strong_tag_does_not_fit(api: Api, tags: str) -> None:
    body = debt()
    version = added(api, "debts", body)
    headers = {"If-Match": tags.format(version)}
    answer = api.http.put(f"/debts/{body['debt_id']}", json={"name": "x"}, headers=headers)
    assert answer.status_code in (400, 412), answer.text
    if tags != '" {}"':
        assert answer.json()["version"] == version


@pytest.mark.parametrize("tags", ["", "57", '"57', "w/57", '"57" "58"', '*, "57"', '"57";', "," + " ," * 2000])
def test_what_is_no_list_of_tags_is_refused(api: Api, tags: str) -> None:
    answer = api.http.put(f"/debts/{debt()['debt_id']}", json={"name": "x"}, headers={"If-Match": tags})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "If-Match")
