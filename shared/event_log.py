"""RabbitMQ: one stream per dataset and the queue of loads; event -> *log* -> projection. The only user of aio-pika.

Streams over AMQP know no deduplication, no expected version and no stored offsets, so a message carries our positions
and readers judge by those alone; an offset is only a hint where to begin. Connections are plain, not "robust": a robust
one would re-issue the offset with which it first subscribed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import aio_pika
import msgspec
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.connection import make_url
from aio_pika.exceptions import AMQPError, ChannelClosed, DeliveryError
from aiormq.exceptions import ChannelInvalidStateError
from pamqp.common import FieldValue

from shared.codec import decode_batch, encode_batch
from shared.errors import Unavailable
from shared.events import RecordedEvent
from shared.tasks import together

OUTAGES = (OSError, AMQPError, ChannelClosed, ChannelInvalidStateError, DeliveryError, TimeoutError, RuntimeError)
"""What aio-pika raises while RabbitMQ is away, starting or recovering a stream."""

ANSWER_S = 10.0
LAST_IDLE_S = 2.0
PREFETCH = 100
LOADS = "projector.loads"
DEAD_LOADS = "projector.loads.dead"
DELIVERIES = 20
"""How often a load is given out before it counts as one that kills its projectors."""


class Load(msgspec.Struct, frozen=True):
    """One chunk to be loaded; everything else about it stands in the read tables."""

    dataset: str
    generation: int
    upload: int
    chunk: int


class Delivered(msgspec.Struct, frozen=True):
    """The events of one message and the offset in the stream at which it stands."""

    offset: int
    events: list[RecordedEvent]


Arrived = asyncio.Queue[AbstractIncomingMessage | None]


def stream_of(dataset: str) -> str:
    """The name of a dataset's stream."""
    return f"tablefold.events.{dataset}"


@asynccontextmanager
async def connected(url: str, name: str) -> AsyncIterator[AbstractConnection]:
    """A connection that shows as `name` in the broker; raises Unavailable whenever the broker is or goes away."""
    connection = aio_pika.Connection(make_url(url), client_properties={"connection_name": name})
    try:
        async with asyncio.timeout(ANSWER_S):
            await connection.connect()
    except BaseException as error:
        await _close(connection)  # It knows no other time to do so than when it is forgotten.
        if isinstance(error, OUTAGES):
            raise Unavailable(f"RabbitMQ does not answer: {error!r}") from error
        raise
    try:
        yield connection
    except OUTAGES as error:
        raise Unavailable(f"RabbitMQ went away: {error!r}") from error
    finally:
        await _close(connection)


