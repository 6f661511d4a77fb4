"""PostgreSQL's own ways to load a file, with psql and by hand; beside the flow, what Tablefold is measured against."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cli.servers.postgres import Postgres, binaries
from shared.datasets.declaration import Dataset
from shared.errors import Unavailable
from shared.read_tables import field_columns, index_columns

PSQL_S = 1_800
TIMED = re.compile(r"^Time: ([\d.]+) ms", re.MULTILINE)
INDEX = "CREATE INDEX"


class Rival:
    """A second database of the same server, with one table of a dataset's columns and nothing else."""

    def __init__(self, postgres: Postgres, dataset: Dataset, database: str = "rival") -> None:
        self._postgres = postgres
        self._dataset = dataset
        self._database = database
        self._psql = binaries() / "psql"
        if not self._psql.exists():
            self._psql = Path("psql")

    def copy_indexed(self, path: Path) -> dict[str, float]:
        """Seconds of `\\copy` into the empty table that has all its indexes, as `total` and by statement."""
        return self._load(path, before=self._indexes(), after=[])

    def copy_bare(self, path: Path) -> dict[str, float]:
        """Seconds of `\\copy` into the bare table and the four CREATE INDEX behind it, as `total` and by statement."""
        return self._load(path, before=[], after=self._indexes())

    def settle(self) -> None:
        """Clean up and write out what earlier runs left, so that the next one does not pay for it."""
        self._run("VACUUM (ANALYZE);\nCHECKPOINT;", "tablefold", "postgres", "postgres-superuser")

    def _load(self, path: Path, before: list[str], after: list[str]) -> dict[str, float]:
        self._postgres.create_database(self._database)
        try:
            self._run("\n".join([self._create(), *before]), self._database)
            self.settle()
            copy = f"\\copy records ({', '.join(self._columns(path))}) from '{path}' with (format csv, header)"
            started = time.perf_counter()
            said = self._run("\n".join(["\\timing on", copy, *after]), self._database)
            total_s = time.perf_counter() - started
        finally:
            self._postgres.drop_database(self._database)
        copy_s, *index_s = (float(ms) / 1000 for ms in TIMED.findall(said))
        return {"total": total_s, "copy": copy_s, "index": sum(index_s)}

    def _create(self) -> str:
        table = sa.Table("records", sa.MetaData(), *field_columns(self._dataset.fields))
        # The dialect's constructor carries no annotations.
        return f"{sa.schema.CreateTable(table).compile(dialect=postgresql.dialect())};"  # type: ignore[no-untyped-call]

    def _indexes(self) -> list[str]:
        """The same as those of a segment."""
        unique, *others = (", ".join(columns) for columns in index_columns(self._dataset))
        return [f"CREATE UNIQUE INDEX ON records ({unique});"] + [f"{INDEX} ON records ({names});" for names in others]

    def _columns(self, path: Path) -> list[str]:
        """The fields that the file's header names, in its order."""
        names = {_plain(label): field.name for field in self._dataset.fields for label in (field.name, *field.labels)}
        with path.open(encoding="utf-8") as file:
            return [names[_plain(label)] for label in file.readline().strip().split(",")]

    def _run(self, script: str, database: str, user: str = "tablefold", secret: str = "postgres") -> str:
        server = ["-h", "127.0.0.1", "-p", str(self._postgres.port), "-U", user, "-d", database]
        done = subprocess.run(
            [str(self._psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", *server],
            env={"PGPASSWORD": self._postgres.folder.secret(secret), "PGCLIENTENCODING": "UTF8"},
            input=script,
            capture_output=True,
            text=True,
            timeout=PSQL_S,
            check=False,
        )
        if done.returncode:
            raise Unavailable(f"psql failed: {done.stderr.strip()}")
        return done.stdout


def _plain(label: str) -> str:
    return re.sub(r"[\s_\-.]+", "", label).lower()
