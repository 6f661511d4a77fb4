"""`GET /events` and `GET /uploads/{id}/events`, over books that the tests write themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from cli.servers.postgres import Postgres
from command_api.privileges import QUERY_ROLE
from query_api.app import make_app
from query_api.happenings import FACTS
from query_api.listeners import MOST_OF_ONE
from query_api.missed import PAGE
from shared.auth.callers import SENSITIVE, Role
from shared.auth.keys import read_signing_key
from shared.auth.tokens import ALGORITHM, ISSUER, LEEWAY_S, QUERIES, TYPE
from shared.datasets.catalogue import Catalogue
from shared.settings import Settings
from tests.alone import as_role, served
from tests.integration.query.books import Books
from tests.signing import SESSION, USER, access_token, keys
from tests.steps import PLAIN_HTTP, bearer
from tests.streams import listening

pytestmark = pytest.mark.usefixtures("tables")

ANNS = uuid4()
HAPPEN = """
    WITH moved AS (
        UPDATE read.checkpoints SET position = position + 1 WHERE (dataset, generation) = (:dataset, 1)
        RETURNING position
    )
    UPDATE read.uploads SET {} WHERE id = :id
"""


class Play:
    """A dataset's uploads, and what happens to them, each with the position that it has in the log."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def receive(self, dataset: str = "debts", state: str = "loading", **said: Any) -> UUID:
        """An upload whose event is folded."""
        position = 1 + await self.position(dataset)
        upload = await self.books.upload(dataset, 5000 + position, state=state, received_position=position, **said)
        await self.books.fold(dataset, position)
        return upload

    async def position(self, dataset: str = "debts") -> int:
        wanted = "SELECT position FROM read.checkpoints WHERE (dataset, generation) = (:dataset, 1)"
        return int(await self.books.scalar(wanted, dataset=dataset))

    async def happen(self, upload: UUID, fact: str, dataset: str = "debts") -> None:
        """A fact about it, folded in one transaction with its checkpoint."""
        changes = f"state = '{fact}', {fact}_position = (SELECT position FROM moved)"
        await self.books.execute(HAPPEN.format(changes), dataset=dataset, id=upload)

    async def load(self, upload: UUID, chunks: int) -> None:
        await self.books.execute("UPDATE read.uploads SET chunks_done = :done WHERE id = :id", done=chunks, id=upload)


@pytest.fixture(scope="module")
async def tables(books: Books) -> None:
    for name in ("debts", "sales"):
        await books.create(name)
        await books.serve(name, position=1)


@pytest.fixture
def play(books: Books) -> Play:
    return Play(books)


@pytest.fixture(scope="module")
async def origin(settings: Settings, server: Postgres, catalogue: Catalogue) -> AsyncIterator[str]:
    """Where the query API listens in this process."""
    async with served(make_app(as_role(settings, server, QUERY_ROLE), catalogue)) as origin:
        yield origin


@pytest.fixture
async def api(origin: str) -> AsyncIterator[httpx.AsyncClient]:
    shown = bearer(access_token())
    async with httpx.AsyncClient(base_url=origin, headers=shown, trust_env=False, verify=PLAIN_HTTP) as client:
        yield client


async def test_a_stream_begins_with_what_is_now_and_goes_on_with_what_happens(origin: str, play: Play) -> None:
    under_way, over = await play.receive(chunks=4), await play.receive(state="published")
    async with listening(origin, token=access_token()) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert (stream.answer.headers["x-accel-buffering"], stream.answer.headers["cache-control"]) == (
            "no",
            "no-store",
        )
        await stream.event("lag", name="debts")
        assert (await stream.event("progress", id=str(under_way))).data["progress"]["chunks_done"] == 0
        assert str(over) not in {one.data.get("id") for one in stream.events}
        await play.load(under_way, 3)
        await stream.until(lambda it: [one for one in it.named("progress") if one.data["progress"]["chunks_done"] == 3])
        await play.happen(under_way, "published")
        published = await stream.event("published", id=str(under_way))
        assert published.id.startswith(f"debts:{await play.position()},")
        await play.happen(under_way, "withdrawn")
        await stream.event("withdrawn", id=str(under_way))
        await stream.event("lag", name="debts", position=await play.position())
    names = [one.name for one in stream.events if one.data.get("id") == str(under_way)]
    assert names == ["progress", "progress", "published", "withdrawn"]


