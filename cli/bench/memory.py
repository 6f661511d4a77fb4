"""How much memory processes take at most, watched from outside; beside the flow."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import psutil

SAMPLE_S = 0.05
SAMPLES_PER_SEARCH = 5
STATUS = re.compile(r"^(VmHWM|RssAnon):\s+(\d+) kB$", re.MULTILINE)


class Peak(msgspec.Struct, frozen=True):
    """The largest of the processes of one name: `resident_bytes` as the kernel kept it, shared memory included.

    `private_bytes` is the most that was seen to be its own, twenty times a second; a shorter peak is missed.
    """

    resident_bytes: int
    private_bytes: int
    processes: int


class MemoryWatch:
    """Watches processes and all that they start, while the block runs; a context manager.

    `roots` are names and process ids. Peaks before the block do not count where the kernel lets us reset them.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._names: dict[int, str] = {}
        self._resident: dict[int, int] = {}
        self._private: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-watch", daemon=True)

    @property
    def peaks(self) -> dict[str, Peak]:
        """By name; PostgreSQL's sessions, of which there are many, under one."""
        found: dict[str, Peak] = {}
        for pid, name in list(self._names.items()):
            before = found.get(name, Peak(0, 0, 0))
            resident = max(before.resident_bytes, self._resident.get(pid, 0))
            private = max(before.private_bytes, self._private.get(pid, 0))
            found[name] = Peak(resident, private, before.processes + 1)
        return found

    def __enter__(self) -> Self:
        self._search()
        for pid in self._names:
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._sample()

    def _watch(self) -> None:
        count = 0
        while not self._ended.wait(SAMPLE_S):
            count += 1
            if count % SAMPLES_PER_SEARCH == 0:
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
                if status:
                    self._resident[pid] = max(self._resident.get(pid, 0), int(status["VmHWM"]) * 1024)
                    self._private[pid] = max(self._private.get(pid, 0), int(status["RssAnon"]) * 1024)


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
