"""The environment, read once at the start of a process into one frozen struct; beside the flow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from shared.errors import BadSettings
from shared.secrets import refuse_examples, with_password


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every field is the variable `TABLEFOLD_<NAME>`, or `TABLEFOLD_<NAME>_FILE`, a file that holds the value."""

    database_url: str
    """PostgreSQL with the event store and the read tables, e.g. postgresql://tablefold@127.0.0.1:5432/tablefold."""
    database_password: str = ""
    """The password of the URLs of databases that name a user and no password."""
    read_database_url: str = ""
    """Where the query API reads; empty means `database_url`."""
    command_database_password: str = ""
    """What the migration gives the role `tablefold_command` as its password; empty leaves the role as it is."""
    projector_database_password: str = ""
    """The same for `tablefold_projector`."""
    query_database_password: str = ""
    """The same for `tablefold_query`."""
    amqp_url: str = ""
    """RabbitMQ, e.g. amqp://tablefold_command@127.0.0.1:5672/%2F?heartbeat=5; the query API needs none."""
    amqp_password: str = ""
    """The password of `amqp_url` where that names a user and no password."""
    blobs_url: str = ""
    """Where received files lie, e.g. file:///var/lib/tablefold/blobs; a migration needs none."""
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
    administrator: str = ""
    """The first administrator, whom `migrate` makes where there is none."""
    administrator_password: str = ""
    """His password, from a file that `migrate` alone can read: TABLEFOLD_ADMINISTRATOR_PASSWORD_FILE."""
    open_registration: bool = False
    """Whether everybody may make a user for himself, who may then read."""
    cors_origins: str = ""
    """Web pages that may call the APIs: their origins, with commas between them, e.g. https://desk.example.org."""
    rate_limits: str = ""
    """Limits in place of the usual ones, e.g. GET /clients=10/60, user=6000/60 (calls/seconds); * means all."""
    upload_bytes_per_day: int = 64 * 1024**3
    """How many bytes a user may send in files in a day of UTC, where his own quota says nothing else."""
    query_timeout_s: float = 5.0
    """How long PostgreSQL may work on one statement of a query; exports have an hour."""
    answers_bytes: int = 16 * 1024**2
    """How much memory each process of the query API keeps rankings and first pages in; 0 keeps none."""
    command_timeout_s: float = 30.0
    """How long PostgreSQL may work on one statement of a command, and a command wait for others in it."""
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
    build_loads: int = 16
    """How many chunks of a rebuild may be given out to projectors at the same time; at least 1."""
    build_loads_while_read: int = 1
    """The same while somebody reads records, so that he does not notice; from 1 to `build_loads`."""
    verify_share: float = 0.5
    """Which part of its time a verification works; it rests for the others. More than 0, at most 1."""
    segments: int = 16
    """How many segments a dataset may have beside the open one, before small ones are merged; at least 1."""
    merged_s: float = 60.0
    """How long the tables of merged segments are kept, for those who began to read before."""
    retired_s: float = 86400.0
    """How long the tables that a rebuild has replaced are kept, so that they can be served again."""

    @property
    def reads_from(self) -> str:
        """The database URL of the query API."""
        return self.read_database_url or self.database_url


def read_settings(environment: Mapping[str, str], *needed: str) -> Settings:
    """Read `TABLEFOLD_*`; raises BadSettings that names the variable.

    It is missing though required or among the fields `needed`, cannot be read, or has a value that stands in examples.
    """
    values: dict[str, str] = {}
    for field in msgspec.structs.fields(Settings):
        name = variable(field.name)
        if f"{name}_FILE" in environment:
            values[field.name] = _read(f"{name}_FILE", Path(environment[f"{name}_FILE"]))
        elif name in environment:
            values[field.name] = environment[name]
        if field.required or field.name in needed:
            _require(name, values.get(field.name))
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise BadSettings(f"A TABLEFOLD_ variable cannot be read: {error}.") from error
    if not 0 < settings.verify_share <= 1:
        raise BadSettings("TABLEFOLD_VERIFY_SHARE should be more than 0 and at most 1.")
    if not 1 <= settings.build_loads_while_read <= settings.build_loads:
        raise BadSettings("TABLEFOLD_BUILD_LOADS_WHILE_READ should be from 1 to TABLEFOLD_BUILD_LOADS.")
    if settings.segments < 1:
        raise BadSettings("TABLEFOLD_SEGMENTS should be at least 1.")
    refuse_examples(msgspec.structs.asdict(settings))
    return msgspec.structs.replace(
        settings,
        database_url=with_password(settings.database_url, settings.database_password),
        read_database_url=with_password(settings.read_database_url, settings.database_password),
        amqp_url=with_password(settings.amqp_url, settings.amqp_password),
    )


def variable(field: str) -> str:
    """The variable of a field."""
    return f"TABLEFOLD_{field.upper()}"


def _require(name: str, value: str | None) -> None:
    if not value:
        raise BadSettings(f"{name} is not set; `./tablefold up` sets it for a private installation.")


def _read(name: str, path: Path) -> str:
    try:
        value = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"The file {path} that {name} names cannot be read: {error}.") from error
    if not value:
        raise BadSettings(f"The file {path} that {name} names is empty: put the value into it.")
    return value
