"""Event stores and folders of blobs without services: what moves from one to another is what the tests appended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from cli.servers.postgres import Postgres
from shared.blobs import Blobs, open_blobs
from shared.database import make_engine
from shared.event_store import Appended, EventStore, Idempotency, Proposal
from shared.events import Fact, RecordAdded, RecordCorrected, UploadReceived, UploadWithdrawn
from shared.tabular.dialect import Dialect
from shared.tabular.header import Header
from tests.alone import migrated

TABLES = ("events", "heads", "claims", "uploads", "senders")


class Truth:
    """An installation as far as the truth goes."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder / uuid4().hex
        self.blobs: Blobs = open_blobs(self.folder.as_uri())
        self.engine = make_engine(url, name="tests")
        self.store = EventStore(self.engine)

    async def append(self, dataset: str, event: Fact, **said: Any) -> Appended:
        """An event of somebody."""
        return await self.store.append(dataset, Proposal(event=event, **{"actor": "ann", **said}))

    def keep(self, key: str, content: bytes) -> None:
        """A blob, whole."""
        writer = self.blobs.writer(key)
        writer.write(content)
        writer.commit()

    async def receive(self, dataset: str, content: bytes, *, actor: str = "ann") -> UUID:
        """A file and its text, under the claim of its bytes; the id of the upload that has them."""
        upload_id, digest = uuid4(), sha256(content).hexdigest()
        for key, kept in ((upload_id.hex, content), (f"{upload_id.hex}.utf-8", content.upper())):
            self.keep(key, kept)
        event = UploadReceived(
            upload_id=upload_id,
            blob_key=upload_id.hex,
            text_key=f"{upload_id.hex}.utf-8",
            sha256=digest,
            size_bytes=len(content),
            file_name="Mär\nz.csv",
            media_type="text/csv",
            dialect=Dialect("utf-8", "declared", ",", "lf", 0),
            header=Header(("a",), (None,), ()),
            chunks=(),
            source=None,
            review=False,
            on_error="skip",
        )
        appended = await self.append(dataset, event, actor=actor, claim=f"file:{digest}")
        if appended.again:
            for key in (event.blob_key, event.text_key):
                await self.blobs.remove(key)
        return appended.upload_id or upload_id

    async def live(self) -> None:
        """Some of everything that an event store holds."""
        files = [await self.receive("debts", f"file {number}".encode() * 1000) for number in range(4)]
        assert await self.receive("debts", b"file 1" * 1000, actor="bob") == files[1]
        await self.append("debts", UploadWithdrawn(upload_id=files[0]))
        key = Idempotency("ann POST /debts k", "f")
        await self.append(
            "debts", RecordAdded(key="1", values={"name": 'a\n"ü"\u2028', "email": None}), idempotency=key
        )
        for number in range(20):
            await self.append("debts", RecordCorrected(key="1", changes={"name": f"b{number}"}, expected=(number, 7)))
        await self.receive("clients", b"c")
        await self.append("clients", RecordAdded(key="2", values={}))

    async def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """All that the tables of the truth say, in order, with every byte of the events as it is stored."""
        connection = await asyncpg.connect(self.url)
        try:
            return {
                table: sorted((tuple(row) for row in await connection.fetch(f"SELECT * FROM store.{table}")), key=repr)
                for table in TABLES
            }
        finally:
            await connection.close()

    def files(self) -> dict[str, bytes]:
        """All blobs."""
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}


class Places:
    """Makes empty installations in one PostgreSQL; `end` makes them empty again, for the next test."""

    def __init__(self, urls: Sequence[str], folder: Path) -> None:
        self._urls = iter(urls)
        self._folder = folder
        self._made: list[Truth] = []

    def empty(self) -> Truth:
        """One with nothing in it."""
        self._made.append(Truth(next(self._urls), self._folder))
        return self._made[-1]

    async def end(self) -> None:
        """Nothing is left."""
        for one in self._made:
            async with one.engine.begin() as connection:
                await connection.exec_driver_sql(f"TRUNCATE {', '.join(f'store.{table}' for table in TABLES)}")
            await one.engine.dispose()


@pytest.fixture(scope="package")
def urls(server: Postgres) -> list[str]:
    return [migrated(server, f"truth{number}") for number in range(2)]


@pytest.fixture
async def places(urls: list[str], tmp_path: Path) -> AsyncIterator[Places]:
    places = Places(urls, tmp_path)
    yield places
    await places.end()


@pytest.fixture
async def source(places: Places) -> Truth:
    """An installation with a life behind it."""
    source = places.empty()
    await source.live()
    return source
