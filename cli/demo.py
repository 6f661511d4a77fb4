"""What `./tablefold demo` shows once everything runs; the whole flow, seen from outside."""

from __future__ import annotations

from cli.stack import Stack


def run(stack: Stack, *, once: bool) -> None:
    """Say where the running system is."""
    parts = ", ".join(stack.processes)
    print(f"{'Ran' if once else 'Running'} behind {stack.url}: {parts}", flush=True)
