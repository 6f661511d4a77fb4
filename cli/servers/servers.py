"""PostgreSQL, RabbitMQ and nginx of one data folder, without the services; beside the flow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.servers.folder import DataFolder
from cli.servers.nginx import Nginx
from cli.servers.postgres import Postgres
from cli.servers.processes import stop_all
from cli.servers.rabbitmq import RabbitMQ


class Servers:
    """The private servers of a data folder; a context manager that starts PostgreSQL and RabbitMQ.

    `nginx` is there but not started: it makes sense once something listens behind it. A later start over the same
    folder continues with the same data, and with the same ports unless they have been taken meanwhile.
    """

    def __init__(self, data: Path, port: int = 0, *, with_postgres: bool = True, with_rabbitmq: bool = True) -> None:
        self.folder = DataFolder(data)
        self._port = port
        self._with_postgres = with_postgres
        self._with_rabbitmq = with_rabbitmq
        self._claimed = False

    def start(self) -> None:
        """Start what was asked for, as `launch`, and return when all is ready; on an error nothing is left running."""
        self.launch()
        with self._all_or_nothing():
            self.wait()

    def launch(self) -> None:
        """Claim the folder, start what was asked for and return when PostgreSQL is ready; RabbitMQ takes longer.

        On an error nothing is left running. Raises BadSettings when the folder or a port is in use or a program is
        missing, Unavailable when PostgreSQL does not get ready.
        """
        self.folder.claim()
        self._claimed = True
        with self._all_or_nothing():
            self._choose_ports()
            if self._with_rabbitmq:
                self.rabbitmq.launch()
            if self._with_postgres:
                self.postgres.start()

    def wait(self) -> None:
        """Return when RabbitMQ is ready; raises Unavailable when it does not get so: whoever launched it stops it."""
        if self._with_rabbitmq:
            self.rabbitmq.wait()

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the servers in good order and release the folder; no process is left."""
        if self._claimed:
            if hasattr(self, "nginx"):
                stop_all([self.nginx, self.rabbitmq, self.postgres])
            self.folder.release()
            self._claimed = False

    @property
    def database_url(self) -> str:
        """The database `tablefold` of the private PostgreSQL."""
        return self.postgres.url

    @property
    def amqp_url(self) -> str:
        """The private RabbitMQ."""
        return self.rabbitmq.url

    def create_database(self, name: str) -> str:
        """Create an empty database; answers its URL."""
        return self.postgres.create_database(name)

    def _choose_ports(self) -> None:
        port = self.folder.port
        self.command_api_at = f"127.0.0.1:{port('command-api')}"
        self.query_api_at = f"127.0.0.1:{port('query-api')}"
        self.postgres = Postgres(self.folder, port("postgres"))
        self.rabbitmq = RabbitMQ(self.folder, port("rabbitmq"), port("rabbitmq-dist"), port("epmd"))
        gateway = port("gateway", self._port)
        self.nginx = Nginx(self.folder, gateway, self.command_api_at, self.query_api_at)

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
