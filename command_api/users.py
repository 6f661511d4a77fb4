"""Users and what proves who they are, in their tables; *HTTP -> command*, beside the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.sessions import end_sessions
from shared.auth.api_keys import new_api_key
from shared.auth.auditing import audit
from shared.auth.callers import Role, Scope
from shared.errors import Conflict, NotFound

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}\Z", extra_json_schema={"example": "ann"})]
"""Small letters, digits and `. _ @ -`, so that no two names look alike."""

Quota = Annotated[int, msgspec.Meta(ge=0, le=2**60)]

ADD = text("INSERT INTO store.users (user_id, name, role, scopes) VALUES (:user, :name, :role, :scopes)")
ADD_PASSWORD = text("""
    INSERT INTO store.credentials (user_id, password_hash) VALUES (:user, :hash)
    ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, changed_at = clock_timestamp()
""")
FIND = text("""
    SELECT u.user_id, u.name, u.role, u.scopes, u.disabled_at, c.password_hash
    FROM store.users AS u LEFT JOIN store.credentials AS c USING (user_id) WHERE u.name = :name
""")
ADMINISTRATOR = text("""
    SELECT EXISTS (SELECT FROM store.users WHERE role = 'administrator' AND disabled_at IS NULL)
""")
SET_ROLE = text("UPDATE store.users SET role = :role WHERE user_id = :user")
SET_SCOPES = text("UPDATE store.users SET scopes = :scopes WHERE user_id = :user")
SET_QUOTA = text("UPDATE store.users SET upload_bytes_per_day = :bytes WHERE user_id = :user")
DISABLE = text("UPDATE store.users SET disabled_at = clock_timestamp() WHERE user_id = :user AND disabled_at IS NULL")
ENABLE = text("UPDATE store.users SET disabled_at = NULL WHERE user_id = :user")
CLEAR_ROLES = text("DELETE FROM store.dataset_roles WHERE user_id = :user")
ADD_ROLE = text("INSERT INTO store.dataset_roles (user_id, dataset, role) VALUES (:user, :dataset, :role)")
ADD_KEY = text("""
    INSERT INTO store.api_keys (key_id, user_id, label, secret_hash, role, scopes, expires_at)
    VALUES (:key, :user, :label, :hash, :role, :scopes, :expires_at)
""")
REVOKE_KEY = text("""
    UPDATE store.api_keys AS k SET revoked_at = clock_timestamp() FROM store.users AS u
    WHERE u.user_id = k.user_id AND k.key_id = :key AND (u.name = :name OR :any) AND k.revoked_at IS NULL
    RETURNING k.key_id
""")


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different of a user; None leaves it. `dataset_roles` replaces all of them.

    `upload_bytes_per_day` is a quota of one's own, None the usual one.
    """

    role: Role | None = None
    scopes: tuple[Scope, ...] | None = None
    dataset_roles: dict[str, Role] | None = None
    disabled: bool | None = None
    upload_bytes_per_day: Quota | msgspec.UnsetType | None = msgspec.UNSET


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as it is answered once; only its hash is kept."""

    id: str
    key: str
    label: str
    role: Role
    scopes: tuple[str, ...]
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)]


class Users:
    """Writes users, passwords and keys, each change with its row in the audit."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, name: str) -> RowMapping | None:
        """A user with his password's hash."""
        async with self._engine.connect() as connection:
            return (await connection.execute(FIND, {"name": name})).mappings().one_or_none()

    async def get(self, name: str) -> RowMapping:
        """The same; raises NotFound."""
        row = await self.find(name)
        if row is None:
            raise NotFound(f"There is no user {name[:80]!r}.")
        return row

    async def has_administrator(self) -> bool:
        """Whether there is an administrator who may log in."""
        async with self._engine.connect() as connection:
            return bool((await connection.execute(ADMINISTRATOR)).scalar_one())

    async def add(self, name: str, change: Change, password_hash: str, by: str) -> UUID:
        """A new user; raises Conflict where the name is taken."""
        user = uuid4()
        said = {"user": user, "name": name, "role": change.role or Role.VIEWER, "scopes": list(change.scopes or ())}
        try:
            async with self._engine.begin() as connection:
                await connection.execute(ADD, said)
                await connection.execute(ADD_PASSWORD, {"user": user, "hash": password_hash})
                await _set_dataset_roles(connection, user, change.dataset_roles or {})
                await audit(connection, by, "user-added", name)
        except IntegrityError as error:
            raise Conflict(f"There is a user {name!r} already.") from error
        return user

    async def change(self, name: str, change: Change, by: str) -> None:
        """Give a user another role or scopes, disable or enable him; raises NotFound. Disabling ends his sessions."""
        user = (await self.get(name))["user_id"]
        async with self._engine.begin() as connection:
            if change.role is not None:
                await connection.execute(SET_ROLE, {"user": user, "role": change.role})
            if change.scopes is not None:
                await connection.execute(SET_SCOPES, {"user": user, "scopes": list(change.scopes)})
            if change.dataset_roles is not None:
                await _set_dataset_roles(connection, user, change.dataset_roles)
            if change.upload_bytes_per_day is not msgspec.UNSET:
                await connection.execute(SET_QUOTA, {"user": user, "bytes": change.upload_bytes_per_day})
            if change.disabled is not None:
                await connection.execute(DISABLE if change.disabled else ENABLE, {"user": user})
            if change.disabled:
                await end_sessions(connection, user)
            await audit(connection, by, f"user-changed {msgspec.json.encode(change).decode()}", name)

    async def set_password(self, name: str, password_hash: str, by: str) -> None:
        """Another password; all sessions of the user end. Raises NotFound."""
        user = (await self.get(name))["user_id"]
        async with self._engine.begin() as connection:
            await connection.execute(ADD_PASSWORD, {"user": user, "hash": password_hash})
            await end_sessions(connection, user)
            await audit(connection, by, "password-changed", name)

    async def renew_hash(self, user: UUID, password_hash: str) -> None:
        """The same password with today's parameters."""
        async with self._engine.begin() as connection:
            await connection.execute(ADD_PASSWORD, {"user": user, "hash": password_hash})

    async def add_key(self, user: UUID, label: str, role: Role, scopes: tuple[Scope, ...], days: float, by: str) -> Key:
        """An API key for a user; it never may more than he."""
        text_of_key, kept = new_api_key()
        expires_at = datetime.now(UTC) + timedelta(days=days)
        said = {"key": kept.key_id, "user": user, "label": label, "hash": kept.secret_hash, "role": role}
        async with self._engine.begin() as connection:
            await connection.execute(ADD_KEY, {**said, "scopes": list(scopes), "expires_at": expires_at})
            await audit(connection, by, "key-added", kept.key_id)
        return Key(id=kept.key_id, key=text_of_key, label=label, role=role, scopes=scopes, expires_at=expires_at)

    async def revoke_key(self, key_id: str, by: str, *, of_anybody: bool) -> None:
        """End a key: the caller's own, or anybody's. Raises NotFound."""
        async with self._engine.begin() as connection:
            found = await connection.execute(REVOKE_KEY, {"key": key_id, "name": by, "any": of_anybody})
            if found.one_or_none() is None:
                raise NotFound(f"There is no key {key_id[:80]!r}, or it is revoked already.")
            await audit(connection, by, "key-revoked", key_id)


async def _set_dataset_roles(connection: AsyncConnection, user: UUID, roles: dict[str, Role]) -> None:
    await connection.execute(CLEAR_ROLES, {"user": user})
    for dataset, role in roles.items():
        await connection.execute(ADD_ROLE, {"user": user, "dataset": dataset, "role": role})
