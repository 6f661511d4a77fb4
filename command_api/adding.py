"""Users and keys that are made beside HTTP, by whoever runs Tablefold; beside the flow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from command_api.passwords import Passwords
from command_api.users import Change, Name, Users
from shared.auth.callers import SCOPES, Role, Scope
from shared.database import make_engine
from shared.errors import BadSettings

BY = "console"
"""The actor of what is done by somebody who has the database anyway."""


async def add_user(database_url: str, name: str, role: str, password: str) -> None:
    """A user with every scope to be asked for; where the name is taken, that user gets this role and password.

    Raises BadSettings for a name or role that nobody can have, or BadPassword.
    """
    wanted = Change(role=_role(role), scopes=SCOPES, disabled=False)
    name = _name(name)
    passwords = Passwords()
    passwords.check(password, name)
    password_hash = await passwords.hash(password)
    async with _users(database_url) as users:
        if await users.find(name) is None:
            await users.add(name, wanted, password_hash, BY)
        else:
            await users.change(name, wanted, BY)
            await users.set_password(name, password_hash, BY)


async def add_first(database_url: str, name: str, password: str) -> None:
    """That administrator, where there is none who may log in, or nothing; raises like `add_user`."""
    if not password:
        says = "TABLEFOLD_ADMINISTRATOR has no password: name a file that holds it in"
        raise BadSettings(f"{says} TABLEFOLD_ADMINISTRATOR_PASSWORD_FILE.")
    async with _users(database_url) as users:
        there_is_one = await users.has_administrator()
    if not there_is_one:
        await add_user(database_url, name, Role.ADMINISTRATOR, password)


async def add_key(database_url: str, name: str, label: str, scopes: tuple[Scope, ...], days: float = 1.0) -> str:
    """A key with its user's role and those scopes; raises NotFound for a user who is not there."""
    async with _users(database_url) as users:
        user = await users.get(name)
        return (await users.add_key(user["user_id"], label, Role(user["role"]), scopes, days, BY)).key


@asynccontextmanager
async def _users(database_url: str) -> AsyncIterator[Users]:
    engine = make_engine(database_url, name="tablefold-console", pool_size=1)
    try:
        yield Users(engine)
    finally:
        await engine.dispose()


def _role(text: str) -> Role:
    if text not in tuple(Role):
        raise BadSettings(f"There is no role {text[:40]!r}; there are {', '.join(Role)}.")
    return Role(text)


def _name(text: str) -> str:
    try:
        return msgspec.convert(text, Name)
    except msgspec.ValidationError:
        says = "it begins with a small letter or digit, and has at most 64 of them and of . _ @ -"
        raise BadSettings(f"{text[:80]!r} is no name of a user: {says}.") from None
