"""The whole system on one machine: private servers and all services; every part of the flow at once."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.servers.nginx import Nginx
from cli.servers.postgres import Postgres
from cli.servers.processes import Process, stop_all
from cli.servers.rabbitmq import RabbitMQ
from cli.servers.servers import Servers
from cli.services import Service, health, migrate
from cli.variables import Variables
from command_api.adding import add_key, add_user
from shared.auth.callers import SCOPES, Scope
from shared.errors import Unavailable

__all__ = ["Servers", "Stack"]

READY_S = 60.0
NOTHING: Mapping[str, str] = {}


class Stack:
    """Servers, services and gateway of one data folder; a context manager.

    `settings` are TABLEFOLD_ variables. With TABLEFOLD_DATABASE_URL or TABLEFOLD_AMQP_URL among them, that real server
    is used and no private one started. All parts can be started, stopped, killed, paused and resumed one by one, by
    their names in `processes`: command-api, query-api, projector-1, projector-2, ...
    """

    def __init__(self, data: Path, port: int = 0, projectors: int = 2, settings: Mapping[str, str] = NOTHING) -> None:
        self.servers = Servers(
            data,
            port,
            with_postgres="TABLEFOLD_DATABASE_URL" not in settings,
            with_rabbitmq="TABLEFOLD_AMQP_URL" not in settings,
        )
        self.projectors = projectors
        self.processes: dict[str, Process] = {}
        self._settings = dict(settings)
        self._started = False

    @property
    def url(self) -> str:
        """The origin, without a slash at its end; there once started."""
        return self.servers.nginx.url

    @property
    def postgres(self) -> Postgres:
        """The private PostgreSQL."""
        return self.servers.postgres

    @property
    def rabbitmq(self) -> RabbitMQ:
        """The private RabbitMQ."""
        return self.servers.rabbitmq

    @property
    def gateway(self) -> Nginx:
        """The private nginx."""
        return self.servers.nginx

    @property
    def variables(self) -> Variables:
        """What each service gets; there once started."""
        return Variables(self.servers, self._settings)

    @property
    def environment(self) -> dict[str, str]:
        """Variables of whoever looks after it: as owner of the database, as administrator of the broker."""
        everything = self.variables.of("command_api")
        if "TABLEFOLD_DATABASE_URL" not in self._settings:
            everything["TABLEFOLD_DATABASE_URL"] = self.postgres.url
        if "TABLEFOLD_AMQP_URL" not in self._settings:
            everything["TABLEFOLD_AMQP_URL"] = self.rabbitmq.url
        return everything

    @property
    def signing(self) -> dict[str, str]:
        """The variable that the command API alone has: where the keys are that sign."""
        return self.variables.signing

    def key(self, name: str, password: str = "", *, scopes: tuple[Scope, ...] = SCOPES) -> str:
        """An API key, for a day, of an administrator who gets that password, or one that nobody knows."""
        url = self.environment["TABLEFOLD_DATABASE_URL"]
        asyncio.run(add_user(url, name, "administrator", password or secrets.token_urlsafe(24)))
        return asyncio.run(add_key(url, name, "this installation", scopes))

    def start(self) -> None:
        """Start everything and return when it answers; on an error nothing is left running.

        Raises BadSettings or Unavailable, each with what to do or the end of the log.
        """
        self.servers.launch()
        self._started = True  # Whatever waits for RabbitMQ waits it out.
        try:
            migrate(self.variables.migration)
            self.processes = {
                "command-api": self._api("command-api"),
                "query-api": self._api("query-api"),
            }
            self.processes |= {name: self._projector(name) for name in self._projector_names}
            everything = [*self.processes.values(), self.gateway]
            for process in everything:
                process.launch()
            for process in everything:
                process.wait()
            self.servers.wait()
            self.wait_for_projectors()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything in good order; no process is left."""
        if self._started:
            self._started = False
            try:
                stop_all([self.gateway, *self.processes.values()])
            finally:
                self.servers.stop()

    def scale(self, projectors: int) -> None:
        """Start or stop projectors until so many run, and return when the query API sees them."""
        self.projectors = projectors
        names = self._projector_names
        surplus = [n for n in self.processes if n.startswith("projector-") and n not in names]
        stop_all([self.processes.pop(name) for name in surplus])
        for name in names:
            self.processes.setdefault(name, self._projector(name)).launch()
        self.wait_for_projectors()

    def wait_for_projectors(self) -> None:
        """Return when the query API, asked through the gateway, sees all projectors; raises Unavailable after 60 s."""
        deadline = time.monotonic() + READY_S
        address = self.url.removeprefix("http://")
        while (seen := health(address)) is None or seen.projectors < self.projectors:
            if time.monotonic() > deadline:
                found = "nothing" if seen is None else f"{seen.projectors} projectors"
                raise Unavailable(
                    f"{self.url}/health said {found} instead of {self.projectors} projectors for {READY_S:g} s:"
                    f" see {self.servers.folder.logs}."
                )
            dead = [name for name in self._projector_names if not self.processes[name].is_running]
            for name in dead:
                self.processes[name].wait()  # Raises with the end of its log.
            time.sleep(0.05)

    def revive(self) -> list[str]:
        """Start again whatever has died by itself; answers the names, without waiting until they are ready."""
        parts: list[Process] = [*self.processes.values(), self.gateway]
        if "TABLEFOLD_DATABASE_URL" not in self._settings:
            parts.append(self.postgres)
        if "TABLEFOLD_AMQP_URL" not in self._settings:
            parts.append(self.rabbitmq)
        dead = [process for process in parts if not process.is_running]
        for process in dead:
            process.launch()
        return [process.name for process in dead]

    @property
    def _projector_names(self) -> list[str]:
        return [f"projector-{number}" for number in range(1, self.projectors + 1)]

    def _api(self, name: str) -> Service:
        listen = {
            "command-api": self.servers.command_api_at,
            "query-api": self.servers.query_api_at,
        }
        module = name.replace("-", "_")
        return Service(name, self.servers.folder, module, self.variables.of(module), listen[name])

    def _projector(self, name: str) -> Service:
        return Service(name, self.servers.folder, "projector", self.variables.of("projector"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
