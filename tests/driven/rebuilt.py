"""Rebuilds a driven dataset from its log: the builder's own code without RabbitMQ; log -> *projection*."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import RowMapping, text

from projector.generations import declaration_of
from projector.lanes import TAKE_OVER
from projector.opening import Build, building, open_asked
from projector.readers import Readers
from projector.rebuilding import Builder, Over
from shared.datasets.declaration import Dataset
from shared.event_log import Delivered, Deliveries, Load, LoadsQueue
from shared.tasks import together
from tests.driven.driver import Driver, Place

PATIENCE_S = 30.0

ASK = text("""
    INSERT INTO store.rebuilds (id, dataset, purpose, name, until_position, restores, asked_by)
    VALUES (:id, :dataset, :purpose, :name, :until_position, :restores, 'ann')
""")

NEXT_EPOCH = text("SELECT epoch + 1 FROM read.checkpoints WHERE dataset = :dataset AND generation = :generation")

MADE = text("SELECT * FROM read.generations WHERE dataset = :dataset AND generation = :generation")


class Stored(Deliveries):
    """What the stream would bring from an offset on: the log of the store in messages of so many events."""

    def __init__(self, driver: Driver, offset: int | None, most: int = 3) -> None:
        self._driver = driver
        self._offset = offset or 0
        self._most = most

    async def next(self, timeout_s: float) -> Delivered | None:  # noqa: ARG002  # as it is called
        return await self.arrived()

    async def arrived(self) -> Delivered | None:
        begun = self._offset * self._most
        events = await self._driver.place.store.read(self._driver.dataset.name, begun, self._most)
        if not events:
            return None
        self._offset += 1
        return Delivered(self._offset - 1, events)


class AtOnce(LoadsQueue):
    """Loads that are done in the moment in which they are given out."""

    def __init__(self, place: Place) -> None:
        self._place = place

    async def publish(self, loads: Sequence[Load]) -> None:
        for load in loads:
            await self._place.loader.handle(load)


async def ask(
    driver: Driver,
    purpose: str = "rebuild",
    *,
    name: str | None = None,
    until: int | None = None,
    restores: UUID | None = None,
) -> UUID:
    """What a person asks for."""
    asked = {"id": uuid4(), "purpose": purpose, "name": name, "until_position": until, "restores": restores}
    async with driver.place.engine.begin() as connection:
        await connection.execute(ASK, {**asked, "dataset": driver.dataset.name})
    return asked["id"]  # type: ignore[return-value]  # it is one


async def opened(driver: Driver, declared: Dataset | None = None) -> Build:
    """The generation that is made of it, by a service that starts with that declaration."""
    catalogue = {driver.dataset.name: declared or driver.dataset}
    await open_asked(driver.place.engine, catalogue)
    (build,) = await building(driver.place.engine, catalogue)
    return build


async def builder_of(driver: Driver, build: Build) -> Builder:
    """Whoever owns its lane now, and fences all before."""
    of = {"dataset": build.dataset, "generation": build.generation}
    async with driver.place.engine.begin() as connection:
        epoch = (await connection.execute(NEXT_EPOCH, of)).scalar_one()
        dataset = await declaration_of(connection, driver.dataset, build.generation)
        found = (await connection.execute(TAKE_OVER, {**of, "epoch": epoch})).one()
    builder = Builder(
        build,
        dataset,
        epoch,
        driver.place.engine,
        driver.place.wakeups,
        driver.place.settings,
        Readers(driver.place.wakeups),
    )
    builder.position, builder.offset = found.position, found.stream_offset
    return builder


async def run(driver: Driver, builder: Builder, most: int = 3) -> None:
    """Build until there is nothing more to do."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            loads = AtOnce(driver.place)
            folding = builder._fold_all(Stored(driver, builder.offset, most), loads)  # noqa: SLF001  # without its broker
            await together(folding, builder._give_out_again(loads))  # noqa: SLF001
    except Over:
        return


async def made(driver: Driver, build: Build) -> RowMapping:
    """What the books say of a generation."""
    of = {"dataset": build.dataset, "generation": build.generation}
    async with driver.place.engine.connect() as connection:
        return (await connection.execute(MADE, of)).mappings().one()


async def rebuild(driver: Driver, declared: Dataset | None = None) -> RowMapping:
    """All of it: asked for, built, served; the driver goes on with what is served then."""
    await ask(driver)
    build = await opened(driver, declared)
    await run(driver, await builder_of(driver, build))
    row = await made(driver, build)
    if row["state"] == "live":
        driver.dataset = declared or driver.dataset
        await follow(driver, build.generation)
    return row


async def follow(driver: Driver, generation: int) -> None:
    """Own the lane of the generation that is served now."""
    of = {"dataset": driver.dataset.name, "generation": generation}
    async with driver.place.engine.begin() as connection:
        epoch = (await connection.execute(NEXT_EPOCH, of)).scalar_one()
        found = (await connection.execute(TAKE_OVER, {**of, "epoch": epoch})).one()
    driver.position = found.position
    driver.move(generation, epoch)
