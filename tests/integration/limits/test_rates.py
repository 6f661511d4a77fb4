"""How often somebody may call: the numbers, the headers, and that all processes count together."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import httpx
import msgspec
import pytest
from sqlalchemy import text

from cli.servers.ports import free_port
from command_api.limits import LIMITS as COMMAND_LIMITS
from query_api.limits import LIMITS as QUERY_LIMITS
from shared.database import make_engine
from shared.settings import Settings
from shared.shares import SHARES, Limit, Shares
from tests.integration.limits.conftest import Apis

LISTS = ("/clients", "/transactions", "/clients/1/transactions")


def at_most(calls: int, seconds: int) -> str:
    return f"GET /clients={calls}/{seconds}"


def left_of(answer: httpx.Response, policy: str) -> tuple[int, int]:
    """`r` and `t` of a policy in the RateLimit header of an answer."""
    (said,) = [one for one in answer.headers["ratelimit"].split(", ") if one.startswith(f'"{policy}"')]
    left = dict(one.split("=") for one in said.split(";")[1:])
    return int(left["r"]), int(left["t"])


async def test_the_lists_of_people_and_their_money_are_answered_ten_times_a_minute(apis: Apis) -> None:
    client = await apis.queries()
    for path in LISTS:
        answers = [await client.get(path) for _ in range(12)]
        statuses = [one.status_code for one in answers]
        assert statuses[10:] == [429, 429], (path, statuses)
        assert 429 not in statuses[:10], (path, statuses)
        refused = answers[-1]
        assert refused.headers["content-type"] == "application/problem+json"
        assert (refused.json()["type"], refused.json()["status"]) == ("/problems/too-many-requests", 429)
        assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (await client.get("/sales")).status_code == 200


async def test_answers_say_what_the_limits_are_and_what_is_left(apis: Apis) -> None:
    client = await apis.queries()
    first, second = await client.get("/clients"), await client.get("/clients")
    assert first.headers["ratelimit-policy"] == '"address";q=60000;w=60, "GET /clients";q=10;w=60'
    assert (left_of(first, "GET /clients")[0], left_of(second, "GET /clients")[0]) == (9, 8)
    assert 1 <= left_of(second, "GET /clients")[1] <= 60
    other = await client.get("/datasets")
    assert other.headers["ratelimit-policy"] == '"address";q=60000;w=60, "user";q=30000;w=60'
    assert left_of(other, "user")[0] == 29_999
    assert "ratelimit" not in (await client.get("/health")).headers


async def test_all_processes_count_together_also_at_the_same_moment(apis: Apis) -> None:
    clients = [await apis.queries() for _ in range(3)]
    answers = await asyncio.gather(*(client.get("/clients") for client in clients * 8))
    assert Counter(one.status_code for one in answers) == {200: 10, 429: 14}


async def test_who_waits_as_long_as_he_is_told_may_call_again(apis: Apis) -> None:
    client = await apis.queries(rate_limits=at_most(2, 1))
    begun = time.monotonic()
    passed = 0
    while time.monotonic() - begun < 3.5:
        answer = await client.get("/clients")
        passed += answer.status_code == 200
        if answer.status_code == 429:
            assert answer.headers["retry-after"] == "1"
            await asyncio.sleep(0.05)
    assert 6 <= passed <= 8


async def test_each_user_and_each_address_has_calls_of_its_own(apis: Apis) -> None:
    client = await apis.queries(rate_limits="address=3/60")
    nobody = {"Authorization": ""}
    near = [await client.get("/sales", headers=nobody) for _ in range(4)]
    assert [one.status_code for one in near] == [401, 401, 401, 429]
    assert (await client.get("/sales")).status_code == 429
    forwarded = [f"1.2.3.{turn}, 2001:db8:1:2::{turn}" for turn in range(4)]
    answers = [await client.get("/sales", headers={"X-Forwarded-For": one}) for one in forwarded]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]


async def test_calls_go_on_uncounted_while_the_database_of_the_limits_is_away(apis: Apis) -> None:
    away = f"postgresql://tablefold@127.0.0.1:{free_port()}/tablefold"
    split = {"database_url": away, "read_database_url": apis.settings.database_url, "rate_limits": at_most(1, 60)}
    client = await apis.queries(**split)
    assert [(await client.get("/clients")).status_code for _ in range(3)] == [200] * 3


async def test_what_the_processes_let_through_is_at_most_the_limit_and_a_share_each(settings: Settings) -> None:
    limit = Limit(1_000, 60)
    engines = [make_engine(settings.database_url, name="tests", pool_size=2) for _ in range(3)]
    processes = [Shares(engine) for engine in engines]
    tries = [one.spend("user:ann", "user", limit) for one in processes for _ in range(500)]
    passed = sum(left.allowed for left in await asyncio.gather(*tries))
    assert limit.calls - 2 * limit.share <= passed <= limit.calls
    async with engines[0].connect() as connection:
        taken = await connection.scalar(text("SELECT cardinality(taken_at) FROM limits.shares"))
    assert taken == SHARES

    async def calls(process: Shares, subject: str, after_s: float) -> int:
        await asyncio.sleep(after_s)  # So that some come while a share is being committed.
        return sum([(await process.spend(subject, "user", Limit(10, 60))).allowed for _ in range(3)])

    for subject in ("ann", "ben", "cid", "dot", "eve"):
        small = [calls(one, subject, turn / 2000) for one in processes for turn in range(20)]
        assert sum(await asyncio.gather(*small)) == 10, subject
    for engine in engines:
        await engine.dispose()


@pytest.mark.parametrize("calls", [1, 10, 100, 101, 255, 30_000])
async def test_one_process_alone_lets_through_exactly_the_limit(settings: Settings, calls: int) -> None:
    engine = make_engine(settings.database_url, name="tests", pool_size=2)
    shares = Shares(engine)
    lefts = [await shares.spend("user:ann", f"{calls}", Limit(calls, 60)) for _ in range(calls + 1)]
    assert [one.allowed for one in lefts] == [True] * calls + [False]
    assert [one.calls for one in lefts] == [*range(calls - 1, -1, -1), 0]
    await engine.dispose()


async def test_every_limit_of_the_tables_is_one_of_a_route(apis: Apis) -> None:
    for table, start in ((QUERY_LIMITS, apis.queries), (COMMAND_LIMITS, apis.commands)):
        said = ", ".join(f"{name}={one.calls}/{one.window_s}" for name, one in table.items())
        await start(rate_limits=said)
    assert msgspec.structs.asdict(QUERY_LIMITS["GET /clients"]) == {"calls": 10, "window_s": 60}
