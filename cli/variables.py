"""Which TABLEFOLD_ variables each part of a private installation gets: its own role and user; beside the flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from cli.servers.postgres import Postgres
from cli.servers.rabbitmq import RabbitMQ
from cli.servers.secrets import BROKER_SECRETS, DATABASE_SECRETS
from cli.servers.servers import Servers

ROLES: Final = {
    "command_api": "tablefold_command",
    "projector": "tablefold_projector",
    "query_api": "tablefold_query",
}
"""The name of each service in PostgreSQL and, where it is known there, in RabbitMQ."""

ADMINISTRATOR: Final = "TABLEFOLD_ADMINISTRATOR"
"""How the variables of the first administrator begin, which the migration alone gets."""

SIGNING: Final = "TABLEFOLD_SIGNING_KEYS_FOLDER"
CURSORS: Final = "TABLEFOLD_CURSOR_KEY_FILE"


class Variables(msgspec.Struct, frozen=True):
    """Those of one installation. `given` stand in place of all others: a server that is named there is used by all."""

    servers: Servers
    given: Mapping[str, str]

    def of(self, service: str) -> dict[str, str]:
        """Those of a service, by the name of its module."""
        folder, role = self.servers.folder, ROLES[service]
        own = {
            "TABLEFOLD_BLOBS_URL": (folder.path / "blobs").as_uri(),
            "TABLEFOLD_PUBLIC_KEYS_FOLDER": str(folder.path / "public-keys"),
        }
        if "TABLEFOLD_DATABASE_URL" not in self.given:
            own |= for_database(self.servers.postgres, role)
        if "TABLEFOLD_AMQP_URL" not in self.given and role in BROKER_SECRETS:
            own |= for_broker(self.servers.rabbitmq, role)
        if service == "query_api" and "TABLEFOLD_CURSOR_KEY" not in self.given:
            own[CURSORS] = str(folder.secrets.file("cursor-key"))
        if service == "command_api":
            own |= self.signing
        unknown = (ADMINISTRATOR,) if service == "command_api" else (ADMINISTRATOR, SIGNING)
        return own | {name: value for name, value in self.given.items() if not name.startswith(unknown)}

    @property
    def signing(self) -> dict[str, str]:
        """Where the keys are that sign tokens: what the command API alone may know."""
        return {SIGNING: self.given.get(SIGNING, str(self.servers.folder.secrets.folder / "signing-keys"))}

    @property
    def migration(self) -> dict[str, str]:
        """Those of the migration, which owns the database and makes the roles."""
        private = {} if "TABLEFOLD_DATABASE_URL" in self.given else for_migration(self.servers.postgres)
        return {**self.of("command_api"), **private, **self.given}


def for_migration(postgres: Postgres) -> dict[str, str]:
    """Those that a migration of a private PostgreSQL needs."""
    secrets = postgres.folder.secrets
    passwords = {
        f"TABLEFOLD_{service.partition('_')[0].upper()}_DATABASE_PASSWORD_FILE": str(
            secrets.file(DATABASE_SECRETS[role])
        )
        for service, role in ROLES.items()
    }
    return {
        "TABLEFOLD_DATABASE_URL": f"postgresql://tablefold@127.0.0.1:{postgres.port}/tablefold",
        "TABLEFOLD_DATABASE_PASSWORD_FILE": str(secrets.file("postgres")),
        **passwords,
    }


def for_database(postgres: Postgres, role: str) -> dict[str, str]:
    """How a service reaches the database as its own role, whose password it reads from a file."""
    return {
        "TABLEFOLD_DATABASE_URL": f"postgresql://{role}@127.0.0.1:{postgres.port}/tablefold",
        "TABLEFOLD_DATABASE_PASSWORD_FILE": str(postgres.folder.secrets.file(DATABASE_SECRETS[role])),
    }


def for_broker(rabbitmq: RabbitMQ, user: str) -> dict[str, str]:
    """How a service reaches the broker as its own user, whose password it reads from a file."""
    return {
        "TABLEFOLD_AMQP_URL": f"amqp://{user}@127.0.0.1:{rabbitmq.port}/%2F?heartbeat=5",
        "TABLEFOLD_AMQP_PASSWORD_FILE": str(rabbitmq.folder.secrets.file(BROKER_SECRETS[user])),
    }
