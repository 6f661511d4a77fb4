"""How users stand now, behind the tokens and keys that they show; read by every API, kept for two seconds."""

from __future__ import annotations

import hmac
import time
from collections.abc import Hashable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.auth.api_keys import PREFIX, ApiKey, read_api_key
from shared.auth.callers import Caller, Role, lesser
from shared.auth.tokens import Claims, Verifier, refused

KEPT_S: Final = 2.0
"""How long a disabled user, a revoked key or an ended session may still be let in."""

MOST_KEPT: Final = 10_000

USER = """
    u.user_id, u.name, u.role, u.scopes,
    (SELECT coalesce(json_object_agg(d.dataset, d.role), '{}') FROM store.dataset_roles AS d
     WHERE d.user_id = u.user_id) AS dataset_roles
"""

BY_SESSION = text(f"""
    SELECT {USER} FROM store.users AS u JOIN store.sessions AS s USING (user_id)
    WHERE s.session_id = :session AND u.user_id = :user AND u.disabled_at IS NULL AND s.revoked_at IS NULL
""")

BY_KEY = text(f"""
    SELECT {USER}, k.secret_hash, k.role AS key_role, k.scopes AS key_scopes,
           extract(epoch FROM k.expires_at)::float8 AS expires_at
    FROM store.users AS u JOIN store.api_keys AS k USING (user_id)
    WHERE k.key_id = :key AND u.disabled_at IS NULL AND k.revoked_at IS NULL AND k.expires_at > now()
""")

Rows = dict[Hashable, tuple[float, RowMapping | None]]
Tokens = dict[str, Claims]


class Standing:
    """Turns what a request shows into a Caller."""

    def __init__(self, engine: AsyncEngine, verifier: Verifier) -> None:
        self._engine = engine
        self._verifier = verifier
        self._rows: Rows = {}
        self._verified: Tokens = {}

    async def caller(self, shown: str) -> Caller:
        """Who shows that access token or API key; raises Unauthenticated, or what the database raises."""
        if shown.startswith(PREFIX):
            return await self._by_key(read_api_key(shown))
        return await self._by_token(self._claims(shown))

    def _claims(self, token: str) -> Claims:
        """A signature is checked once; the time each time."""
        claims = self._verified.get(token)
        if claims is None or claims.exp < time.time():
            claims = self._verifier.verify(token)
            if len(self._verified) >= MOST_KEPT:
                self._verified.clear()
            self._verified[token] = claims
        return claims

    async def _by_token(self, claims: Claims) -> Caller:
        shown = (claims.sid, claims.sub)
        row = await self._row(shown, BY_SESSION, {"session": claims.sid, "user": claims.sub})
        if row is None:
            raise refused()
        scopes = frozenset(claims.scopes) & frozenset(row["scopes"])
        return _caller(row, Role.ADMINISTRATOR, scopes, claims.sid)

    async def _by_key(self, key: ApiKey | None) -> Caller:
        row = await self._row(key.key_id, BY_KEY, {"key": key.key_id}) if key else None
        if not key or not row or row["expires_at"] < time.time():
            raise refused()
        if not hmac.compare_digest(key.secret_hash, row["secret_hash"]):
            raise refused()
        scopes = frozenset(row["key_scopes"]) & frozenset(row["scopes"])
        return _caller(row, Role(row["key_role"]), scopes, None)

    async def _row(self, name: Hashable, statement: TextClause, values: dict[str, Any]) -> RowMapping | None:
        now = time.monotonic()
        until, row = self._rows.get(name, (0.0, None))
        if until < now:
            async with self._engine.connect() as connection:
                row = (await connection.execute(statement, values)).mappings().one_or_none()
            if len(self._rows) >= MOST_KEPT:
                self._rows.clear()
            self._rows[name] = (now + KEPT_S, row)
        return row


def _caller(row: RowMapping, at_most: Role, scopes: frozenset[str], session: UUID | None) -> Caller:
    """The user of a row, with no more than a key's role."""
    own = {dataset: lesser(Role(role), at_most) for dataset, role in row["dataset_roles"].items()}
    role = lesser(Role(row["role"]), at_most)
    return Caller(
        user_id=row["user_id"], name=row["name"], role=role, dataset_roles=own, scopes=scopes, session=session
    )