async def _close(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(1):
            await connection.close()
    except OUTAGES:
        return  # It is gone, which is what was wanted.


async def _declare_stream(channel: AbstractChannel, dataset: str) -> None:
    await channel.declare_queue(
        stream_of(dataset), durable=True, arguments={"x-queue-type": "stream"}, timeout=ANSWER_S
    )


class StreamWriter:
    """Publishes events of all datasets, in order; used by the relay alone."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._channel: AbstractChannel | None = None

    async def open(self, datasets: Iterable[str]) -> None:
        """Declare the datasets' streams and begin to publish with confirmations."""
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        for dataset in datasets:
            await _declare_stream(channel, dataset)
        self._channel = channel

    async def last_position(self, dataset: str) -> int:
        """The position of the last event in the dataset's stream, 0 when it is empty.

        May say less than the truth when the broker is slow: publishing again does no harm.
        """
        last = 0
        async with reading(self._connection, dataset, "last") as deliveries:
            while delivered := await deliveries.next(LAST_IDLE_S if last == 0 else 0.2):
                last = delivered.events[-1].position
        return last

    async def publish(self, events: Sequence[RecordedEvent]) -> None:
        """One message with consecutive events of one dataset; returns when the broker has confirmed it.

        Where the stream is gone, `connected` ends with Unavailable: whoever opens again fills it from the store.
        """
        if self._channel is None:
            raise Unavailable("The stream is not open yet.")
        message = aio_pika.Message(
            encode_batch(events),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=str(events[0].event_id),
            type="events",
        )
        await self._channel.default_exchange.publish(
            message, routing_key=stream_of(events[0].dataset), timeout=ANSWER_S
        )


class Deliveries:
    """What arrives from one stream."""

    def __init__(self, arrived: Arrived) -> None:
        self._arrived = arrived

    async def next(self, timeout_s: float) -> Delivered | None:
        """The next message, or None when none came within `timeout_s`; raises Unavailable when the stream is closed."""
        try:
            message = await asyncio.wait_for(self._arrived.get(), timeout_s)
        except TimeoutError:
            return None
        if message is None:
            raise Unavailable("The stream was closed.")
        await message.ack()  # On a stream that is credit for more, nothing else.
        return Delivered(int(str(message.headers["x-stream-offset"])), decode_batch(message.body))


@asynccontextmanager
async def reading(connection: AbstractConnection, dataset: str, offset: int | str) -> AsyncIterator[Deliveries]:
    """The messages of a dataset's stream from an offset (inclusive), "first" or "last"."""
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=PREFETCH)
    await _declare_stream(channel, dataset)
    yield Deliveries(await _consume(connection, channel, stream_of(dataset), {"x-stream-offset": offset}))
    if not channel.is_closed:
        await channel.close()


async def _consume(
    connection: AbstractConnection, channel: AbstractChannel, queue_name: str, arguments: dict[str, int | str]
) -> Arrived:
    arrived: Arrived = asyncio.Queue()
    channel.close_callbacks.add(lambda *_: arrived.put_nowait(None))
    connection.close_callbacks.add(lambda *_: arrived.put_nowait(None))

    async def put(message: AbstractIncomingMessage) -> None:
        arrived.put_nowait(message)

    queue = await channel.get_queue(queue_name, ensure=False)
    await queue.consume(put, arguments=dict(arguments), timeout=ANSWER_S)
    return arrived


class LoadsQueue:
    """The quorum queue of loads, for which all projectors compete; nothing is lost when one of them dies."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._channel: AbstractChannel | None = None

    async def open(self) -> None:
        """Declare the queue and the one for loads that were given out DELIVERIES times in vain."""
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.declare_queue(DEAD_LOADS, durable=True, arguments={"x-queue-type": "quorum"}, timeout=ANSWER_S)
        arguments: dict[str, FieldValue] = {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERIES,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": DEAD_LOADS,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        await channel.declare_queue(LOADS, durable=True, arguments=arguments, timeout=ANSWER_S)
        self._channel = channel

    async def publish(self, loads: Sequence[Load]) -> None:
        """Give out loads, perhaps one twice; returns when all are confirmed."""
        if self._channel is None:
            raise Unavailable("The queue of loads is not open yet.")
        await together(*(self._publish(self._channel, load) for load in loads))

    async def _publish(self, channel: AbstractChannel, load: Load) -> None:
        message = aio_pika.Message(
            msgspec.json.encode(load), delivery_mode=aio_pika.DeliveryMode.PERSISTENT, type="load"
        )
        await channel.default_exchange.publish(message, routing_key=LOADS, timeout=ANSWER_S)

    async def consume(self, queue_name: str, handle: Callable[[Load], Awaitable[None]], at_once: int) -> None:
        """Handle loads, at most `at_once` at the same time, until the connection ends (Unavailable).

        A load is acknowledged after `handle` returned; whatever it raises ends the consumer, and the load comes back.
        """
        channel = await self._connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=at_once)
        arrived = await _consume(self._connection, channel, queue_name, {})

        async def work() -> None:
            while (message := await arrived.get()) is not None:
                await handle(msgspec.json.decode(message.body, type=Load))
                await message.ack()
            raise Unavailable("The queue of loads was closed.")

        await together(*(work() for _ in range(at_once)))
