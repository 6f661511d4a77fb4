"""Memory and processor time, measured on processes that take a known amount."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from cli.bench.resources import ResourceWatch

TAKES_64_MB = "held = b'x' * (64 * 2**20); input(); del held; print('freed', flush=True); input()"
BURNS_HALF_A_SECOND = """
import time
input()
while time.process_time() < 0.5:
    pass
print(flush=True)
input()
"""
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
        with ResourceWatch({"parent": process.pid}) as watch:
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "freed\n"
            assert seen_within(5, lambda: len(watch.usage) == 2)
        process.stdin.write("\n")
    largest = max(watch.usage.values(), key=lambda usage: usage.resident_bytes)
    assert 64 * 2**20 <= largest.resident_bytes < 128 * 2**20
    assert 0 < watch.usage["parent"].resident_bytes < 64 * 2**20
    assert all(usage.private_bytes <= usage.resident_bytes for usage in watch.usage.values())


def test_a_process_that_is_gone_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with ResourceWatch({"gone": process.pid}) as watch:
        pass
    assert watch.usage.get("gone") is None or watch.usage["gone"].resident_bytes == 0


def test_processor_time_is_that_of_the_block_only() -> None:
    with subprocess.Popen([sys.executable, "-c", BURNS_HALF_A_SECOND], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with ResourceWatch({"burner": process.pid}) as first:
            process.stdin.write("\n")
            process.stdin.flush()
            process.stdout.readline()
        with ResourceWatch({"burner": process.pid}) as second:
            assert seen_within(5, lambda: "burner" in second.usage)
        process.stdin.write("\n")
    assert 0.4 <= first.usage["burner"].cpu_s <= 1.0
    assert second.usage["burner"].cpu_s < 0.1
