"""`ETag` and `If-None-Match`: whoever has an answer already is told so, and never that an older one is still right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

import httpx
import pytest
from msgspec.structs import replace

from cli.servers.postgres import Postgres
from command_api.privileges import QUERY_ROLE
from query_api.app import make_app
from query_api.caching import Asked, tag_of
from query_api.moments import Moment
from shared.datasets.catalogue import Catalogue
from shared.selection.parameters import Query
from shared.settings import Settings
from tests.alone import as_role, client_of
from tests.integration.query.books import Books
from tests.integration.query.samples import account, consumer, debt, player, sale
from tests.integration.query.test_referring import client_of as person
from tests.signing import access_token
from tests.steps import bearer

pytestmark = pytest.mark.usefixtures("tables")

ANN = UUID(int=11)
EXACT = (
    "/sales",
    "/sales?limit=1",
    "/sales?sort=-order_id&count=none",
    "/sales?format=csv",
    "/sales/summary",
    "/sales/summary?group=country",
    "/accounts/rankings/highest-balances",
    f"/clients/{ANN}/transactions",
)


@pytest.fixture(scope="module")
async def tables(books: Books) -> None:
    for name in ("sales", "clients", "transactions", "accounts", "players", "debts"):
        await books.create(name)
        await books.serve(name, position=5)
    await books.insert("sales", [sale(number) for number in range(1, 4)])
    await books.insert("clients", [person(ANN, "ann")])
    await books.insert("accounts", [account(1, [consumer("John Doe", "1 Main St", "111-22-3333")])])
    await books.insert("players", [player(1)])


async def tag_at(client: httpx.AsyncClient, path: str, **headers: str) -> str:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["ETag"]


@pytest.mark.parametrize("path", EXACT)
async def test_an_answer_is_told_to_be_the_same_until_something_is_folded(
    client: httpx.AsyncClient, books: Books, path: str
) -> None:
    first = await client.get(path)
    assert first.status_code == 200, first.text
    known = {"If-None-Match": f'"other", {first.headers["ETag"]}'}
    again = await client.get(path, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    told = ("ETag", "Position", "Cache-Control", "Vary")
    assert [again.headers[name] for name in told] == [first.headers[name] for name in told]
    assert again.headers["Cache-Control"] == "private, no-cache"

    dataset = first.headers["Position"].partition(":")[0]
    position = int(first.headers["Position"].partition(",")[0].rpartition(":")[2]) + 1
    await books.fold(dataset, position)
    later = await client.get(path, headers=known)
    assert later.status_code == 200
    assert later.headers["ETag"] != first.headers["ETag"]
    assert later.headers["Position"].startswith(f"{dataset}:{position}")


@pytest.mark.parametrize("path", EXACT)
async def test_a_head_request_is_told_the_same(client: httpx.AsyncClient, path: str) -> None:
    if "format" in path:
        return
    assert (await client.head(path)).headers["ETag"] == await tag_at(client, path)


async def test_what_refers_to_a_record_changes_with_either_dataset(client: httpx.AsyncClient, books: Books) -> None:
    path = f"/clients/{ANN}/transactions"
    for name in ("clients", "transactions"):
        known = {"If-None-Match": await tag_at(client, path)}
        assert (await client.get(path, headers=known)).status_code == 304
        await books.execute(f"UPDATE read.checkpoints SET position = position + 1 WHERE dataset = '{name}'")
        assert (await client.get(path, headers=known)).status_code == 200


async def test_it_is_known_without_a_look_at_the_records(client: httpx.AsyncClient, books: Books) -> None:
    known = {"If-None-Match": await tag_at(client, "/sales")}
    async with books.locked("sales_1.segment_0"):
        assert (await client.get("/sales", headers=known)).status_code == 304


@pytest.mark.parametrize(
    "other", ["/sales?limit=7", "/sales?limit=50", "/sales?country=Chad", "/sales?fields=order_id", "/sales/summary"]
)
async def test_another_query_has_another_tag(client: httpx.AsyncClient, other: str) -> None:
    tag = await tag_at(client, "/sales")
    assert await tag_at(client, other) != tag
    assert (await client.get(other, headers={"If-None-Match": tag})).status_code == 200


async def test_a_file_has_another_tag_than_a_page_and_names_it_weakly(client: httpx.AsyncClient) -> None:
    page = await tag_at(client, "/sales")
    csv, lines = [await tag_at(client, "/sales", Accept=one) for one in ("text/csv", "application/x-ndjson")]
    assert len({page, csv, lines}) == 3
    assert csv.startswith('W/"')
    assert (await client.get("/sales", headers={"Accept": "text/csv", "If-None-Match": csv})).status_code == 304


async def test_another_generation_at_the_same_position_has_another_tag(client: httpx.AsyncClient, books: Books) -> None:
    await books.create("debts", 2)
    tags = set()
    for generation in (1, 2, 1):
        await books.serve("debts", generation, position=5)
        tags.add(await tag_at(client, "/debts"))
    assert len(tags) == 2


async def test_who_may_see_more_has_another_tag(client: httpx.AsyncClient) -> None:
    masked = bearer(access_token(scopes=()))
    for path in ("/accounts", "/accounts?limit=1", "/accounts/rankings/highest-balances"):
        clear, hidden = await tag_at(client, path), await tag_at(client, path, **masked)
        assert clear != hidden
        assert (await client.get(path, headers={**masked, "If-None-Match": clear})).status_code == 200


def test_another_declaration_at_the_same_moment_has_another_tag(catalogue: Catalogue) -> None:
    moment, query = Moment("sales", 1, 5), Query("/sales", (), {})
    tags = {tag_of(Asked(query, (catalogue[name],)).question(shown=True), [moment]) for name in ("sales", "debts")}
    assert len(tags) == 2


async def test_a_query_that_cannot_be_read_is_refused_whatever_is_known(client: httpx.AsyncClient) -> None:
    answer = await client.get("/sales?limit=0", headers={"If-None-Match": "*"})
    assert answer.status_code == 400


async def test_who_says_that_he_has_anything_is_told_so(client: httpx.AsyncClient) -> None:
    for path in ("/sales", "/uploads", "/players/1"):
        assert (await client.get(path, headers={"If-None-Match": "*"})).status_code == 304
    assert (await client.get("/players/77", headers={"If-None-Match": "*"})).status_code == 404


async def test_guesses_have_a_tag_of_their_own(client: httpx.AsyncClient, books: Books) -> None:
    path = "/players?count=estimated&limit=1"
    known = {"If-None-Match": await tag_at(client, path)}
    assert (await client.get(path, headers=known)).status_code == 304
    await books.insert("players", [player(number) for number in range(100, 300)])
    await books.execute("ANALYZE players_1.records")
    later = await client.get(path, headers=known)
    assert (later.status_code, later.headers["Position"]) == (200, "players:5")


async def test_an_upload_that_loads_is_new_with_each_of_its_chunks(client: httpx.AsyncClient, books: Books) -> None:
    upload_id = await books.upload("sales", 7, state="loading", chunks=2, chunks_done=0)
    for path in ("/uploads", f"/uploads/{upload_id}"):
        await books.execute("UPDATE read.uploads SET chunks_done = 0 WHERE id = :id", id=upload_id)
        known = {"If-None-Match": await tag_at(client, path)}
        same = await client.get(path, headers=known)
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", known["If-None-Match"])
        assert same.headers["Cache-Control"] == "private, no-cache"
        await books.execute("UPDATE read.uploads SET chunks_done = 1 WHERE id = :id", id=upload_id)
        assert (await client.get(path, headers=known)).status_code == 200


async def test_staged_rows_have_a_tag_of_their_own(client: httpx.AsyncClient, books: Books) -> None:
    path = "/debts?status=PENDING"
    known = {"If-None-Match": await tag_at(client, path)}
    assert (await client.get(path, headers=known)).status_code == 304
    await books.stage("debts", 9, [debt(900)])
    await books.upload("debts", 9, state="review", segment=9)
    later = await client.get(path, headers=known)
    assert (later.status_code, len(later.json()["results"])) == (200, 1)


@pytest.mark.parametrize("path", ["/health", "/players/77"])
async def test_what_must_not_be_kept_has_no_tag(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.fixture
async def keeper(settings: Settings, server: Postgres, catalogue: Catalogue) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API that keeps answers."""
    own = replace(as_role(settings, server, QUERY_ROLE), answers_bytes=2**20)
    async with client_of(make_app(own, catalogue)) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/accounts", "/accounts?sort=-balance&limit=1", "/accounts/rankings/highest-balances"]
)
async def test_what_is_often_asked_for_is_read_once_for_each_moment(
    keeper: httpx.AsyncClient, books: Books, path: str
) -> None:
    first = await keeper.get(path)
    async with books.locked("accounts_1.segment_0"):
        again = await keeper.get(path)
    assert (again.status_code, again.content) == (200, first.content)
    told = ("ETag", "Position", "Cache-Control", "Vary")
    assert [again.headers.get(name) for name in told] == [first.headers.get(name) for name in told]

    position = int(first.headers["Position"].partition(":")[2]) + 1
    key = 1000 + position
    await books.insert("accounts", [account(key, [], balance=Decimal(10**6 + position))])
    await books.fold("accounts", position)
    later = await keeper.get(path)
    assert later.headers["Position"] == f"accounts:{position}"
    assert str(UUID(int=key)) in later.text or path == "/accounts"
    assert later.content != first.content


async def test_what_is_kept_is_never_shown_to_who_may_not_see_it(keeper: httpx.AsyncClient) -> None:
    path, ssn = "/accounts?limit=1", "111-22-3333"
    masked = bearer(access_token(scopes=()))
    for _ in range(2):
        assert ssn in (await keeper.get(path)).text
        hidden = await keeper.get(path, headers=masked)
        assert ssn not in hidden.text
        assert "***-**-3333" in hidden.text
        shown = (await keeper.get(path)).headers["ETag"]
        assert (await keeper.get(path, headers={**masked, "If-None-Match": shown})).status_code == 200
