"""How users stand now, behind the tokens and keys that they show; read by every API, kept for two seconds."""

from __future__ import annotations

import hmac
import time
from collections.abc import Collection, Hashable
from typing import Final
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
    SELECT {USER}, s.session_id FROM store.users AS u JOIN store.sessions AS s USING (user_id)
    WHERE s.session_id = ANY(:sessions) AND u.disabled_at IS NULL AND s.revoked_at IS NULL
""")

BY_KEY = text(f"""
    SELECT {USER}, k.key_id, k.secret_hash, k.role AS key_role, k.scopes AS key_scopes,
           extract(epoch FROM k.expires_at)::float8 AS expires_at
    FROM store.users AS u JOIN store.api_keys AS k USING (user_id)
    WHERE k.key_id = ANY(:keys) AND u.disabled_at IS NULL AND k.revoked_at IS NULL AND k.expires_at > now()
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
        self._keys: dict[str, tuple[ApiKey, RowMapping, Caller]] = {}

    async def caller(self, shown: str) -> Caller:
        """Who shows that access token or API key; raises Unauthenticated, or what the database raises."""
        if shown.startswith(PREFIX):
            return await self._by_key(shown)
        return await self._by_token(self._claims(shown))

    async def look_again(self, shown: Collection[str]) -> None:
        """Read how all who show these stand now, in two statements at most, for `caller`."""
        keys = {key.key_id for one in shown if one.startswith(PREFIX) and (key := read_api_key(one))}
        tokens = {claims.sid for one in shown if not one.startswith(PREFIX) and (claims := self._verified.get(one))}
        for statement, names in ((BY_SESSION, tokens), (BY_KEY, keys)):
            if names:
                await self._read(statement, names)

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
        row = await self._row(claims.sid, BY_SESSION)
        if row is None or row["user_id"] != claims.sub:
            raise refused()
        scopes = frozenset(claims.scopes) & frozenset(row["scopes"])
        return _caller(row, Role.ADMINISTRATOR, scopes, claims.sid)

    async def _by_key(self, shown: str) -> Caller:
        """A key is hashed and compared once for each time that its row is read."""
        known = self._keys.get(shown)
        key = known[0] if known else read_api_key(shown)
        row = await self._row(key.key_id, BY_KEY) if key else None
        if not key or not row or row["expires_at"] < time.time():
            raise refused()
        if known and known[1] is row:
            return known[2]
        if not hmac.compare_digest(key.secret_hash, row["secret_hash"]):
            raise refused()
        scopes = frozenset(row["key_scopes"]) & frozenset(row["scopes"])
        caller = _caller(row, Role(row["key_role"]), scopes, None)
        if len(self._keys) >= MOST_KEPT:
            self._keys.clear()
        self._keys[shown] = key, row, caller
        return caller

    async def _row(self, name: UUID | str, statement: TextClause) -> RowMapping | None:
        """The row of a session or a key."""
        until, row = self._rows.get(name, (0.0, None))
        return row if until >= time.monotonic() else (await self._read(statement, {name}))[name]

    async def _read(self, statement: TextClause, names: Collection[UUID | str]) -> dict[Hashable, RowMapping | None]:
        now = time.monotonic()
        by, parameter = ("session_id", "sessions") if statement is BY_SESSION else ("key_id", "keys")
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement, {parameter: list(names)})).mappings().all()
        found: dict[Hashable, RowMapping | None] = {**dict.fromkeys(names), **{row[by]: row for row in rows}}
        if len(self._rows) + len(found) > MOST_KEPT:
            self._rows.clear()
        self._rows |= {name: (now + KEPT_S, row) for name, row in found.items()}
        return found


def _caller(row: RowMapping, at_most: Role, scopes: frozenset[str], session: UUID | None) -> Caller:
    """The user of a row, with no more than a key's role."""
    own = {dataset: lesser(Role(role), at_most) for dataset, role in row["dataset_roles"].items()}
    role = lesser(Role(row["role"]), at_most)
    return Caller(
        user_id=row["user_id"], name=row["name"], role=role, dataset_roles=own, scopes=scopes, session=session
    )
