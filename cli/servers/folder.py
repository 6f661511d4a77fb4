"""The data folder of a private installation: its lock, secrets and ports; beside the flow."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from cli.servers.leftovers import end_leftovers, is_alive, mark_of, read_mark
from cli.servers.ports import free_port, is_free
from cli.servers.secrets import Secrets
from shared.errors import BadSettings

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""
GUARD_S = 45.0
"""How long a guard may take to end the processes of an owner that was killed."""


class DataFolder:
    """One installation's folder; between `claim` and `release` it belongs to this process alone.

    When the owner dies without `release`, a guard process ends whatever it had started; when the guard dies as well,
    the next `claim` does.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.secrets = Secrets(self.path / "secrets")
        self._lock = -1
        self._guard: subprocess.Popen[bytes] | None = None

    def claim(self) -> None:
        """Make this process the owner, and end what an earlier owner left running.

        Raises BadSettings when another live process owns the folder, or when it cannot be written.
        """
        try:
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            for folder in (self.run, self.logs, self.secrets.folder, self.path / "blobs"):
                folder.mkdir(mode=0o700, exist_ok=True)
            self._lock = self._locked()
        except OSError as error:
            raise BadSettings(
                f"The data folder {self.path} cannot be used ({error.strerror}): choose another with --data."
            ) from error
        end_leftovers(self.run)
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "cli.servers.guard", str(self.run)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            pass_fds=(self._lock,),
            start_new_session=True,
        )

    def release(self) -> None:
        """End whatever is still running and let others claim the folder."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            try:
                self._guard.wait(GUARD_S)
            except subprocess.TimeoutExpired:
                self._guard.kill()
                self._guard.wait()
            self._guard = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def secret(self, name: str) -> str:
        """32 random hexadecimal digits, made once for the life of the folder; readable by its owner only."""
        return self.secrets.secret(name)

    def port(self, name: str, wanted: int = 0) -> int:
        """The port of a server: `wanted`, or with 0 the one of last time, or a new one if that is taken.

        Raises BadSettings when `wanted` is taken.
        """
        if wanted:
            if not is_free(wanted):
                raise BadSettings(f"Port {wanted} is taken: choose another with --port, or 0 for any that is free.")
            return wanted
        file = self.path / "ports.json"
        ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        if name not in ports or not is_free(ports[name]):
            ports[name] = free_port(set(ports.values()))
            fresh = file.with_suffix(".new")
            fresh.write_text(json.dumps(ports))
            fresh.rename(file)
        return ports[name]

    def _locked(self) -> int:
        lock = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + GUARD_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.pread(lock, 4096, 0).decode()
                if time.monotonic() < deadline and not is_alive(owner):
                    time.sleep(0.05)  # The guard of a killed owner is still at work.
                    continue
                os.close(lock)
                raise BadSettings(
                    f"The data folder {self.path} is in use by process {read_mark(owner).pid}:"
                    " end that one, or choose another folder with --data."
                ) from None
            os.ftruncate(lock, 0)
            os.pwrite(lock, mark_of(os.getpid()).encode(), 0)
            return lock
