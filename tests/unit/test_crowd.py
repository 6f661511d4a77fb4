"""How many requests a process has in work, of all callers and of one address."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx

from shared.http.crowd import with_crowd_bound


class Slow:
    """An application whose requests end when they are told to."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.inside = 0

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.inside += 1
        await self.may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


async def test_requests_above_the_bounds_are_503_and_health_is_never_kept_out() -> None:
    slow = Slow()
    app = with_crowd_bound(slow, most=3, most_of_one=2)
    transport = httpx.ASGITransport(cast(Any, app))

    async with httpx.AsyncClient(transport=transport, base_url="http://tablefold") as client:

        def ask(address: str, path: str = "/debts") -> asyncio.Task[httpx.Response]:
            return asyncio.create_task(client.get(path, headers={"X-Forwarded-For": address}))

        first = [ask("10.0.0.1") for _ in range(3)]
        (refused,), going = await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        other = ask("10.0.0.2")
        full = await ask("10.0.0.3")
        health = ask("10.0.0.3", "/health")
        for answer in (refused.result(), full):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["type"] == "/problems/unavailable"
        slow.may_end.set()
        assert [(await one).status_code for one in (*going, other, health)] == [200] * 4
        assert (await ask("10.0.0.1")).status_code == 200
        assert slow.inside == 5
