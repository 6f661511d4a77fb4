"""HTTP clients that cost little beside what they measure; *HTTP* -> command.

A general client takes about a millisecond of processor time for a request, on the same two cores as everything else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import httptools


class Client(asyncio.Protocol):
    """One connection, one request at a time; it is kept for as long as the server keeps it, then made anew."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[int] | None = None
        self._parser = httptools.HttpResponseParser(self)

    async def put(self, path: str, body: bytes, token: str) -> int:
        """The status of the answer to a PUT of JSON; raises ConnectionError where the server goes away."""
        head = f"PUT {path} HTTP/1.1\r\nHost: tablefold\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {token}\r\n"
        return await self.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def send(self, request: bytes) -> int:
        """The status of the answer to a whole request; raises ConnectionError where the server goes away."""
        if self._transport is None:
            await asyncio.get_running_loop().create_connection(lambda: self, *self._address)
        if self._transport is None:
            raise ConnectionError("The connection was closed at once.")
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        """Let go of the connection."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError("The server closed the connection."))

    def on_message_complete(self) -> None:
        """Called by the parser."""
        status, keeps = self._parser.get_status_code(), self._parser.should_keep_alive()
        self._parser = httptools.HttpResponseParser(self)
        if not keeps:
            self.close()
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(status)


async def put_for(
    host: str, port: int, token: str, clients: int, requests: Iterator[tuple[str, bytes]], stop: asyncio.Event
) -> list[float]:
    """Send PUTs from so many clients until told to stop; the seconds of each. Raises ValueError unless all are 200."""

    async def put(client: Client) -> int:
        path, body = next(requests)
        return await client.put(path, body, token)

    return await _for((host, port), clients, put, 200, stop)


async def get_for(
    host: str, port: int, clients: int, requests: Iterator[bytes], expected: int, stop: asyncio.Event
) -> list[float]:
    """Send whole requests from so many clients until told to stop; the seconds of each.

    Raises ValueError unless all are answered with the expected status.
    """
    return await _for((host, port), clients, lambda client: client.send(next(requests)), expected, stop)


def get_request(path: str, **headers: str) -> bytes:
    """A GET as it is sent."""
    told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: tablefold\r\n{told}\r\n".encode()


async def _for(
    address: tuple[str, int],
    clients: int,
    ask: Callable[[Client], Awaitable[int]],
    expected: int,
    stop: asyncio.Event,
) -> list[float]:
    took_s: list[float] = []

    async def work(client: Client) -> None:
        while not stop.is_set():
            began = time.perf_counter()
            status = await ask(client)
            took_s.append(time.perf_counter() - began)
            if status != expected:
                raise ValueError(f"A request was answered with {status}, not {expected}.")

    connections = [Client(*address) for _ in range(clients)]
    try:
        await asyncio.gather(*(work(client) for client in connections))
    finally:
        for client in connections:
            client.close()
    return took_s
