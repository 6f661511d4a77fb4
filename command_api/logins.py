"""Name and password become tokens; the answer to a wrong one is the same in words and time; *HTTP -> command*."""

from __future__ import annotations

import logging

from sqlalchemy import RowMapping

from command_api.login_delays import LoginDelays
from command_api.passwords import Passwords
from command_api.sessions import Sessions, Tokens
from command_api.users import Users
from shared.auth.callers import Scope
from shared.errors import Forbidden, Unauthenticated

logger = logging.getLogger(__name__)


class Logins:
    """Logs people in and changes their passwords."""

    def __init__(self, users: Users, passwords: Passwords, sessions: Sessions, delays: LoginDelays) -> None:
        self._users = users
        self._passwords = passwords
        self._sessions = sessions
        self._delays = delays

    async def log_in(self, name: str, password: str, scopes: tuple[Scope, ...], address: str) -> Tokens:
        """Tokens with those scopes; raises TooMany, Unauthenticated, or Forbidden where a scope is not the user's."""
        user = await self._known(name, password, address)
        if missing := set(scopes) - set(user["scopes"]):
            raise Forbidden(f"You have no scope {', '.join(sorted(missing))}. Ask an administrator, or leave it out.")
        if self._passwords.is_outdated(user["password_hash"]):
            await self._users.renew_hash(user["user_id"], await self._passwords.hash(password))
        return await self._sessions.begin(user["user_id"], scopes)

    async def change_password(self, name: str, current: str, new: str, address: str) -> None:
        """The caller's own; raises TooMany, Unauthenticated or BadPassword."""
        self._passwords.check(new, name)
        await self._known(name, current, address)
        await self.reset_password(name, new, by=name)

    async def reset_password(self, name: str, new: str, by: str) -> None:
        """Anybody's, by an administrator; raises BadPassword or NotFound."""
        self._passwords.check(new, name)
        await self._users.set_password(name, await self._passwords.hash(new), by)

    async def _known(self, name: str, password: str, address: str) -> RowMapping:
        await self._delays.begin(name, address)
        user = await self._users.find(name)
        matches = await self._passwords.verify(password, user["password_hash"] if user else None)
        if user is None or not matches or user["disabled_at"] is not None:
            logger.warning("action=login-refused address=%s", address)
            raise Unauthenticated("The name or the password is wrong.")
        await self._delays.succeed(name, address)
        return user
