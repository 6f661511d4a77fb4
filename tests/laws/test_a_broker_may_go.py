"""A dead broker refuses no command, and a lost stream or queue costs nothing but time."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import uuid4

import aio_pika
import pytest

from cli.stack import Stack
from shared.errors import LogDiverged
from shared.event_log import LOADS, Delivered, Deliveries, StreamWriter, connected, reading, stream_of
from shared.events import RecordAdded, RecordedEvent
from tests.driven.driver import Place
from tests.driven.rebuilt import AtOnce, Stored, ask, builder_of, made, opened
from tests.driven.rebuilt import run as run_builder
from tests.driven.tiny import TASKS
from tests.files import debt, debts, table
from tests.laws.conftest import Tables, digest
from tests.steps import Api, eventually

T = TypeVar("T")

TRADE_LABELS = ("transaction_id", "client_id", "transaction_type", "transaction_date", "amount", "currency")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, in an event loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def trades(*rows: Sequence[str]) -> bytes:
    """A file of a dataset of which the stack has little, so that it is soon verified."""
    return table(TRADE_LABELS, rows).encode()


def trade(key: str = "", amount: str = "12.50") -> list[str]:
    """A good row of it, but for an amount that is none."""
    return [key or str(uuid4()), "C-1", "BUY", "2024-02-29", amount, "EUR"]


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


async def lose_stream(amqp_url: str, dataset: str = "debts") -> None:
    """The stream of a dataset is deleted."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(stream_of(dataset))


async def positions(amqp_url: str, dataset: str = "debts") -> list[int]:
    """All positions in the stream of a dataset, in order, each once."""
    async with connected(amqp_url, "test") as connection, reading(connection, dataset, "first") as deliveries:
        found = [event.position for events in await whole_stream(deliveries) for event in events]
    return list(dict.fromkeys(found))


def ask_to_verify(api: Api) -> str:
    """Let trades be folded from their first event on; where it is told what comes of it."""
    answer = api.http.post("/datasets/trades/rebuilds", json={"purpose": "verify"})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Location"])


def verified(api: Api, asked: str = "") -> None:
    """Return when the whole stream was folded once more, and gave what is served."""
    place = asked or ask_to_verify(api)
    found = eventually(
        lambda: one if (one := api.get(place))["state"] in ("verified", "differs", "failed") else None, 90
    )
    assert found["state"] == "verified", found


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

    run(lose_stream(amqp_url))
    assert api.upload("debts", debts(debt()), source=source)["state"] == "published"
    assert digest(tables, "debts", uploads) == before
    assert api.count("debts", source=source) == 2
    assert run(positions(amqp_url))[0] == 1


def test_a_lost_stream_is_filled_again_though_nobody_writes_and_a_verification_waits_for_it(
    api: Api, mended: Stack, source: str, tables: Tables
) -> None:
    uploads = api.upload("trades", trades(trade(), trade(amount="none")), source=source)["number"]
    before = digest(tables, "trades", uploads)
    amqp_url = mended.environment["TABLEFOLD_AMQP_URL"]
    run(lose_stream(amqp_url, "trades"))
    verified(api)

    head = tables.value("SELECT position FROM store.heads WHERE dataset = 'trades'")
    assert run(positions(amqp_url, "trades")) == list(range(1, head + 1))
    assert digest(tables, "trades", uploads) == before


def test_an_empty_broker_in_the_place_of_the_old_one_is_filled_and_nothing_is_applied_twice(
    api: Api, mended: Stack, source: str, tables: Tables
) -> None:
    key = str(uuid4())
    uploads = api.upload("trades", trades(trade(key), trade()), source=source)["number"]
    for amount in ("1.00", "2.00", "3.00"):
        assert api.http.patch(f"/trades/{key}", json={"amount": amount}).status_code == 200
    before, version = digest(tables, "trades", uploads), api.get(f"/trades/{key}")["version"]
    mended.rabbitmq.stop()
    try:
        shutil.rmtree(mended.servers.folder.path / "rabbitmq" / "data")
        sent = api.send("trades", trades(trade()), source=source)
        asked = ask_to_verify(api)
    finally:
        mended.rabbitmq.start()

    assert api.follow(sent.json()["id"], timeout_s=90)["state"] == "published"
    verified(api, asked)
    assert digest(tables, "trades", uploads) == before
    assert (api.get(f"/trades/{key}")["version"], api.count("trades", source=source)) == (version, 3)
    assert len(api.get(f"/trades/{key}/history")["results"]) == 4


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


async def test_a_gap_is_refused_and_nothing_behind_it_is_folded(place: Place) -> None:
    driver = await place.begin(TASKS)
    for key in ("1", "2", "3", "4"):
        await driver.append(RecordAdded(key=key, values={"number": key, "title": "a", "state": "OPEN"}))
    first, second, third, fourth = await driver.events(9)
    with pytest.raises(LogDiverged, match="Position 3 follows 1"):
        await driver.deliver([first], [third, fourth])
    assert driver.lane.position == 1
    await driver.deliver([first, second], [second, third], [first, second, third, fourth], [third])

    assert driver.lane.position == 4
    assert {key: [one.position for one in chain] for key, chain in (await driver.read.chains()).items()} == {
        "1": [1],
        "2": [2],
        "3": [3],
        "4": [4],
    }
    await driver.drop()


class Torn(Stored):
    """A stream that lost the messages with these numbers."""

    lost: Collection[int] = ()

    async def arrived(self) -> Delivered | None:
        while (found := await super().arrived()) is not None and found.offset in self.lost:
            continue
        return found


@pytest.mark.parametrize("lost", [{0}, {1}, {1, 2}, {2}], ids=str)
async def test_a_rebuild_goes_no_further_than_the_stream_is_whole(place: Place, lost: set[int]) -> None:
    driver = await place.begin(TASKS)
    for number in range(9):
        await driver.append(RecordAdded(key=str(number), values={"number": str(number), "title": "a", "state": "OPEN"}))
    await driver.fold(9)
    await ask(driver)
    build = await opened(driver)
    builder = await builder_of(driver, build)
    torn = Torn(driver, None)
    torn.lost = lost
    with pytest.raises(LogDiverged):
        await builder._fold_all(torn, AtOnce(place))  # noqa: SLF001  # without its broker
    row = await made(driver, build)
    assert row["state"] == "building"
    assert builder.position <= 3 * min(lost)

    await run_builder(driver, await builder_of(driver, build))
    assert (await made(driver, build))["state"] == "live"
    await driver.drop()
