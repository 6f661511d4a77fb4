"""`python -m projector` projects until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys

import uvloop

from projector.app import run
from shared.datasets.catalogue import load_catalogue
from shared.errors import TablefoldError
from shared.logs import log_to_stdout
from shared.settings import Settings, read_settings

YOUNG_OBJECTS = 20_000
"""Events come by the thousand and hold no cycles: the collector need not look through them every 700 objects."""


async def main(settings: Settings) -> None:
    """Run until a signal says to stop; what is under way is rolled back, and others take it over."""
    catalogue = load_catalogue(settings.datasets_folder)
    gc.freeze()  # All that is loaded by now stays.
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    work = asyncio.create_task(run(settings, catalogue))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work


log_to_stdout()
try:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(read_settings(os.environ, "amqp_url", "blobs_url")))
except TablefoldError as refused:
    sys.exit(f"tablefold: {refused}")
