"""Log lines: one sentence's worth of `name=value` pairs each, on stdout; beside the flow."""

from __future__ import annotations

import logging
import sys


def log_to_stdout() -> None:
    """One line for each record from INFO on; does nothing where logging is set up already."""
    form = "%(asctime)s level=%(levelname)s logger=%(name)s %(message)s"
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format=form)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
