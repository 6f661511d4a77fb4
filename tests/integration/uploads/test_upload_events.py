"""`GET /events` and `GET /uploads/{id}/events` of a running Tablefold, through the gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from cli.stack import Stack
from shared.http.serving import GRACE_S
from tests.files import debt, debts
from tests.steps import Api
from tests.streams import Stream, listening

TEAMS = b"team_name,manager_name,manager_phone_number\nReds,Ann Roe,(212) 555-0123\n"
FACTS = ("received", "published", "failed", "withdrawn")


@pytest.fixture
def queries(stack: Stack) -> Iterator[Stack]:
    """The stack, of which a test may end the query API."""
    yield stack
    stack.revive()
    stack.processes["query-api"].wait()


def send(api: Api, rows: int, **wishes: str) -> str:
    """The id of a new upload, and nothing is waited for."""
    answer = api.send("debts", debts(*(debt() for _ in range(rows))), **wishes)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def facts(stream: Stream, uploads: list[str]) -> list[tuple[str, str]]:
    """What happened to these uploads, in the order in which it was told."""
    return [(one.name, one.data["id"]) for one in stream.named(*FACTS) if one.data["id"] in uploads]


async def test_an_upload_is_followed_from_its_first_chunk_to_its_end(api: Api, source: str) -> None:
    answer = await asyncio.to_thread(api.send, "debts", debts(*(debt() for _ in range(5000))), source=source)
    upload, position = answer.json()["id"], answer.headers["Position"]
    async with listening(api.url, f"/uploads/{upload}/events", api.token, headers={"Read-After": position}) as stream:
        published = await stream.event("published", within_s=60)
        assert published.data == await asyncio.to_thread(api.get, f"/uploads/{upload}")
        await asyncio.to_thread(api.withdraw, upload)
        await stream.event("withdrawn")
    assert {one.data["id"] for one in stream.events} == {upload}
    done = [one.data["progress"]["chunks_done"] for one in stream.events]
    assert done == sorted(done)
    assert done[-1] > 1


async def test_one_stream_tells_of_all_that_happens(api: Api, source: str) -> None:
    async with listening(api.url, token=api.token) as stream:
        good = await asyncio.to_thread(send, api, 3, source=source)
        aborted = debts(debt(), debt(debtAmount="x"))
        bad = (await asyncio.to_thread(api.send, "debts", aborted, source=source, on_error="abort")).json()["id"]
        waiting = await asyncio.to_thread(send, api, 2, source=source, review="true")
        await stream.event("published", id=good)
        assert (await stream.event("failed", id=bad)).data["failure"]
        await stream.until(lambda it: [one for one in it.events if one.data.get("state") == "review"])
        await asyncio.to_thread(api.withdraw, waiting)
        withdrawn = await stream.event("withdrawn", id=waiting)
        position = max(one.data["position"] for one in stream.named("lag") if one.data["name"] == "debts")
        await stream.until(lambda it: it.named("lag")[-1].data["lag_events"] == 0)
        assert int(withdrawn.id.partition("debts:")[2].split(",")[0]) >= position - 1


async def test_nothing_is_lost_and_nothing_told_twice_when_the_query_api_starts_anew(
    api: Api, queries: Stack, source: str
) -> None:
    told: list[tuple[str, str]] = []
    uploads: list[str] = []
    last_id: str | None = None
    for _ in range(3):
        async with listening(api.url, token=api.token, last_id=last_id) as stream:
            await stream.until(lambda it: it.named("lag"))
            uploads.append(await asyncio.to_thread(send, api, 3, source=source))
            await stream.until(lambda it: facts(it, uploads[-1:]))
            process = queries.processes["query-api"]
            begun = time.monotonic()
            await asyncio.to_thread(process.stop)
            assert time.monotonic() - begun < GRACE_S  # Streams are ended, not waited for.
            ended = await stream.event("end", within_s=1)
            assert ended.data["type"] == "/problems/unavailable"
            await stream.until(lambda it: it.is_over)
            last_id = stream.last_id
            uploads.append(await asyncio.to_thread(send, api, 2, source=source))
            await asyncio.to_thread(process.start)
        told += facts(stream, uploads)
    for upload in uploads:
        await asyncio.to_thread(api.follow, upload)
    async with listening(api.url, token=api.token, last_id=last_id) as stream:
        await stream.until(lambda it: len([one for one in told + facts(it, uploads) if one[0] == "published"]) == 6)
        told += facts(stream, uploads)
    assert len(told) == len(set(told))
    assert {one for one in told if one[0] == "published"} == {("published", upload) for upload in uploads}


async def test_a_rebuild_is_told_from_its_request_to_its_outcome(api: Api, source: str) -> None:
    """Of teams, which have few files here: how long it takes is not looked at."""
    await asyncio.to_thread(api.upload, "teams", TEAMS, source=source)
    async with listening(api.url, "/events?dataset=teams", api.token) as stream:
        await stream.until(lambda it: it.named("lag"))
        answer = await asyncio.to_thread(api.http.post, "/datasets/teams/rebuilds", json={"purpose": "verify"})
        assert answer.status_code == 202
        verified = await stream.event("rebuild", within_s=60, id=answer.json()["id"], state="verified")
        assert verified.data["compared"]["equal"] is True
        told = [one for one in stream.named("rebuild") if one.data["id"] == answer.json()["id"]]
        assert [one.data["state"] for one in told][-1:] == ["verified"]
        last_id = told[0].id if told[0].data["state"] != "verified" else stream.last_id
    async with listening(api.url, "/events?dataset=teams", api.token, last_id) as again:
        await again.until(lambda it: it.named("lag"))
        await again.until(lambda it: len(it.named("rebuild")) == (1 if last_id == told[0].id else 0))


async def test_the_clocks_of_streams_go_on_through_the_gateway(api: Api) -> None:
    async with listening(api.url, token=api.token) as stream:
        assert await stream.until(lambda it: it.comments, within_s=25) < 25


async def test_two_hundred_listen_through_the_gateway_and_hear_it_at_once(api: Api, stack: Stack, source: str) -> None:
    names = [f"listener-{number}-{source[-12:]}" for number in range(5)]
    tokens = await asyncio.gather(*(asyncio.to_thread(stack.key, name) for name in names))
    async with AsyncExitStack() as streams:
        entered = [
            await streams.enter_async_context(listening(api.url, token=tokens[number % 5])) for number in range(210)
        ]
        upload = await asyncio.to_thread(send, api, 3, source=source)
        began = time.monotonic()
        for one in entered:
            await one.event("published", id=upload)
        assert time.monotonic() - began < 10
