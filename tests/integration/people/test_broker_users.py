"""Every service has a user of its own in RabbitMQ that may do what it needs; all else is tried and refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPConnectionError, ProbableAuthenticationError
from aiormq.exceptions import ChannelAccessRefused

from cli.stack import Stack
from shared.event_log import DEAD_LOADS, EVENTS, LOADS, stream_of
from tests.steps import Api

STREAM = stream_of("debts")
Try = Callable[[AbstractChannel], Awaitable[object]]


def publish(exchange: str, routing_key: str) -> Try:
    async def publishing(channel: AbstractChannel) -> None:
        through = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        await through.publish(aio_pika.Message(b"forged"), routing_key=routing_key, timeout=5)

    return publishing


def take(queue: str) -> Try:
    async def taking(channel: AbstractChannel) -> None:
        await (await channel.get_queue(queue, ensure=False)).get(fail=False, timeout=5)

    return taking


def declare(queue: str) -> Try:
    return lambda channel: channel.declare_queue(queue, durable=True, timeout=5)


REFUSED: dict[str, dict[str, Try]] = {
    "tablefold_command": {
        "publish to loads": publish(LOADS, LOADS),
        "publish to loads, by the default exchange": publish("", LOADS),
        "publish to a stream, by the default exchange": publish("", STREAM),
        "take loads": take(LOADS),
        "take dead loads": take(DEAD_LOADS),
        "delete loads": lambda channel: channel.queue_delete(LOADS, timeout=5),
        "declare": declare("mine"),
    },
    "tablefold_projector": {
        "publish to a stream": publish(EVENTS, STREAM),
        "publish to a stream, by the default exchange": publish("", STREAM),
        "publish to dead loads": publish(DEAD_LOADS, DEAD_LOADS),
        "delete a stream": lambda channel: channel.queue_delete(STREAM, timeout=5),
        "delete loads": lambda channel: channel.queue_delete(LOADS, timeout=5),
        "delete an exchange": lambda channel: channel.exchange_delete(EVENTS, timeout=5),
        "declare a stream": declare(stream_of("forged")),
        "declare": declare("mine"),
    },
}


async def is_refused(url: str, attempt: Try) -> bool:
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        try:
            await attempt(channel)
        except ChannelAccessRefused:
            return True
        return False


@pytest.mark.parametrize(("user", "what"), [(user, what) for user, tries in REFUSED.items() for what in tries])
def test_a_user_may_do_no_more_than_its_service(stack: Stack, user: str, what: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        tried = pool.submit(asyncio.run, is_refused(stack.rabbitmq.url_of(user), REFUSED[user][what]))
        assert tried.result(30)


def test_there_is_no_guest(stack: Stack) -> None:
    guest = f"amqp://guest:guest@127.0.0.1:{stack.rabbitmq.port}/"
    with ThreadPoolExecutor(1) as pool, pytest.raises((ProbableAuthenticationError, AMQPConnectionError)):
        pool.submit(asyncio.run, is_refused(guest, declare("mine"))).result(30)


def test_what_was_refused_has_left_nothing_and_uploads_go_through(api: Api, source: str) -> None:
    content = b"name,governmentId,email,debtAmount,debtDueDate,debtId\n"
    assert api.upload("debts", content, source=source)["state"] == "published"
