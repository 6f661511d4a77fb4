"""Peaks of memory, measured on processes that take a known amount."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from cli.bench.memory import MemoryWatch

TAKES_64_MB = "held = b'x' * (64 * 2**20); input(); del held; print('freed', flush=True); input()"
STARTS_ANOTHER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {TAKES_64_MB!r}])"


def seen_within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_a_peak_outlives_the_memory_and_covers_children() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS_ANOTHER], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with MemoryWatch({"parent": process.pid}) as watch:
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "freed\n"
            assert seen_within(5, lambda: len(watch.peaks) == 2)
        process.stdin.write("\n")
    largest = max(watch.peaks.values(), key=lambda peak: peak.resident_bytes)
    assert 64 * 2**20 <= largest.resident_bytes < 128 * 2**20
    assert 0 < watch.peaks["parent"].resident_bytes < 64 * 2**20
    assert all(peak.private_bytes <= peak.resident_bytes for peak in watch.peaks.values())


def test_a_process_that_is_gone_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with MemoryWatch({"gone": process.pid}) as watch:
        pass
    assert watch.peaks.get("gone") is None or watch.peaks["gone"].resident_bytes == 0
