"""Loads chunks in a process of its own, which some of them end; child of a test: chunk -> *staging*."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

import msgspec

from projector import copying, loading
from projector.parsing import parse
from shared.event_log import Load
from tests.driven.driver import Place
from tests.driven.tiny import TASKS

DEADLY = b"die"
"""A cell that the process which reads it does not survive."""


async def load(database_url: str, blobs_url: str, loads: list[Load], *, slowly: bool) -> None:
    """Handle all of them at the same time; with `slowly` nothing is ever copied to its end."""
    copy, copying_now = copying.copy_frame, asyncio.Event()

    def parse_or_die(chunk: Any, text: bytes, file: Any) -> Any:
        if DEADLY in text:
            os.kill(os.getpid(), signal.SIGKILL)
        return parse(chunk, text, file)

    async def copy_slowly(*what: Any) -> None:
        copying_now.set()
        await (asyncio.Event().wait() if slowly else copy(*what))

    setattr(loading, "parse", parse_or_die)  # noqa: B010  # as a test patches it
    setattr(copying, "copy_frame", copy_slowly)  # noqa: B010
    place = await Place.open(database_url, blobs_url)
    name = loads[0].dataset
    place.catalogue[name] = msgspec.structs.replace(TASKS, name=name)
    async with asyncio.TaskGroup() as running:
        for one in loads:
            running.create_task(place.loader.handle(one))
            if slowly and one is loads[0]:
                await copying_now.wait()
    await place.close()


if __name__ == "__main__":
    given = msgspec.json.decode(sys.argv[3], type=list[Load])
    asyncio.run(load(sys.argv[1], sys.argv[2], given, slowly=sys.argv[4] == "slowly"))
