"""Opens archives in a child process that may fail, hang or take too much without harm; blob -> *text* -> chunk plan."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from command_api.archives.orders import Opened, Order, Refusal
from shared.errors import BadFile, Refused, TooLarge

logger = logging.getLogger(__name__)

AT_ONCE: Final = 2
"""Children of one process; further archives wait."""
BLOCK_BYTES: Final = 1024**2
SAID_BYTES: Final = 64 * 1024
ROOT: Final = Path(__file__).parents[2]


class Unpacker:
    """Starts a child for each archive, `AT_ONCE` at a time. A child knows no setting, no secret and no connection."""

    def __init__(self, time_s: float) -> None:
        self._time_s = time_s
        self._free = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def opened(self, archive: BinaryIO, order: Order) -> AsyncIterator[Unpacked]:
        """The archive as its child opens it; the child is gone when the context ends. Raises Refused."""
        async with self._free:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "command_api.archives", msgspec.json.encode(order).decode()),
                stdin=archive,
                stdout=PIPE,
                stderr=PIPE,
                limit=BLOCK_BYTES,
                cwd=ROOT,
                env={},
            )
            said = asyncio.create_task(_said(process))
            try:
                async with asyncio.timeout(self._time_s):
                    yield Unpacked(process, said, order)
            except TimeoutError as error:
                says = f"Reading the archive takes longer than {self._time_s:g} s. Send the table as CSV."
                raise TooLarge("format-error", says) from error
            finally:
                said.cancel()
                if process.returncode is None:
                    process.kill()
                await process.wait()


class Unpacked:
    """An archive that its child has open."""

    def __init__(self, process: Process, said: asyncio.Task[bytes], order: Order) -> None:
        self._process = process
        self._said = said
        self._order = order

    async def head(self) -> Opened:
        """What was found inside. Raises Refused."""
        assert self._process.stdout
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise await self._failure()
        return msgspec.json.decode(line, type=Opened)

    async def blocks(self) -> AsyncIterator[bytes]:
        """The text, after `head`. Raises Refused where it does not come to its end."""
        assert self._process.stdout
        while block := await self._process.stdout.read(BLOCK_BYTES):
            yield block
        if await self._process.wait():
            raise await self._failure()

    async def _failure(self) -> Refused:
        code, said = await self._process.wait(), await self._said
        try:
            return msgspec.json.decode(said, type=Refusal).error()
        except msgspec.DecodeError:
            logger.warning("action=unpack code=%s said=%r", code, said[-500:])
        if code in (-signal.SIGABRT, -signal.SIGKILL, -signal.SIGSEGV):
            says = f"The archive needs more than {self._order.memory_bytes} bytes of memory to be read. Send it as CSV."
            return TooLarge("format-error", says)
        if code == -signal.SIGXCPU:
            says = f"Reading the archive takes more than {self._order.cpu_s} s of processor time. Send it as CSV."
            return TooLarge("format-error", says)
        return BadFile("archive-error", "The archive cannot be read. Save it anew, or send the table as CSV.")


async def _said(process: Process) -> bytes:
    """What the child says on standard error, up to SAID_BYTES; the rest is read and dropped."""
    assert process.stderr
    said = b""
    while block := await process.stderr.read(SAID_BYTES):
        said = (said + block)[:SAID_BYTES]
    return said
