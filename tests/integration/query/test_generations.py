"""What is served of which generation: as of a name, and by the declaration that made it, also across a flip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import msgspec
import pytest

from query_api.app import make_app
from shared.datasets.catalogue import Catalogue
from shared.datasets.stored import encode_declaration
from shared.http.redeclaring import Redeclaring
from shared.settings import Settings
from tests.integration.query.books import Books
from tests.signing import access_token
from tests.steps import bearer


@pytest.fixture(scope="module", autouse=True)
async def generations(books: Books, catalogue: Catalogue) -> None:
    """Players as they are, as they were under a name, and as they will be by another declaration."""
    without_team = msgspec.structs.replace(
        catalogue["players"], fields=tuple(one for one in catalogue["players"].fields if one.name != "team")
    )
    made = (("live", without_team), ("ready", without_team), ("building", catalogue["players"]))
    for number, (state, dataset) in enumerate(made, 1):
        await books.create("players", number)
        await books.upload("players", 1, number, source="north")
        rows = [{"number": one, "nick": f"g{number}"} for one in range(number)]
        await books.insert("players", rows, upload=1, generation=number)
        await books.execute(
            """
            INSERT INTO read.generations (dataset, generation, state, purpose, name, fingerprint, declaration)
            VALUES ('players', :number, :state, 'first', :name, :fingerprint, CAST(:declaration AS json))
            """,
            number=number,
            state=state,
            name="march" if state == "ready" else None,
            fingerprint=dataset.fingerprint,
            declaration=encode_declaration(dataset),
        )
        await books.fold("players", 10 * number, number)
    await books.serve("players", 1, 10)


@pytest.fixture(scope="module")
async def client(settings: Settings, catalogue: Catalogue) -> AsyncIterator[httpx.AsyncClient]:
    """Of a service that was started with the newer declaration."""
    app = Redeclaring(lambda served: make_app(settings, served, catalogue), catalogue, settings.database_url, "tests")
    say, said = asyncio.Queue[Any](), asyncio.Queue[Any]()
    living = asyncio.create_task(app(cast(Any, {"type": "lifespan"}), say.get, said.put))
    await say.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    transport, shown = httpx.ASGITransport(cast(Any, app)), bearer(access_token())
    async with httpx.AsyncClient(transport=transport, base_url="http://tablefold", headers=shown) as client:
        yield client
    await say.put({"type": "lifespan.shutdown"})
    await living


async def test_a_name_reads_a_generation_of_its_own(client: httpx.AsyncClient) -> None:
    now, then = await client.get("/players"), await client.get("/players?as_of=march&source=north")
    assert [one["nick"] for one in now.json()["results"]] == ["g1"]
    assert [one["nick"] for one in then.json()["results"]] == ["g2", "g2"]
    assert (now.headers["Position"], then.headers["Position"]) == ("players:10", "players:20")
    assert (await client.get("/players/1?as_of=march")).json()["nick"] == "g2"
    assert (await client.get("/players/1")).status_code == 404
    assert (await client.get("/players/1/history?as_of=march")).json()["state"] == "live"
    assert (await client.get("/players/summary?as_of=march")).json()["total"]["count"] == 2
    csv = await client.get("/players?as_of=march&format=csv&fields=nick")
    assert csv.text.split() == ["nick", "g2", "g2"]


@pytest.mark.parametrize("path", ["/players?as_of=april", "/players/1?as_of=april", "/players/summary?as_of=april"])
async def test_a_name_that_is_none_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "/datasets/players/rebuilds" in answer.json()["detail"]


async def test_another_declaration_is_served_from_the_flip_on_without_an_error(
    client: httpx.AsyncClient, books: Books
) -> None:
    before = (await client.get("/players/0")).json()
    declared = (await client.get("/datasets/players")).json()["declaration"]
    assert "team" not in before
    assert declared["changed"]
    assert (await client.get("/players?team=Red")).status_code == 400

    await books.execute("UPDATE read.datasets SET generation = 3 WHERE dataset = 'players'")
    answers = await asyncio.gather(*(client.get("/players/2") for _ in range(8)), client.get("/players"))

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["nick"] for answer in answers[:-1]} == {"g3"}
    assert answers[0].json()["team"] is None
    assert "redeclared" not in answers[0].headers
    assert (await client.get("/players?team=Red")).status_code == 200
    assert not (await client.get("/datasets/players")).json()["declaration"]["changed"]
    made_before = await client.get("/players?as_of=march")
    assert made_before.status_code == 409
