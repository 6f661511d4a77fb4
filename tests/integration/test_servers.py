"""The private servers: what a start promises, what an end leaves, what a crash of their owner does; beside the flow."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import aio_pika
import aio_pika.abc
import aio_pika.exceptions
import asyncpg
import httpx
import psutil
import pytest

from cli.servers.folder import ROOT, DataFolder
from cli.servers.leftovers import family, read_mark
from cli.servers.processes import Process
from cli.servers.secrets import BROKER_SECRETS
from cli.servers.servers import Servers
from shared.errors import BadSettings, Unavailable

OWNER = """
import sys, time
from pathlib import Path
from cli.servers.servers import Servers
with Servers(Path(sys.argv[1])) as servers:
    print(servers.database_url, servers.amqp_url, flush=True)
    sys.stdin.read()
"""
# The checkout and its Python may lie where only root can read, so this user may read everything; it is not root.
AS_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
READING_ALL = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--")
T = TypeVar("T")


def at_once(work: Coroutine[None, None, T]) -> T:
    """The result of a coroutine, in an event loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result(timeout=30)


def until(holds: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def servers_in(data: Path) -> list[psutil.Process]:
    """Every process of every server of a running installation."""
    marks = [read_mark(file.read_text()) for file in (data / "run").glob("*.mark")]
    return [process for mark in marks for process in family(mark.pid) if lives(process)]


def guard_of(data: Path) -> psutil.Process:
    guarding = ["-m", "cli.servers.guard", str(data / "run")]
    running = psutil.process_iter(["cmdline"])
    return next(process for process in running if (process.info["cmdline"] or [])[1:] == guarding)


async def execute(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def fetch(database_url: str, query: str, timeout_s: float = 10) -> object:
    connection = await asyncpg.connect(database_url, timeout=timeout_s)
    try:
        return await connection.fetchval(query, timeout=timeout_s)
    finally:
        await connection.close()


async def publish(amqp_url: str, queue: str, body: bytes, kind: str) -> None:
    async with await aio_pika.connect(amqp_url, timeout=10) as connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": kind})
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, queue, timeout=10)


async def receive(amqp_url: str, queue: str) -> bytes | None:
    async with await aio_pika.connect(amqp_url, timeout=10) as connection:
        channel = await connection.channel()
        message = await (await channel.get_queue(queue)).get(timeout=10, fail=False)
        return message.body if message else None


async def first_in_stream(amqp_url: str, stream: str) -> bytes:
    async with asyncio.timeout(20):
        while True:
            try:
                return await _first_in_stream(amqp_url, stream)
            except aio_pika.exceptions.ChannelNotFoundEntity:
                await asyncio.sleep(0.1)  # RabbitMQ speaks AMQP a moment before it has recovered its streams.


async def _first_in_stream(amqp_url: str, stream: str) -> bytes:
    async with await aio_pika.connect(amqp_url, timeout=10) as connection:
        channel = await connection.channel()
        await channel.set_qos(1)
        received: asyncio.Queue[bytes] = asyncio.Queue()

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            await received.put(message.body)
            await message.ack()

        queue = await channel.get_queue(stream, ensure=False)
        await queue.consume(take, arguments={"x-stream-offset": "first"})
        return await asyncio.wait_for(received.get(), 10)


@contextmanager
def owner(data: Path, before: tuple[str, ...] = ()) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Another process that owns a data folder: the process and its servers' URLs."""
    command = [*before, sys.executable, "-c", OWNER, str(data)]
    child = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert child.stdout is not None
    with child:
        try:
            line = child.stdout.readline()
            assert line, "the servers did not start"
            database_url, amqp_url = line.split()
            yield child, database_url, amqp_url
        finally:
            child.kill()


class FirstRun(NamedTuple):
    """An installation that ran once and was ended in good order."""

    data: Path
    database_url: str
    amqp_url: str
    processes: dict[psutil.Process, str]


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    data = tmp_path_factory.mktemp("servers") / "data"
    with Servers(data) as servers:
        at_once(execute(servers.database_url, "CREATE TABLE kept AS SELECT 42 AS answer"))
        at_once(publish(servers.amqp_url, "kept", b"still here", "quorum"))
        at_once(publish(servers.amqp_url, "kept.stream", b"event 1", "stream"))
        running = {process: process.name() for process in [*servers_in(data), guard_of(data)]}
        return FirstRun(data, servers.database_url, servers.amqp_url, running)


@pytest.fixture(scope="module")
def servers(first_run: FirstRun) -> Iterator[Servers]:
    with Servers(first_run.data) as second_run:
        yield second_run


def test_an_end_in_good_order_leaves_no_process(first_run: FirstRun) -> None:
    assert {"postgres", "beam.smp", "epmd"} <= set(first_run.processes.values())
    assert [name for process, name in first_run.processes.items() if lives(process)] == []


def test_a_second_start_continues_where_the_first_ended(first_run: FirstRun, servers: Servers) -> None:
    assert (servers.database_url, servers.amqp_url) == (first_run.database_url, first_run.amqp_url)
    assert at_once(fetch(servers.database_url, "SELECT answer FROM kept")) == 42
    assert at_once(receive(servers.amqp_url, "kept")) == b"still here"
    assert at_once(first_in_stream(servers.amqp_url, "kept.stream")) == b"event 1"


def test_a_folder_in_use_is_refused_with_its_owner(servers: Servers) -> None:
    with pytest.raises(BadSettings, match=f"in use by process {os.getpid()}"):
        Servers(servers.folder.path).start()
    assert servers.postgres.is_running


def test_a_port_that_is_taken_is_refused_by_its_number(servers: Servers) -> None:
    taken = servers.postgres.port
    with pytest.raises(BadSettings, match=f"Port {taken} is taken"):
        servers.folder.port("gateway", wanted=taken)


def test_secrets_are_readable_by_their_owner_only(servers: Servers) -> None:
    secrets = list((servers.folder.path / "secrets").iterdir())
    assert {file.name for file in secrets} == {"postgres", "postgres-superuser", *BROKER_SECRETS.values()}
    assert {file.stat().st_mode & 0o777 for file in secrets} == {0o600}


def test_a_wrong_password_is_refused(servers: Servers) -> None:
    wrong = servers.database_url.replace(servers.folder.secret("postgres"), "guess")
    with pytest.raises(asyncpg.InvalidPasswordError):
        at_once(fetch(wrong, "SELECT 1"))
    guess = servers.amqp_url.replace(servers.folder.secret("rabbitmq"), "guess")
    with pytest.raises(aio_pika.exceptions.AMQPConnectionError):
        at_once(publish(guess, "kept", b"x", "quorum"))


def test_a_database_of_its_own_can_be_made_and_dropped(servers: Servers) -> None:
    url = servers.create_database("another one")
    assert at_once(fetch(url, "SELECT current_database()")) == "another one"
    with pytest.raises(Unavailable, match="already exists"):
        servers.create_database("another one")
    servers.postgres.drop_database("another one")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        at_once(fetch(url, "SELECT 1"))


def test_a_killed_postgres_comes_back_with_what_was_committed(servers: Servers) -> None:
    at_once(execute(servers.database_url, "CREATE TABLE committed AS SELECT 7 AS answer"))
    servers.postgres.kill()
    with pytest.raises(OSError, match=r"refused|Connect"):
        at_once(fetch(servers.database_url, "SELECT 1"))
    servers.postgres.start()
    assert at_once(fetch(servers.database_url, "SELECT answer FROM committed")) == 7


def test_a_paused_postgres_answers_once_it_is_resumed(servers: Servers) -> None:
    servers.postgres.pause()
    try:
        with pytest.raises(TimeoutError):
            at_once(fetch(servers.database_url, "SELECT 1", timeout_s=0.5))
        assert servers.postgres.is_running
    finally:
        servers.postgres.resume()
    assert at_once(fetch(servers.database_url, "SELECT 1")) == 1


def test_rabbitmq_alone_can_be_stopped_and_keeps_its_messages(servers: Servers) -> None:
    at_once(publish(servers.amqp_url, "alone", b"survives", "quorum"))
    servers.rabbitmq.stop()
    with pytest.raises(aio_pika.exceptions.AMQPConnectionError):
        at_once(receive(servers.amqp_url, "alone"))
    assert at_once(fetch(servers.database_url, "SELECT 1")) == 1
    servers.rabbitmq.start()
    assert at_once(receive(servers.amqp_url, "alone")) == b"survives"


def test_when_the_owner_is_killed_its_servers_end(tmp_path: Path) -> None:
    with owner(tmp_path) as (child, database_url, _):
        running = [*servers_in(tmp_path), guard_of(tmp_path)]
        at_once(execute(database_url, "CREATE TABLE kept AS SELECT 1 AS answer"))
        child.kill()
        assert until(lambda: not any(lives(process) for process in running), within_s=30)


def test_when_owner_and_guard_are_killed_the_next_start_ends_what_they_left_and_continues(tmp_path: Path) -> None:
    with owner(tmp_path) as (child, database_url, _):
        at_once(execute(database_url, "CREATE TABLE kept AS SELECT 1 AS answer"))
        orphans = servers_in(tmp_path)
        guard_of(tmp_path).kill()
        child.kill()
    assert any(lives(process) for process in orphans)
    with Servers(tmp_path) as servers:
        assert not any(lives(process) for process in orphans)
        assert at_once(fetch(servers.database_url, "SELECT answer FROM kept")) == 1


def test_a_server_that_does_not_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    class Broken(Process):
        def command(self) -> list[str]:
            return ["/bin/sh", "-c", "echo no such luck; exit 3"]

        def is_ready(self) -> bool:
            return False

    folder = DataFolder(tmp_path)
    folder.claim()
    try:
        with pytest.raises(Unavailable, match="no such luck"):
            Broken("broken", folder).start()
    finally:
        folder.release()


def test_up_says_where_it_answers_and_ends_with_all_its_processes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "up", "--data", str(tmp_path), "--port", "0", "--projectors", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as up:
        try:
            assert up.stdout is not None
            said = up.stdout.readline().strip()
            assert said.startswith("ready: http://127.0.0.1:")
            health = httpx.get(f"{said.removeprefix('ready: ')}/health", trust_env=False).json()
            assert health["projectors"] == 1
            running = [*servers_in(tmp_path), guard_of(tmp_path)]
            up.terminate()
            assert up.wait(timeout=40) == 0
        finally:
            up.kill()
    assert not any(lives(process) for process in running)


def test_an_ordinary_user_can_run_the_servers_and_when_their_owner_is_killed_they_end() -> None:
    before, user = ((*AS_NOBODY, *READING_ALL), "nobody") if os.geteuid() == 0 else ((), psutil.Process().username())
    with tempfile.TemporaryDirectory() as place:
        shutil.chown(place, user)
        data = Path(place) / "data"
        with owner(data, before) as (child, database_url, amqp_url):
            assert {process.username() for process in servers_in(data)} == {user}
            assert at_once(fetch(database_url, "SELECT 1")) == 1
            at_once(publish(amqp_url, "q", b"x", "quorum"))
            running = [*servers_in(data), guard_of(data)]
            child.kill()
            assert until(lambda: not any(lives(process) for process in running), within_s=30)
