"""The services as child processes; beside the flow, each one runs a part of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException

import msgspec

from cli.servers.folder import ROOT, DataFolder
from cli.servers.processes import Process
from shared.errors import Unavailable

MIGRATE_S = 120.0


PROJECTOR_MEMORY = {
    "POLARS_MAX_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:500,muzzy_decay_ms:0",
}
"""Projectors share the cores among processes, not threads, and give the memory of a chunk back once it is loaded."""


class Health(msgspec.Struct):
    """What `GET /health` of the query API says about the installation."""

    projectors: int = 0


class Service(Process):
    """`python -m MODULE` with settings in its environment; with `listen` (host:port), ready when /health says 200."""

    cwd = ROOT
    stop_s = 20.0

    def __init__(
        self,
        name: str,
        folder: DataFolder,
        module: str,
        settings: Mapping[str, str],
        listen: str = "",
    ) -> None:
        super().__init__(name, folder)
        self.listen = listen
        self._module = module
        self._settings = settings

    def command(self) -> list[str]:
        """The module under the Python that runs this."""
        return [sys.executable, "-m", self._module]

    def environment(self) -> dict[str, str]:
        """The caller's variables with these settings in place of all its TABLEFOLD_ ones."""
        listen = {"TABLEFOLD_LISTEN": self.listen} if self.listen else {}
        memory = PROJECTOR_MEMORY if self._module == "projector" else {}
        return environment_with({**self._settings, **listen, **memory})

    def is_ready(self) -> bool:
        """Whether it answers; a service that does not listen is ready when it runs."""
        return not self.listen or health(self.listen) is not None


def environment_with(settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, its TABLEFOLD_ variables replaced by these."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("TABLEFOLD_")}
    return {**outer, **settings}


def health(address: str, timeout_s: float = 2.0) -> Health | None:
    """What `GET /health` at host:port says; None when the answer is not 200."""
    connection = HTTPConnection(address, timeout=timeout_s)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
    if answer.status != 200:
        return None
    try:
        return msgspec.json.decode(body, type=Health)
    except msgspec.DecodeError:
        return Health()


def migrate(settings: Mapping[str, str]) -> None:
    """Bring the database's schema up to date; raises Unavailable with the reason."""
    done = subprocess.run(
        [sys.executable, "-m", "command_api", "migrate"],
        cwd=ROOT,
        env=environment_with(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MIGRATE_S,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"The database could not be migrated: {done.stderr.strip()}")
