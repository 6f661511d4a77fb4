"""Passwords: which ones are taken, and argon2id off the event loop; *HTTP -> command*, beside the log."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.bounds import Bound
from shared.errors import BadPassword

LEAST_CHARACTERS: Final = 12
MOST_CHARACTERS: Final = 256
MEMORY_KIB: Final = 19_456
ITERATIONS: Final = 2

MOST_WAITING: Final = 64
"""So many logins may wait for their hash; who comes then is told to come back."""

COMMON: Final = Path(__file__).parent / "common_passwords.txt"
"""The commonest passwords that are long enough, in lower case; their licence lies beside them."""

Answer = TypeVar("Answer")


class Passwords:
    """Hashes and compares, as many at once as half of the cores, so that other calls go on."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=1)
        self._common = frozenset(COMMON.read_text().split())
        self._threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // 2), thread_name_prefix="passwords")
        self._bound = Bound(MOST_WAITING, "Too many people log in at this moment.", retry_after_s=2)
        self._nobody = self._hasher.hash("nobody has this password")

    def check(self, password: str, name: str) -> None:
        """Raises BadPassword for one that is too short or too long, common, or the user's own name."""
        if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
            says = f"A password has from {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters. A sentence is a good one."
            raise BadPassword(says)
        if password.lower() in self._common or password.lower() == name.lower():
            raise BadPassword("That password is among the first that anybody would try. Choose another one.")

    async def hash(self, password: str) -> str:
        """The hash to be kept, with its parameters; raises Unavailable."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, kept: str | None) -> bool:
        """Whether it is the password; takes as long where there is none (None). Raises Unavailable."""
        return await self._run(lambda: self._matches(password, kept))

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _matches(self, password: str, kept: str | None) -> bool:
        try:
            self._hasher.verify(kept or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        with self._bound.entered():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
