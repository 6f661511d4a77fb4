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
from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.connection import make_url
from aio_pika.exceptions import AMQPError, ChannelClosed, ChannelNotFoundEntity, DeliveryError
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
EVENTS = "tablefold.events"
"""The exchange through which the relay, and nobody else, publishes; each stream is bound to it by its own name."""
LOADS = "projector.loads"
"""The queue of loads, and the exchange through which lanes publish to it."""
DEAD_LOADS = "projector.loads.dead"
DELIVERIES = 20
"""How often a load is given out before it counts as one that kills its projectors."""

LOADS_ARGUMENTS: dict[str, FieldValue] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": DELIVERIES,
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": DEAD_LOADS,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}
DEAD_LOADS_ARGUMENTS: dict[str, FieldValue] = {"x-queue-type": "quorum"}


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


class StreamWriter:
    """Publishes events of all datasets, in order; used by the relay alone."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._exchange: AbstractExchange | None = None

    async def open(self, datasets: Iterable[str]) -> None:
        """Declare the datasets' streams and begin to publish with confirmations."""
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.declare_exchange(EVENTS, ExchangeType.DIRECT, durable=True, timeout=ANSWER_S)
        for name in map(stream_of, datasets):
            arguments: dict[str, FieldValue] = {"x-queue-type": "stream"}
            stream = await channel.declare_queue(name, durable=True, arguments=arguments, timeout=ANSWER_S)
            await stream.bind(exchange, routing_key=name, timeout=ANSWER_S)
        self._exchange = exchange

    async def last_position(self, dataset: str) -> int:
        """The position of the last event in the dataset's stream, 0 when it is empty.

        May say less than the truth when the broker is slow: publishing again does no harm.
        """
        last = 0
        async with reading(self._connection, dataset, "last") as deliveries:
            while delivered := await deliveries.next(LAST_IDLE_S if last == 0 else 0.2):
                last = delivered.events[-1].position
        return last

    async def check(self, datasets: Iterable[str]) -> None:
        """Raise Unavailable where a stream is gone: whoever opens again fills it from the store."""
        for name in map(stream_of, datasets):
            if not await _is_there(self._connection, name):
                raise Unavailable(f"The stream {name} is gone.")

    async def publish(self, events: Sequence[RecordedEvent]) -> None:
        """One message with consecutive events of one dataset; returns when the broker has confirmed it.

        Where the stream is gone, `connected` ends with Unavailable: whoever opens again fills it from the store.
        """
        if self._exchange is None:
            raise Unavailable("The stream is not open yet.")
        message = aio_pika.Message(
            encode_batch(events),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=str(events[0].event_id),
            type="events",
        )
        await self._exchange.publish(message, routing_key=stream_of(events[0].dataset), timeout=ANSWER_S)


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
        return await self._take(message)

    async def arrived(self) -> Delivered | None:
        """The next message if it is here already, or None; raises Unavailable when the stream is closed."""
        return None if self._arrived.empty() else await self._take(self._arrived.get_nowait())

    async def _take(self, message: AbstractIncomingMessage | None) -> Delivered:
        if message is None:
            raise Unavailable("The stream was closed.")
        await message.ack()  # On a stream that is credit for more, nothing else.
        return Delivered(int(str(message.headers["x-stream-offset"])), decode_batch(message.body))


@asynccontextmanager
async def reading(connection: AbstractConnection, dataset: str, offset: int | str) -> AsyncIterator[Deliveries]:
    """The messages of a dataset's stream from an offset (inclusive), "first" or "last".

    Raises Unavailable where the stream is not there: the relay makes it.
    """
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=PREFETCH)
    if not await _is_there(connection, stream_of(dataset)):
        raise Unavailable(f"The stream of {dataset} is not there yet: the relay in the command API makes it.")
    yield Deliveries(await _consume(connection, channel, stream_of(dataset), {"x-stream-offset": offset}))
    if not channel.is_closed:
        await channel.close()


async def _is_there(connection: AbstractConnection, queue_name: str, exchange_name: str = "") -> bool:
    """Whether there is such a queue, and such an exchange; anybody may ask, on a channel that ends with a no."""
    channel = await connection.channel(publisher_confirms=False)
    try:
        if exchange_name:
            await channel.get_exchange(exchange_name)
        await channel.declare_queue(queue_name, passive=True, timeout=ANSWER_S)
    except ChannelNotFoundEntity:
        return False
    await channel.close()
    return True


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
        self._exchange: AbstractExchange | None = None

    async def open(self) -> None:
        """Begin to publish; makes the queue, and that for loads which were given out DELIVERIES times in vain.

        Where the broker knows our definitions they are there, and the projector's user may not make any.
        """
        if not await _is_there(self._connection, LOADS, LOADS):
            await self._declare()
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        self._exchange = await channel.get_exchange(LOADS, ensure=False)

    async def _declare(self) -> None:
        channel = await self._connection.channel()
        await channel.declare_queue(DEAD_LOADS, durable=True, arguments=DEAD_LOADS_ARGUMENTS, timeout=ANSWER_S)
        exchange = await channel.declare_exchange(LOADS, ExchangeType.DIRECT, durable=True, timeout=ANSWER_S)
        queue = await channel.declare_queue(LOADS, durable=True, arguments=LOADS_ARGUMENTS, timeout=ANSWER_S)
        await queue.bind(exchange, routing_key=LOADS, timeout=ANSWER_S)
        await channel.close()

    async def publish(self, loads: Sequence[Load]) -> None:
        """Give out loads, perhaps one twice; returns when all are confirmed."""
        if self._exchange is None:
            raise Unavailable("The queue of loads is not open yet.")
        await together(*(self._publish(self._exchange, load) for load in loads))

    async def _publish(self, exchange: AbstractExchange, load: Load) -> None:
        message = aio_pika.Message(
            msgspec.json.encode(load), delivery_mode=aio_pika.DeliveryMode.PERSISTENT, type="load"
        )
        await exchange.publish(message, routing_key=LOADS, timeout=ANSWER_S)

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
