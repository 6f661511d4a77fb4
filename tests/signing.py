"""Tokens for an API that runs in the test's own process: a key pair, and a user in its database who is logged in."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from shared.auth.callers import SCOPES
from shared.auth.keys import make_keys, read_signing_key
from shared.auth.tokens import Signer
from shared.settings import Settings

LIVES_S = 12 * 3600
"""Longer than any run of the suite."""

USER = UUID(int=1)
SESSION = UUID(int=2)
NAME = "signed-tester"

UNLIMITED = "*=10000000/60"
"""Of `TABLEFOLD_RATE_LIMITS`: more calls than a test makes."""

ADD_USER = """
    INSERT INTO store.users (user_id, name, role, scopes) VALUES ($1, $2, 'administrator', $3) ON CONFLICT DO NOTHING
"""
ADD_SESSION = """
    INSERT INTO store.sessions (session_id, user_id, scopes, secret, expires_at)
    VALUES ($1, $2, '{}', 'unused', 'infinity') ON CONFLICT DO NOTHING
"""


def signed(settings: Settings) -> Settings:
    """The same settings with the keys of these tests, and the tester as a user of their database."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _add(settings.database_url)).result()
    return keyed(settings)


def keyed(settings: Settings) -> Settings:
    """The same settings with the keys of these tests, and where they say nothing of limits, none that a test meets."""
    folder = keys()
    limits = settings.rate_limits or UNLIMITED
    public, signing = str(folder / "public"), str(folder / "signing")
    return replace(settings, public_keys_folder=public, signing_keys_folder=signing, rate_limits=limits)


@cache
def keys() -> Path:
    """A folder with one pair of keys for the whole run."""
    folder = Path(tempfile.mkdtemp(prefix="tablefold-test-keys-"))
    atexit.register(shutil.rmtree, folder)
    make_keys(folder / "signing", folder / "public")
    return folder


def access_token(user: UUID = USER, session: UUID = SESSION, scopes: tuple[str, ...] = SCOPES) -> str:
    """A token of the tester, an administrator, or of somebody else."""
    signer = Signer(LIVES_S)
    signer.use(*read_signing_key(str(keys() / "signing")))
    return signer.sign(user, session, scopes)


async def _add(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(ADD_USER, USER, NAME, list(SCOPES))
        await connection.execute(ADD_SESSION, SESSION, USER)
    finally:
        await connection.close()
