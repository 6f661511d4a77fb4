"""The secrets of an installation: one file each, made at random when it is first asked for; beside the flow."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Final

DATABASE_SECRETS: Final = {
    "tablefold_command": "postgres-command",
    "tablefold_projector": "postgres-projector",
    "tablefold_query": "postgres-query",
}
"""The file with the password of each role in PostgreSQL that a service has; that of the owner is in `postgres`."""

BROKER_SECRETS: Final = {
    "tablefold": "rabbitmq",
    "tablefold_command": "rabbitmq-command",
    "tablefold_projector": "rabbitmq-projector",
}
"""The file with the password of each user in RabbitMQ; `tablefold` is for people, who administer it."""

ADMINISTRATOR: Final = "tablefold"
USERS_FILE: Final = "rabbitmq-users.json"
IN_CONTAINERS: Final = ("postgres", *DATABASE_SECRETS.values(), *BROKER_SECRETS.values(), "cursor-key", "administrator")


class Secrets:
    """A folder of secrets that only its owner may enter; `mode` is that of its files."""

    def __init__(self, folder: Path, mode: int = 0o600) -> None:
        self.folder = folder
        self._mode = mode

    def file(self, name: str) -> Path:
        """The file of a secret: 32 random hexadecimal digits, made once for the life of the folder."""
        file = self.folder / name
        if not file.exists():
            self.write(name, secrets.token_hex(16))
        return file

    def secret(self, name: str) -> str:
        """The same digits."""
        return self.file(name).read_text()

    def write(self, name: str, content: str) -> None:
        """Put a file in place as a whole."""
        fresh = self.folder / f"{name}.new"
        fresh.touch(mode=0o600)
        fresh.write_text(content)
        fresh.chmod(self._mode)
        fresh.rename(self.folder / name)

    def users(self) -> list[dict[str, object]]:
        """The users of RabbitMQ as definitions have them."""
        tags = {ADMINISTRATOR: "administrator"}
        return [
            {"name": name, "password": self.secret(file), "tags": tags.get(name, ""), "limits": {}}
            for name, file in BROKER_SECRETS.items()
        ]


def make_for_containers(folder: Path) -> None:
    """Make every secret that docker-compose.yml names, where it is missing.

    Only the owner may enter the folder. In a container, where the files are mounted one by one, every user may read
    them: those who run there are others than the owner.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = Secrets(folder, mode=0o644)
    for name in IN_CONTAINERS:
        made.file(name)
    made.write(USERS_FILE, json.dumps({"users": made.users()}, indent=2))
