"""Waits beside the owner of a data folder and ends its servers when it dies; beside the flow.

Reads standard input until its end, which comes when the owner closes it or dies in whatever way.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cli.servers.leftovers import end_leftovers


def main() -> None:
    """Wait for the owner's end, then end every process that has a mark in the folder named on the command line."""
    sys.stdin.buffer.read()
    end_leftovers(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
