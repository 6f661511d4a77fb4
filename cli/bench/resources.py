"""How much memory and processor time processes take, watched from outside; beside the flow."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import psutil

SAMPLE_S = 0.5
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STATUS = re.compile(r"^(VmHWM|RssAnon):\s+(\d+) kB$", re.MULTILINE)


class Usage(msgspec.Struct, frozen=True):
    """What the processes of one name took: memory is that of the largest, processor time that of all together.

    `resident_bytes` is the peak that the kernel kept, shared memory included. `private_bytes` is the most that was seen
    to be its own, twenty times a second; a shorter peak is missed.
    """

    resident_bytes: int = 0
    private_bytes: int = 0
    cpu_s: float = 0.0


class ResourceWatch:
    """Watches processes and all that they start, while the block runs; a context manager.

    `roots` are names and process ids. Peaks before the block do not count where the kernel lets us reset them.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._names: dict[int, str] = {}
        self._usage: dict[int, Usage] = {}
        self._cpu_before_s: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="resource-watch", daemon=True)

    @property
    def usage(self) -> dict[str, Usage]:
        """By name; PostgreSQL's sessions, of which there are many, under one."""
        found: dict[str, Usage] = {}
        for pid, own in list(self._usage.items()):
            name = self._names[pid]
            found[name] = _together(found.get(name, Usage()), own)
        return found

    def now(self) -> dict[str, Usage]:
        """The same, looked at in this moment and not up to half a second ago."""
        self._search()
        self._sample()
        return self.usage

    def __enter__(self) -> Self:
        self._search()
        for pid in self._names:
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")
            with suppress(OSError):
                self._cpu_before_s[pid] = _cpu_s(pid)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._sample()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            self._search()
            self._sample()

    def _search(self) -> None:
        for name, pid in self._roots.items():
            with suppress(psutil.Error):
                root = psutil.Process(pid)
                self._names.setdefault(pid, name)
                for child in root.children(recursive=True):
                    if child.pid not in self._names:
                        self._names[child.pid] = _name_of(name, child)

    def _sample(self) -> None:
        for pid in list(self._names):
            with suppress(OSError):
                status = dict(STATUS.findall(Path(f"/proc/{pid}/status").read_text()))
                cpu_s = _cpu_s(pid) - self._cpu_before_s.get(pid, 0.0)
                if status:
                    before = self._usage.get(pid, Usage())
                    resident = max(before.resident_bytes, int(status["VmHWM"]) * 1024)
                    private = max(before.private_bytes, int(status["RssAnon"]) * 1024)
                    self._usage[pid] = Usage(resident, private, cpu_s)


def _together(one: Usage, other: Usage) -> Usage:
    return Usage(
        max(one.resident_bytes, other.resident_bytes),
        max(one.private_bytes, other.private_bytes),
        one.cpu_s + other.cpu_s,
    )


def _cpu_s(pid: int) -> float:
    """Processor time of a process so far, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _name_of(root: str, child: psutil.Process) -> str:
    """`postgres session` for what serves a client, else the root and the program."""
    with suppress(psutil.Error):
        title = " ".join(child.cmdline())
        if title.startswith("postgres: "):
            kind = title.removeprefix("postgres: ")
            known = re.match(r"(checkpointer|background writer|walwriter|autovacuum|parallel worker|logical)", kind)
            return f"postgres {known[0] if known else 'session'}"
        return f"{root}: {child.name()}"
    return root
