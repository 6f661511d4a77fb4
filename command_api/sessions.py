"""Logins: an access token and a refresh token that is another one after each use; *HTTP -> command*, beside the log."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.auth.auditing import audit
from shared.auth.tokens import ACCESS_S, Signer, refused

SESSION_S: Final = 30 * 24 * 3600
"""How long a session lives, however often it is refreshed."""

OVERLAP_S: Final = 10
"""For so long a refresh token gives again the one that it gave, where that is unused: answers get lost."""

BEGIN = text("""
    INSERT INTO store.sessions (session_id, user_id, scopes, secret, expires_at)
    VALUES (:session, :user, :scopes, :secret, clock_timestamp() + make_interval(secs => :session_s))
""")

ADD = text("INSERT INTO store.refresh_tokens (token_hash, session_id) VALUES (:hash, :session)")

LOCK = text("""
    SELECT s.session_id, s.user_id, s.scopes, s.secret, u.name
    FROM store.sessions AS s JOIN store.refresh_tokens AS t USING (session_id) JOIN store.users AS u USING (user_id)
    WHERE t.token_hash = :hash AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND u.disabled_at IS NULL
    FOR UPDATE OF s
""")

USED = text("""
    SELECT used_at IS NOT NULL AS used,
           used_at > clock_timestamp() - make_interval(secs => :overlap_s) AS overlaps
    FROM store.refresh_tokens WHERE token_hash = :hash
""")

USE = text("UPDATE store.refresh_tokens SET used_at = clock_timestamp() WHERE token_hash = :hash")

END = text(
    "UPDATE store.sessions SET revoked_at = clock_timestamp() WHERE session_id = :session AND revoked_at IS NULL"
)

END_ALL = text("UPDATE store.sessions SET revoked_at = clock_timestamp() WHERE user_id = :user AND revoked_at IS NULL")

FORGET = text("DELETE FROM store.sessions WHERE expires_at < clock_timestamp() - interval '1 day'")


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a login gives; `scope` are the scopes with spaces between them, as in RFC 6749."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # Not a secret: how the token is to be shown.
    expires_in: int = ACCESS_S
    scope: str


class Sessions:
    """Begins, refreshes and ends them."""

    def __init__(self, engine: AsyncEngine, signer: Signer) -> None:
        self._engine = engine
        self._signer = signer

    async def begin(self, user_id: UUID, scopes: tuple[str, ...]) -> Tokens:
        """A new session with its first tokens."""
        session, refresh = uuid4(), secrets.token_urlsafe(32)
        said = {"session": session, "user": user_id, "scopes": list(scopes), "secret": secrets.token_bytes(32)}
        async with self._engine.begin() as connection:
            await connection.execute(FORGET)
            await connection.execute(BEGIN, {**said, "session_s": SESSION_S})
            await connection.execute(ADD, {"hash": _hash(refresh), "session": session})
        return self._tokens(user_id, session, scopes, refresh)

    async def refresh(self, token: str) -> Tokens:
        """The next tokens of a session; a token that was used before ends the session. Raises Unauthenticated."""
        async with self._engine.begin() as connection:
            row = (await connection.execute(LOCK, {"hash": _hash(token)})).mappings().one_or_none()
            following = None if row is None else await self._follow(connection, row, token)
        if row is None or following is None:
            raise refused()
        return self._tokens(row["user_id"], row["session_id"], tuple(row["scopes"]), following)

    async def end(self, session: UUID) -> None:
        """Log out; its tokens are refused from now on, everywhere within two seconds."""
        async with self._engine.begin() as connection:
            await connection.execute(END, {"session": session})

    async def _follow(self, connection: AsyncConnection, row: Any, token: str) -> str | None:
        """The successor of a refresh token, or None where the token is used again: then the session is over."""
        following = _successor(row["secret"], token)
        before = (await connection.execute(USED, {"hash": _hash(token), "overlap_s": OVERLAP_S})).one()
        after = (await connection.execute(USED, {"hash": _hash(following), "overlap_s": OVERLAP_S})).one_or_none()
        if not before.used:
            await connection.execute(USE, {"hash": _hash(token)})
            await connection.execute(ADD, {"hash": _hash(following), "session": row["session_id"]})
            return following
        if before.overlaps and after is not None and not after.used:
            return following
        await connection.execute(END, {"session": row["session_id"]})
        await audit(connection, row["name"], "refresh-token-used-again", str(row["session_id"]))
        return None

    def _tokens(self, user_id: UUID, session: UUID, scopes: tuple[str, ...], refresh: str) -> Tokens:
        access = self._signer.sign(user_id, session, scopes)
        return Tokens(access_token=access, refresh_token=refresh, scope=" ".join(scopes))


async def end_sessions(connection: AsyncConnection, user_id: UUID) -> None:
    """End all sessions of a user."""
    await connection.execute(END_ALL, {"user": user_id})


def _successor(secret: bytes, token: str) -> str:
    """Always the same one for a token, so that requests at the same time get the same; none can be made without it."""
    return hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
