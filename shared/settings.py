"""The environment, read once at the start of a process into one frozen struct; beside the flow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from shared.errors import BadSettings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every field is the variable `TABLEFOLD_<NAME>`, or `TABLEFOLD_<NAME>_FILE`, a file that holds the value."""

    database_url: str
    """PostgreSQL with the event store and the read tables, e.g. postgresql://tablefold@127.0.0.1:5432/tablefold."""
    read_database_url: str = ""
    """Where the query API reads; empty means `database_url`."""
    amqp_url: str
    """RabbitMQ, e.g. amqp://tablefold:secret@127.0.0.1:5672/tablefold?heartbeat=5."""
    blobs_url: str
    """Where received files lie, e.g. file:///var/lib/tablefold/blobs."""
    listen: str = "127.0.0.1:8000"
    """Address and port on which an API listens."""
    datasets_folder: str = ""
    """A folder with further dataset declarations; empty means only those that ship."""
    cursor_key: str = ""
    """What the query API signs cursors with, 32 characters or more; the same in all its processes, required there."""
    public_keys_folder: str = ""
    """A folder with the public keys of access tokens, KID.pem; every API needs it."""
    signing_keys_folder: str = ""
    """A folder with the private keys of access tokens, KID.pem; the command API alone has it."""
    open_registration: bool = False
    """Whether everybody may make a user for himself, who may then read."""
    cors_origins: str = ""
    """Web pages that may call the APIs: their origins, with commas between them, e.g. https://desk.example.org."""
    max_upload_bytes: int = 4 * 1024**3
    """A longer file is refused while it is being received or inflated."""
    max_inflation: int = 100
    """A compressed file that grows beyond 16 MiB and so many times its size is refused."""
    unpack_memory_bytes: int = 1024**3
    """What opening one workbook or ZIP archive may take of memory; two are opened at the same time."""
    unpack_s: float = 120.0
    """How long opening one workbook or ZIP archive may take, and how much processor time."""
    chunk_bytes: int = 4 * 1024**2
    """Size at which a file is cut, at the next record boundary, into loads."""
    small_upload_rows: int = 10_000
    """An upload of at most so many rows goes into the open segment instead of one of its own."""
    lease_s: float = 10.0
    """How long a lease of a lane or the relay lives without being renewed; its owner renews at a third of it."""
    loaders: int = 2
    """How many chunks one projector loads at the same time."""

    @property
    def reads_from(self) -> str:
        """The database URL of the query API."""
        return self.read_database_url or self.database_url


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read `TABLEFOLD_*`; raises BadSettings that names the variable."""
    values: dict[str, str] = {}
    for field in msgspec.structs.fields(Settings):
        name = f"TABLEFOLD_{field.name.upper()}"
        if f"{name}_FILE" in environment:
            values[field.name] = Path(environment[f"{name}_FILE"]).read_text().strip()
        elif name in environment:
            values[field.name] = environment[name]
        elif field.required:
            raise BadSettings(f"{name} is not set; `./tablefold up` sets it for a private installation.")
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise BadSettings(f"A TABLEFOLD_ variable cannot be read: {error}.") from error
