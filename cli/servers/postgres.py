"""A private PostgreSQL server; beside the flow, under the event store and the read tables."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
from pathlib import Path

from cli.servers.folder import DataFolder
from cli.servers.processes import Process
from cli.servers.secrets import DATABASE_SECRETS
from shared.errors import BadSettings, Unavailable

NO_VALUES = {"log_error_verbosity": "terse", "log_min_error_statement": "panic"}
"""Details of an error would tell the values of a row, and its statement those that stand in it."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # Its path may be at most 107 bytes long; data folders lie deeper than that.
    "max_connections": "120",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
    "shared_preload_libraries": "",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    **NO_VALUES,
    "timezone": "UTC",
}
CAPABILITIES = {1: "dac_override", 2: "dac_read_search"}
"""By the bit in /proc/self/status; either lets a process pass through folders that are closed to it."""


class Postgres(Process):
    """A cluster in `DATA/postgres` that listens on 127.0.0.1 only and asks for a password (SCRAM).

    It has the role `tablefold`, which owns the database `tablefold` and may create databases and the roles of the
    services. PostgreSQL refuses to be root: called by root it runs as `postgres` or `nobody`.
    """

    stop_signal = signal.SIGINT  # PostgreSQL's fast shutdown.

    def __init__(self, folder: DataFolder, port: int) -> None:
        super().__init__("postgres", folder)
        self.port = port
        self._home = folder.path / "postgres"
        self._cluster = self._home / "cluster"

    @property
    def url(self) -> str:
        """The database `tablefold` as its owner."""
        return self.url_of("tablefold")

    def url_of(self, database: str, role: str = "tablefold") -> str:
        """A database of this cluster as its owner, or as the role of a service that a migration has made."""
        password = self.folder.secret(DATABASE_SECRETS.get(role, "postgres"))
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def passwords(self) -> dict[str, str]:
        """The password of each service's role, for the migration that makes them."""
        return {role: self.folder.secret(file) for role, file in DATABASE_SECRETS.items()}

    def create_database(self, name: str) -> str:
        """Create an empty database; answers its URL. Raises Unavailable when it exists."""
        self._psql(f'CREATE DATABASE "{name}" OWNER tablefold')
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database with everything in it, ending its connections."""
        self._psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def prepare(self) -> None:
        """Make the cluster when there is none; a cluster is there as a whole or not at all."""
        if self._cluster.exists():
            return
        self._home.mkdir(mode=0o700, exist_ok=True)
        fresh = self._home / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password = self._home / "password"
        password.touch(mode=0o600)
        password.write_text(self.folder.secret("postgres-superuser"))
        if os.geteuid() == 0:
            for path in (self._home, password):
                os.chown(path, _ordinary_user().pw_uid, _ordinary_user().pw_gid)
        options = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}"]
        self._run("initdb", "-D", str(fresh), *options, "--encoding=UTF8", "--locale=C.UTF-8", "--lc-collate=C")
        password.unlink()
        secret = self.folder.secret("postgres")
        single = ["--single", "-D", str(fresh), "-c", "unix_socket_directories=", "postgres"]
        self._run(
            "postgres",
            *single,
            given=f"CREATE ROLE tablefold LOGIN CREATEDB CREATEROLE PASSWORD '{secret}'\n"
            "CREATE DATABASE tablefold OWNER tablefold\n",
        )
        fresh.rename(self._cluster)

    def command(self) -> list[str]:
        """The server in the foreground."""
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        server = [str(self._binary("postgres")), "-D", str(self._cluster), "-p", str(self.port)]
        return [*self._as_owner(), *server, *settings]

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        arguments = ["-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
        asked = subprocess.run([self._binary("pg_isready"), *arguments], check=False, timeout=10, env={}, cwd="/")
        return asked.returncode == 0

    def _psql(self, statement: str) -> None:
        arguments = ["-X", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tablefold"]
        answer = subprocess.run(
            [self._binary("psql"), *arguments, "-d", "postgres", "-c", statement],
            env={"PGPASSWORD": self.folder.secret("postgres"), "PGCONNECT_TIMEOUT": "10"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if answer.returncode:
            raise Unavailable(f"PostgreSQL refused {statement!r}: {answer.stderr.strip()}")

    def _run(self, program: str, *arguments: str, given: str = "") -> None:
        answer = subprocess.run(
            [*self._as_owner(), str(self._binary(program)), *arguments],
            input=given,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if answer.returncode:
            raise Unavailable(f"{program} failed: {answer.stderr.strip() or answer.stdout.strip()}")

    def _binary(self, name: str) -> Path:
        version = self._cluster / "PG_VERSION"
        return binaries(version.read_text().strip() if version.exists() else "") / name

    def _as_owner(self) -> list[str]:
        """What stands before a command so that it runs as the cluster's owner, and may pass to its folder."""
        if os.geteuid() != 0:
            return []
        owner = self._home.stat()
        change = [f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
        closed = [at for at in self._home.parents if not at.stat().st_mode & stat.S_IXOTH]
        if closed:
            capability = _capability_to_pass(closed[0])
            change += [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
        return ["setpriv", *change, "--"]


def binaries(version: str = "") -> Path:
    """The folder with PostgreSQL's programs: of the newest version, or of the one that a cluster was made with.

    Raises BadSettings when there is none.
    """
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = [path.parent for path in installed if version in ("", path.parts[4])]
    elsewhere = shutil.which("initdb")
    if not found and elsewhere:
        found = [Path(elsewhere).resolve().parent]
    if not found:
        raise BadSettings(
            f"PostgreSQL {version} is not installed: `apt-get install postgresql{version and '-'}{version}`."
        )
    return found[-1]


def _ordinary_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _capability_to_pass(closed: Path) -> str:
    status = Path("/proc/self/status").read_text()
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    for bit in (2, 1):
        if effective >> bit & 1:
            return CAPABILITIES[bit]
    raise BadSettings(
        f"PostgreSQL cannot run as root and no other user may pass through {closed}: choose a folder with --data."
    )
