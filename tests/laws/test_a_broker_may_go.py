"""A dead broker refuses no command, and a lost stream or queue costs nothing but time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import aio_pika

from cli.stack import Stack
from shared.event_log import LOADS, Deliveries, StreamWriter, connected, reading, stream_of
from shared.events import RecordedEvent
from tests.files import debt, debts
from tests.laws.conftest import Tables, digest
from tests.steps import Api, eventually

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, in an event loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def lag(api: Api) -> tuple[int, float]:
    """How far debts are behind, in events and seconds."""
    body = api.get("/datasets/debts")
    return body["lag_events"], body["lag_s"]


async def whole_stream(deliveries: Deliveries) -> list[list[RecordedEvent]]:
    """Every message of a stream so far."""
    messages = []
    while delivered := await deliveries.next(1):
        messages.append(delivered.events)
    return messages


def test_uploads_are_accepted_while_the_broker_is_away(api: Api, mended: Stack, source: str) -> None:
    mended.rabbitmq.stop()
    try:
        answers = [api.send("debts", debts(debt(), debt()), source=source) for _ in range(5)]
        lag_s = eventually(lambda: lag(api)[1] if lag(api)[0] == 5 else None)
    finally:
        mended.rabbitmq.start()

    assert {one.status_code for one in answers} == {202}
    for one in answers:
        assert api.follow(one.json()["id"], timeout_s=60)["state"] == "published"
    assert api.count("debts", source=source) == 10
    assert lag_s > 0
    assert eventually(lambda: lag(api) == (0, 0) or None)


def test_every_event_a_second_time_changes_nothing(api: Api, stack: Stack, source: str, tables: Tables) -> None:
    api.upload("debts", debts(debt(), debt(debtAmount="none")), source=source)
    uploads = api.upload("debts", debts(*(debt() for _ in range(2000))), source=source)["number"]
    before = digest(tables, "debts", uploads)
    amqp_url = stack.environment["TABLEFOLD_AMQP_URL"]

    async def publish_all_again() -> int:
        async with connected(amqp_url, "test") as connection:
            async with reading(connection, "debts", "first") as deliveries:
                messages = await whole_stream(deliveries)
            writer = StreamWriter(connection)
            await writer.open(["debts"])
            for events in messages:
                await writer.publish(events)
            return len(messages)

    assert run(publish_all_again()) > 1
    after = api.upload("debts", debts(debt()), source=source)
    assert digest(tables, "debts", uploads) == before
    assert (after["state"], after["number"]) == ("published", uploads + 1)
    assert api.count("debts", source=source) == 2002
    assert tables.value("SELECT position FROM store.heads WHERE dataset = 'debts'") == after["published_position"]


def test_a_lost_stream_is_filled_again(api: Api, mended: Stack, source: str, tables: Tables) -> None:
    uploads = api.upload("debts", debts(debt()), source=source)["number"]
    before = digest(tables, "debts", uploads)
    amqp_url = mended.environment["TABLEFOLD_AMQP_URL"]

    async def lose() -> None:
        connection = await aio_pika.connect(amqp_url)
        async with connection:
            channel = await connection.channel()
            await channel.queue_delete(stream_of("debts"))

    run(lose())
    assert api.upload("debts", debts(debt()), source=source)["state"] == "published"
    assert digest(tables, "debts", uploads) == before
    assert api.count("debts", source=source) == 2

    async def first_position() -> int:
        async with connected(amqp_url, "test") as connection, reading(connection, "debts", "first") as deliveries:
            return (await whole_stream(deliveries))[0][0].position

    assert run(first_position()) == 1


def test_lost_loads_are_given_out_again(api: Api, mended: Stack, source: str) -> None:
    upload_id = api.send("debts", debts(*(debt() for _ in range(30_000))), source=source).json()["id"]
    eventually(lambda: api.http.get(f"/uploads/{upload_id}").status_code == 200 or None)
    for name in ("projector-1", "projector-2"):
        mended.processes[name].kill()

    async def purge() -> int | None:
        connection = await aio_pika.connect(mended.environment["TABLEFOLD_AMQP_URL"])
        async with connection:
            channel = await connection.channel()
            queue = await channel.get_queue(LOADS, ensure=False)
            return (await queue.purge()).message_count

    assert run(purge())
    mended.revive()
    assert api.follow(upload_id)["rows"]["accepted"] == 30_000
