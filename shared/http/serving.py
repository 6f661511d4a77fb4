"""Runs one ASGI application under uvicorn until SIGTERM; *HTTP* -> command or query."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable

import uvicorn
from litestar.types import ASGIApp

from shared.errors import BadSettings
from shared.logs import log_to_stdout

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 75
"""Longer than the gateway keeps an idle connection, so that it is never the one to find it closed."""

GRACE_S = 5
"""How long open requests may take once SIGTERM has come."""


class Server(uvicorn.Server):
    """Says `action=ready` on stdout once it listens; calls `ending` before it waits for open requests to end."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so with the address that really is."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # All that is loaded by now stays, and is not looked through while requests are under way.
        for server in self.servers:
            for bound in server.sockets:
                host, port = bound.getsockname()[:2]
                logger.info("action=ready listen=%s:%d", host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let streams end, then all that is open."""
        self._ending()
        await super().shutdown(sockets)


def read_address(listen: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[host]:port`; raises BadSettings."""
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise BadSettings(f"TABLEFOLD_LISTEN is {listen!r}; it should be an address and a port, as 127.0.0.1:8000.")
    return host.strip("[]"), int(port)


def serve(app: ASGIApp, listen: str, ending: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, give open requests a few seconds, run the lifespan's end and return.

    `ending` is called first: it lets those end that would not by themselves.
    """
    host, port = read_address(listen)
    log_to_stdout()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises them again when it is done: the process ends with 0
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(Server(config, ending).serve())
