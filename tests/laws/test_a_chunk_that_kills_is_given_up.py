"""A chunk that ends its process three times is not tried again; what is loaded beside it comes to no harm."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy import text

from cli.servers.folder import ROOT
from cli.servers.postgres import Postgres
from projector import finishing, loading
from projector.previewing import preview
from shared.event_log import Load
from shared.events import UploadFailed
from tests.driven.driver import Driver, Place
from tests.driven.rebuilt import rebuild
from tests.driven.tiny import TASKS

PATIENCE_S = 60.0
GOOD = [("1", "a", "", ""), ("2", "b", "", ""), ("3", "c", "", "")]
BAD = [("4", "d", "", ""), ("5", "die", "", ""), ("6", "f", "", "")]

CHUNKS = text("""
    SELECT upload, number, first_row, rows, attempts, done_by IS NOT NULL AS done FROM read.chunks
    WHERE dataset = :dataset AND generation = :generation ORDER BY 1, 2
""")


async def test_three_processes_die_and_then_the_upload_fails(place: Place, database: Postgres) -> None:
    driver = await place.begin(TASKS)
    await driver.send(GOOD)
    await driver.send(BAD)
    await driver.fold(9)
    innocent = driver.waiting.loads[0]
    deadly = Load(driver.dataset.name, driver.generation, 2, await chunk_of(driver, 3))

    assert await in_a_process(database, "slowly", innocent, deadly) == -signal.SIGKILL
    assert (await attempts(driver, innocent), await attempts(driver, deadly)) == (1, 1)
    for tried in (2, 3):
        assert await in_a_process(database, "fast", deadly, innocent) == -signal.SIGKILL
        assert await attempts(driver, deadly) == tried
        (other,) = (one for one in await chunks(driver) if one.upload == innocent.upload)
        assert other.done or other.attempts == 1, "the one has nothing beside it"
    assert await in_a_process(database, "fast", deadly, innocent) == 0

    (event,) = await driver.events(9)
    assert isinstance(event.data, UploadFailed)
    assert (event.data.code, "rows 2 to 4, ended the process" in event.data.reason) == ("load-failed", True)
    await finish(driver)
    assert [(row["state"], row["records"]) for row in (await driver.read.uploads()).values()] == [
        ("published", 3),
        ("failed", None),
    ]

    row = await rebuild(driver)
    assert (row["state"], row["compared"]["equal"]) == ("live", True), row["compared"]
    assert not any(chunk.done or chunk.attempts for chunk in await chunks(driver) if chunk.upload == 2)
    await driver.drop()


async def test_an_attempt_that_ends_otherwise_does_not_count(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = await place.begin(TASKS)
    await driver.send(GOOD[:1])
    await driver.fold(9)
    begun = asyncio.Event()

    async def stuck(*_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(loading, "copy_or_bisect", stuck)
    (load,) = driver.waiting.loads
    for _ in range(4):
        task = asyncio.create_task(place.loader.handle(load))
        await asyncio.wait_for(begun.wait(), PATIENCE_S)
        assert await attempts(driver, load) == 1
        task.cancel()
        await asyncio.wait([task])
        begun.clear()
        assert await attempts(driver, load) == 0
    monkeypatch.undo()
    await finish(driver)
    assert [row["state"] for row in (await driver.read.uploads()).values()] == ["published"]
    await driver.drop()


@pytest.mark.parametrize("said", [asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.DiskFullError])
async def test_what_passes_fails_no_upload(
    place: Place, monkeypatch: pytest.MonkeyPatch, said: type[asyncpg.PostgresError]
) -> None:
    """As a fold does that changes the same row of the books while a preview is made."""
    driver = await place.begin(TASKS)
    await driver.send(GOOD)
    left = iter([said("could not be done just now"), None])

    async def fails_once(*given: Any, **named: Any) -> None:
        if error := next(left):
            raise error
        await preview(*given, **named)

    monkeypatch.setattr(finishing, "preview", fails_once)
    monkeypatch.setattr(loading, "RETRY_S", 0.01)
    await finish(driver)
    assert [row["state"] for row in (await driver.read.uploads()).values()] == ["published"]
    assert next(left, "used") == "used"
    await driver.drop()


async def in_a_process(database: Postgres, how: str, *loads: Load) -> int | None:
    """How a process ends that handles these loads."""
    said = msgspec.json.encode(loads).decode()
    blobs_url = (database.folder.path / "blobs").as_uri()
    command = (sys.executable, "-m", "tests.driven.deadly", database.url, blobs_url, said, how)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    return await asyncio.wait_for(process.wait(), PATIENCE_S)


async def finish(driver: Driver) -> None:
    """Fold, load and decide until nothing is left to do."""
    while await driver.fold(9) or await driver.load(0) or await driver.events(1):
        await driver.decide()


async def chunks(driver: Driver) -> Any:
    """The chunks of all uploads."""
    of = {"dataset": driver.dataset.name, "generation": driver.generation}
    async with driver.place.engine.connect() as connection:
        return (await connection.execute(CHUNKS, of)).all()


async def chunk_of(driver: Driver, row: int) -> int:
    """The chunk of the second upload with that row."""
    return next(
        int(one.number)
        for one in await chunks(driver)
        if one.upload == 2 and one.first_row <= row < one.first_row + one.rows
    )


async def attempts(driver: Driver, load: Load) -> int:
    """How many attempts are counted."""
    return next(
        int(one.attempts) for one in await chunks(driver) if (one.upload, one.number) == (load.upload, load.chunk)
    )
