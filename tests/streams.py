"""Server-sent events as a client reads them: HTTP at the end of the flow."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx

from tests.steps import PLAIN_HTTP, bearer


class Event(NamedTuple):
    """One event; `data` is its JSON."""

    name: str
    data: Any
    id: str = ""


class Stream:
    """What arrives of one stream, in order."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.events: list[Event] = []
        self.comments = 0
        self.is_over = False
        self.last_id = ""
        self._arrived = asyncio.Event()

    async def read(self) -> None:
        """Read until the stream ends."""
        fields: dict[str, str] = {}
        async for line in self.answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments += 1
            elif line:
                fields[name] = value
            elif "data" in fields:
                self.events.append(Event(fields["event"], json.loads(fields["data"]), fields.get("id", "")))
                self.last_id = fields.get("id", self.last_id)
            if not line:
                fields = {}
            self._arrived.set()
        self.is_over = True
        self._arrived.set()

    def named(self, *names: str) -> list[Event]:
        """Those of these names that have arrived."""
        return [one for one in self.events if one.name in names]

    async def until(self, is_there: Callable[[Stream], object], within_s: float = 20) -> float:
        """Wait until something has arrived; how long that took, in seconds."""
        begun = time.monotonic()
        while not is_there(self):
            left_s = begun + within_s - time.monotonic()
            assert left_s > 0, f"not within {within_s} s: {[(one.name, one.id) for one in self.events]}"
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left_s)
            except TimeoutError:
                continue
        return time.monotonic() - begun

    async def event(self, name: str, /, within_s: float = 20, **members: Any) -> Event:
        """The first event of a name with these members, as soon as it has arrived."""

        def found() -> list[Event]:
            return [one for one in self.named(name) if members.items() <= one.data.items()]

        await self.until(lambda _: found(), within_s)
        return found()[0]


@asynccontextmanager
async def listening(
    origin: str, path: str = "/events", token: str = "", last_id: str | None = None, **said: Any
) -> AsyncIterator[Stream]:
    """A stream that is read beside the block, and left at its end."""
    headers = bearer(token) | ({} if last_id is None else {"Last-Event-ID": last_id}) | said.pop("headers", {})
    timeout = httpx.Timeout(10, read=60)
    async with (
        httpx.AsyncClient(
            base_url=origin, headers=headers, timeout=timeout, trust_env=False, verify=PLAIN_HTTP
        ) as client,
        client.stream("GET", path, **said) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        stream = Stream(answer)
        reading = asyncio.create_task(stream.read())
        try:
            yield stream
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
