"""Knows again, and ends, the processes that a killed owner has left behind; beside the flow.

A mark is one line: the boot and the namespace that process ids belong to, the stop signal, and the process's
`/proc/PID/stat`. Process id and start time in one boot name a process for good, so a stale mark never hits a stranger.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

STOP_S = 20.0
"""How long processes may take to end by themselves before they are killed."""
KILLED_S = 5.0
"""How long a killed process may take to be gone."""


class Mark(NamedTuple):
    """Which process a mark means; `started` counts clock ticks since boot."""

    world: str
    stop_signal: int
    pid: int
    started: int


def world() -> str:
    """Names the boot of this machine and the process namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{os.readlink('/proc/self/ns/pid')}"


def mark_of(pid: int, stop_signal: int = signal.SIGTERM) -> str:
    """The mark of a live process; raises OSError when there is none."""
    return f"{world()} {stop_signal:d} {Path(f'/proc/{pid}/stat').read_text()}"


def read_mark(text: str) -> Mark:
    """Read a mark; a broken one means no process (id 0)."""
    try:
        place, stop_signal, stat = text.split(" ", 2)
        return Mark(place, int(stop_signal), int(stat.split()[0]), _started(stat))
    except (ValueError, IndexError):
        return Mark("", int(signal.SIGTERM), 0, 0)


def is_alive(text: str) -> bool:
    """Whether the process that this mark means still runs here."""
    mark = read_mark(text)
    if not mark.pid or mark.world != world():
        return False
    try:
        stat = Path(f"/proc/{mark.pid}/stat").read_text()
    except OSError:
        return False
    return _started(stat) == mark.started and stat.rpartition(")")[2].split()[0] != "Z"


def family(pid: int) -> list[psutil.Process]:
    """A process, all its descendants and everything in the session that it leads."""
    found: set[psutil.Process] = set()
    with suppress(psutil.NoSuchProcess):
        leader = psutil.Process(pid)
        found = {leader, *leader.children(recursive=True)}
    for other in psutil.pids():
        with suppress(OSError, psutil.NoSuchProcess):
            if os.getsid(other) == pid:
                found.add(psutil.Process(other))
    return list(found)


def end(processes: Iterable[psutil.Process], within_s: float) -> None:
    """Wait for processes to end by themselves, then kill those that have not; none is reaped."""
    alive = _still_alive(processes, within_s)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _still_alive(alive, KILLED_S)


def end_leftovers(run: Path) -> None:
    """End every process that has a mark in this folder, and what belongs to it; done when all are gone."""
    ending: list[psutil.Process] = []
    files = sorted(run.glob("*.mark"))
    for file in files:
        text = file.read_text()
        mark = read_mark(text)
        reused = mark.world == world() and Path(f"/proc/{mark.pid}").exists() and not is_alive(text)
        if mark.pid and mark.world == world() and not reused:
            ending += family(mark.pid)
            with suppress(ProcessLookupError):
                os.kill(mark.pid, signal.SIGCONT)
                os.kill(mark.pid, mark.stop_signal)
    end(ending, STOP_S)
    for file in files:
        file.unlink(missing_ok=True)


def _still_alive(processes: Iterable[psutil.Process], within_s: float) -> list[psutil.Process]:
    deadline = time.monotonic() + within_s
    alive = [process for process in processes if _lives(process)]
    while alive and time.monotonic() < deadline:
        time.sleep(0.02)
        alive = [process for process in alive if _lives(process)]
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _started(stat: str) -> int:
    return int(stat.rpartition(")")[2].split()[19])