async def test_the_data_is_what_the_get_answers(origin: str, api: httpx.AsyncClient, play: Play) -> None:
    preview = {"new": 1, "changed": 0, "unchanged": 0, "segments": [0], "whole_segments": [], "samples": {}}
    async with listening(origin, token=access_token()) as stream:
        upload = await play.receive(state="review", review=True, preview=preview, previewed_position=1)
        rebuild = await play.books.rebuild("debts")
        await play.books.build("debts", 7, rebuild, head=9, rows=10, rows_per_s=5.0, left_s=1.5)
        listed = (await api.get("/uploads", params={"state": "review"})).json()["results"]
        assert (await stream.event("received", id=str(upload))).data in listed
        async with listening(origin, f"/uploads/{upload}/events", access_token()) as single:
            await single.until(lambda it: it.events)
            assert single.events[0].data == (await api.get(f"/uploads/{upload}")).json()
        told = await stream.event("rebuild", id=str(rebuild), state="building")
        assert told.data == (await api.get("/datasets/debts/rebuilds")).json()["results"][0]
        lag = (await stream.event("lag", name="debts", position=await play.position())).data
        shown = (await api.get("/datasets/debts")).json()
        assert {**lag, "lag_s": 0} == {name: shown[name] for name in lag} | {"lag_s": 0}
    await play.books.execute("UPDATE read.generations SET state = 'verified', ended_at = now() WHERE generation = 7")


@pytest.mark.parametrize("how", ["last_id", "last_event_id"])
async def test_who_comes_back_has_missed_nothing_and_reads_nothing_twice(origin: str, play: Play, how: str) -> None:
    uploads = [await play.receive() for _ in range(3)]
    async with listening(origin, token=access_token()) as before:
        await play.happen(uploads[0], "published")
        await before.event("published", id=str(uploads[0]))
        await before.event("lag", name="debts", position=await play.position())
    await play.happen(uploads[1], "published")
    await play.happen(uploads[2], "failed")
    new = await play.receive("sales")
    await play.happen(new, "withdrawn", "sales")
    said: dict[str, Any] = {how: before.last_id} if how == "last_id" else {"params": {how: before.last_id}}
    async with listening(origin, token=access_token(), **said) as after:
        last = await play.receive()
        await after.event("received", id=str(last))
        await after.event("withdrawn", id=str(new))
    facts = [(one.name, one.data["id"]) for one in after.named(*FACTS) if one.data["dataset"] == "debts"]
    expected = [("published", uploads[1]), ("failed", uploads[2]), ("received", last)]
    assert facts == [(name, str(one)) for name, one in expected]
    assert [one.data["id"] for one in after.named(*FACTS) if one.data["dataset"] == "sales"] == [str(new)]


