"""A child process with a log, a deadline to get ready and an orderly end; beside the flow."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from cli.servers.folder import DataFolder
from cli.servers.leftovers import KILLED_S, end, family, world
from shared.errors import Unavailable

# The child itself writes its mark before it becomes the server: no instant at which its owner's death could lose it.
MARKED = 'read -r stat </proc/$$/stat && echo "$2 $stat" >"$1" && shift 2 && exec "$@"'
LOG_BYTES = 16 * 1024**2
"""A log longer than this is put aside as NAME.log.1 at the next start."""
TAIL_LINES = 25
UNREADY_S = 2.0
"""How long one that never got ready may take to end: RabbitMQ hears no signal while it boots."""


class Process(ABC):
    """One child in a session of its own; it can be started again after `stop`, `kill` or its own death.

    Not for use by several threads at once.
    """

    stop_signal: signal.Signals = signal.SIGTERM
    start_s = 60.0
    stop_s = 15.0
    cwd = Path("/")

    def __init__(self, name: str, folder: DataFolder) -> None:
        self.name = name
        self.folder = folder
        self.log = folder.logs / f"{name}.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._ending: list[psutil.Process] = []
        self._was_ready = False

    @abstractmethod
    def command(self) -> list[str]:
        """Program and arguments."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it does its work now; answers within about a second."""

    def environment(self) -> dict[str, str]:
        """All variables of the child."""
        return dict(os.environ)

    def prepare(self) -> None:
        """Do what comes before each start; nothing, unless a server says otherwise."""
        return

    @property
    def pid(self) -> int | None:
        """The child's id while it runs."""
        return self._child.pid if self._child is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether the child lives (a paused one does)."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it unless it runs, and return when it is ready; raises Unavailable with the end of its log."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start it unless it runs, without waiting until it is ready."""
        if self.is_running:
            return
        self._was_ready = False
        self.prepare()
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.rename(self.log.with_suffix(".log.1"))
        marked = [str(self._mark), f"{world()} {self.stop_signal:d}"]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                ["/bin/sh", "-c", MARKED, "sh", *marked, *self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env=self.environment(),
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return when it is ready; raises Unavailable with the end of its log when it ends or takes too long."""
        deadline = time.monotonic() + self.start_s
        while True:
            if self._child is None or self._child.poll() is not None:
                raise Unavailable(f"{self.name} ended while it was starting. {self._tail()}")
            if self.is_ready():
                self._was_ready = True
                return
            if time.monotonic() > deadline:
                self.kill()
                raise Unavailable(f"{self.name} was not ready within {self.start_s:g} s. {self._tail()}")
            time.sleep(0.03)

    def stop(self) -> None:
        """End it in good order, with force after `stop_s`; nothing happens when it does not run."""
        self.ask_to_stop()
        self.wait_until_stopped()

    def ask_to_stop(self) -> None:
        """Send the stop signal without waiting."""
        if self._child is not None:
            self._ending = family(self._child.pid)
            self._send(signal.SIGCONT)
            with suppress(ProcessLookupError):
                os.kill(self._child.pid, self.stop_signal)

    def wait_until_stopped(self) -> None:
        """Return when it and everything that it started is gone."""
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(self.stop_s if self._was_ready else UNREADY_S)
            end(self._ending, 1.0)
            self._child.wait(KILLED_S)
            self._child = None
            self._mark.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it and everything that it started at once, as a crash would (SIGKILL)."""
        if self._child is not None:
            self._ending = family(self._child.pid)
            self._send(signal.SIGKILL)
            self.wait_until_stopped()

    def pause(self) -> None:
        """Stop it from running, without its notice, until `resume` (SIGSTOP)."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on (SIGCONT)."""
        self._send(signal.SIGCONT)

    @property
    def _mark(self) -> Path:
        return self.folder.run / f"{self.name}.mark"

    def _send(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.poll() is None:
            for process in family(self._child.pid):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join([f"The end of {self.log}:", *lines])


def stop_all(processes: Iterable[Process]) -> None:
    """End several at the same time, each in good order."""
    all_of_them = list(processes)
    for process in all_of_them:
        process.ask_to_stop()
    for process in all_of_them:
        process.wait_until_stopped()