async def test_many_facts_that_were_missed_come_in_their_order_page_by_page(origin: str, play: Play) -> None:
    begin = await play.position("sales")
    for number in range(PAGE + 20):
        await play.books.upload("sales", 2000 + number, received_position=begin + 1 + number, state="published")
    await play.books.fold("sales", begin + PAGE + 20)
    async with listening(origin, "/events?dataset=sales", access_token(), f"sales:{begin}") as stream:
        await stream.until(lambda it: len(it.named("received")) == PAGE + 20)
        await stream.until(lambda it: it.named("lag"))
    assert [one.data["received_position"] for one in stream.named("received")] == list(
        range(begin + 1, begin + PAGE + 21)
    )
    middle = stream.named("received")[PAGE // 2]
    async with listening(origin, "/events?dataset=sales", access_token(), middle.id) as rest:
        await rest.until(lambda it: it.named("lag"))
    assert rest.named("received") == stream.named("received")[PAGE // 2 + 1 :]


async def test_one_upload_is_followed_from_where_one_was(origin: str, play: Play) -> None:
    upload, other = await play.receive(chunks=2), await play.receive()
    path = f"/uploads/{upload}/events"
    async with listening(origin, path, access_token()) as stream:
        await stream.event("received", id=str(upload))
        await play.load(upload, 1)
        await play.happen(other, "published")
        await play.happen(upload, "published")
        await stream.event("published", id=str(upload))
    assert {one.data["id"] for one in stream.events} == {str(upload)}
    async with listening(origin, path, access_token(), stream.last_id) as again:
        await play.happen(upload, "withdrawn")
        await again.event("withdrawn")
    assert [one.name for one in again.events] == ["withdrawn"]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/events?last_event_id=yesterday", "last_event_id"),
        ("/events?last_event_id=", "last_event_id"),
        ("/events?dataset=debt", "dataset"),
        ("/events?state=failed", "state"),
        ("/uploads/00000000-0000-4000-8000-000000000000/events?last_event_id=;;", "last_event_id"),
    ],
)
async def test_a_refusal_names_the_parameter(api: httpx.AsyncClient, path: str, parameter: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


async def test_an_id_that_is_none_and_an_upload_that_is_not_there_are_refused(api: httpx.AsyncClient) -> None:
    answer = await api.get("/events", headers={"Last-Event-ID": "x" * 5000})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "Last-Event-ID")
    answer = await api.get(f"/uploads/{uuid4()}/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (404, "1")
    assert (await api.get("/uploads/1/events")).status_code == 404


async def test_head_says_what_get_would_and_ends(api: httpx.AsyncClient) -> None:
    answer = await api.head("/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_everybody_is_told_what_he_may_see_and_no_more(origin: str, play: Play) -> None:
    ann, shown_to_ann = await play.books.somebody(Role.EDITOR)
    bo, shown_to_bo = await play.books.somebody(Role.VIEWER)
    _, shown_to_publisher = await play.books.somebody(Role.PUBLISHER, debts="none")
    _, shown_to_nobody = await play.books.somebody(Role.NONE)
    tokens = (shown_to_ann, shown_to_bo, shown_to_publisher, access_token())
    await play.books.execute(
        "INSERT INTO store.uploads (upload_id, dataset, actor) VALUES (:id, 'debts', :actor)", id=ANNS, actor=ann
    )
    await play.books.execute("INSERT INTO store.senders (actor, upload_id) VALUES (:actor, :id)", id=ANNS, actor=bo)
    async with (
        listening(origin, token=tokens[0]) as anns,
        listening(origin, token=tokens[1]) as bos,
        listening(origin, token=tokens[2]) as publishers,
        listening(origin, token=tokens[3]) as administrators,
    ):
        streams = (anns, bos, publishers, administrators)
        await play.receive(id=ANNS, actor=ann)
        of_bo, of_sales = await play.receive(actor=bo), await play.receive("sales", actor="somebody")
        for stream in streams:
            await stream.event("lag", name="sales", position=await play.position("sales"))
        for stream in (anns, bos, administrators):
            await stream.event("lag", name="debts", position=await play.position())
    seen = [{one.data["id"] for one in stream.named("received")} for stream in streams]
    assert seen == [{str(ANNS)}, {str(ANNS), str(of_bo)}, {str(of_sales)}, {str(ANNS), str(of_bo), str(of_sales)}]
    assert {one.data["name"] for one in publishers.named("lag")} == {"sales"}
    assert not [one for one in publishers.events if "debts" in one.id]
    async with httpx.AsyncClient(base_url=origin, headers=bearer(shown_to_nobody), verify=PLAIN_HTTP) as nobody:
        assert (await nobody.get("/events")).status_code == 403
        assert (await nobody.get(f"/uploads/{ANNS}/events")).status_code == 404
    async with httpx.AsyncClient(base_url=origin, headers=bearer(shown_to_ann), verify=PLAIN_HTTP) as other:
        assert (await other.get(f"/uploads/{of_bo}/events")).status_code == 404
    async with listening(origin, token=shown_to_ann, last_id="debts:1") as again:
        await again.until(lambda it: len(it.named("lag")) == 2)
    assert {one.data["id"] for one in again.named("received")} == {str(ANNS)}


async def test_sensitive_values_are_masked_or_their_reading_is_noted(origin: str, play: Play) -> None:
    _, blind = await play.books.somebody(Role.ADMINISTRATOR)
    seeing, seen = await play.books.somebody(Role.ADMINISTRATOR, SENSITIVE)
    samples: dict[str, Any] = {"new": [{"name": "Ann", "government_id": "123-45-4253"}], "changed": [], "unchanged": []}
    preview = {"new": 1, "changed": 0, "unchanged": 0, "segments": [0], "whole_segments": [], "samples": samples}
    upload = await play.receive(state="review", review=True, preview=preview, previewed_position=1)
    found = {}
    for token in (blind, seen):
        async with listening(origin, f"/uploads/{upload}/events", token) as stream:
            told = await stream.event("received", id=str(upload))
            found[token] = told.data["preview"]["samples"]["new"][0]["government_id"]
    assert found == {blind: "***-**-4253", seen: "123-45-4253"}
    noted = "SELECT array_agg(subject) FROM store.audit WHERE actor = :actor AND action = 'sensitive-read'"
    assert await play.books.scalar(noted, actor=seeing) == [f"GET /uploads/{upload}/events"]


async def test_a_user_who_is_disabled_or_logged_out_is_let_go_within_seconds(origin: str, play: Play) -> None:
    disabled, shown = await play.books.somebody(Role.ADMINISTRATOR)
    out, token = await play.books.somebody(Role.ADMINISTRATOR)
    async with listening(origin, token=shown) as one, listening(origin, token=token) as other:
        await other.until(lambda it: it.events)
        await play.books.execute("UPDATE store.users SET disabled_at = now() WHERE name = :name", name=disabled)
        revoked = (
            "UPDATE store.sessions SET revoked_at = now() FROM store.users AS u WHERE u.user_id = sessions.user_id"
        )
        await play.books.execute(f"{revoked} AND u.name = :name", name=out)
        for stream in (one, other):
            ended = await stream.event("end", within_s=8)
            assert (ended.data["status"], ended.data["type"]) == (401, "/problems/unauthenticated")
            await stream.until(lambda it: it.is_over)


async def test_a_token_that_expires_ends_its_stream_within_seconds(origin: str) -> None:
    kid, key = read_signing_key(str(keys() / "signing"))
    now = int(time.time())
    said = {"iss": ISSUER, "aud": [QUERIES], "sub": str(USER), "sid": str(SESSION), "jti": "1", "iat": now - 60}
    token = jwt.encode({**said, "exp": now + 1}, key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": kid})
    async with listening(origin, token=token) as stream:
        ended = await stream.event("end", within_s=LEEWAY_S + 5)
        assert ended.data["type"] == "/problems/unauthenticated"
        await stream.until(lambda it: it.is_over)


async def test_a_role_that_is_taken_away_shows_no_more(origin: str, play: Play) -> None:
    name, token = await play.books.somebody(Role.PUBLISHER)
    async with listening(origin, token=token) as stream, listening(origin, token=access_token()) as whole:
        first = await play.receive()
        await stream.event("received", id=str(first))
        await play.books.execute("UPDATE store.users SET role = 'viewer' WHERE name = :name", name=name)
        told, begun = True, time.monotonic()
        while told:  # A role that was taken away counts for some seconds.
            assert time.monotonic() - begun < 8
            another = await play.receive()
            await whole.event("received", id=str(another))
            await stream.event("lag", name="debts", position=await play.position())
            told = str(another) in {one.data["id"] for one in stream.named("received")}


async def test_a_user_listens_so_often_and_who_goes_frees_his_place_within_a_second(
    origin: str, api: httpx.AsyncClient, play: Play
) -> None:
    _, token = await play.books.somebody(Role.VIEWER)
    async with AsyncExitStack() as streams:
        for _ in range(MOST_OF_ONE):
            await streams.enter_async_context(listening(origin, token=token))
        refused = await api.get("/events", headers=bearer(token))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert refused.json()["type"] == "/problems/too-many-requests"
    left = time.monotonic()
    while not await taken(origin, token):
        assert time.monotonic() - left < 1


async def taken(origin: str, token: str) -> bool:
    """Whether somebody finds a place."""
    try:
        async with listening(origin, token=token) as stream:
            await stream.until(lambda it: it.events)
            return True
    except AssertionError:
        return False


SESSIONS = """
    SELECT count(*) FILTER (WHERE application_name = 'tablefold-wakeups'),
        count(*) FILTER (WHERE application_name LIKE 'tablefold-query-api%') FROM pg_stat_activity
    WHERE datname = current_database()
"""
MOST_OF_POOLS = 10 + 4
COMMITTED = """
    SELECT xact_commit + xact_rollback FROM pg_stat_database, (SELECT pg_stat_clear_snapshot()) AS fresh
    WHERE datname = current_database()
"""


async def statements(play: Play, seconds: float) -> int:
    """How many transactions there are in some time in which an upload is loaded."""
    upload = await play.receive(chunks=100)
    before = int(await play.books.scalar(COMMITTED))
    deadline, done = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        await play.load(upload, done := done + 1)
        await asyncio.sleep(0.1)
    found = int(await play.books.scalar(COMMITTED)) - before - done
    await play.happen(upload, "withdrawn")
    return found


async def test_two_hundred_listeners_cost_what_two_do(origin: str, play: Play) -> None:
    tokens = [(await play.books.somebody(Role.ADMINISTRATOR))[1] for _ in range(10)]
    async with listening(origin, token=tokens[0]), listening(origin, token=tokens[1]):
        of_two = await statements(play, 2)
    async with AsyncExitStack() as streams:
        entered = [
            await streams.enter_async_context(listening(origin, token=tokens[number % 10])) for number in range(220)
        ]
        of_many = await statements(play, 2)
        listening_connections, pooled = await play.books.row(SESSIONS)
        last = await play.receive()
        for stream in entered:
            await stream.event("received", id=str(last))
    assert listening_connections == 1
    assert pooled <= MOST_OF_POOLS
    assert of_many <= of_two * 1.3 + 10


async def test_who_does_not_read_harms_nobody(origin: str, play: Play) -> None:
    host, port = origin.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1)
    writer.write(f"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {access_token()}\r\n\r\n".encode())
    upload = await play.receive(chunks=100)
    with closing(writer):
        async with listening(origin, token=access_token()) as stream:
            for done in range(1, 7):
                await play.load(upload, done)
                took_s = await stream.until(
                    lambda it, done=done: [  # type: ignore[misc]
                        one for one in it.events if one.data.get("progress", {}).get("chunks_done") == done
                    ]
                )
                assert took_s < 3
