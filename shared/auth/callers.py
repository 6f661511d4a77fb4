"""Who calls, and what that one may do; beside the flow."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal
from uuid import UUID

import msgspec

Scope = Literal["sensitive:read"]
"""What a token may say beside its user's role: that sensitive values are answered in the clear."""

SENSITIVE: Scope = "sensitive:read"
SCOPES: tuple[Scope, ...] = (SENSITIVE,)


class Role(StrEnum):
    """Each may do what the ones before it may: read; send files and correct; review, withdraw and rebuild; all."""

    NONE = "none"
    VIEWER = "viewer"
    EDITOR = "editor"
    PUBLISHER = "publisher"
    ADMINISTRATOR = "administrator"

    @property
    def rank(self) -> int:
        """From 0 (none) to 4 (administrator)."""
        return RANKS[self]

    def covers(self, other: Role) -> bool:
        """Whether this role may do all that the other may."""
        return self.rank >= other.rank


RANKS = {role: rank for rank, role in enumerate(Role)}


def lesser(one: Role, other: Role) -> Role:
    """The role that may do less."""
    return one if other.covers(one) else other


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A user as a token or key shows it: `scopes` are the token's, `session` the login that it comes from."""

    user_id: UUID
    name: str
    role: Role
    dataset_roles: dict[str, Role] = {}
    scopes: frozenset[str] = frozenset()
    session: UUID | None = None

    def role_in(self, dataset: str) -> Role:
        """The role in one dataset; an administrator is one everywhere."""
        if self.role is Role.ADMINISTRATOR:
            return self.role
        return self.dataset_roles.get(dataset, self.role)

    @property
    def highest(self) -> Role:
        """The role where it may do most."""
        return max((self.role, *self.dataset_roles.values()), key=lambda role: role.rank)

    def sees_upload(self, dataset: str, actor: str) -> bool:
        """Whether an upload is its own, or one that its role lets it review."""
        return actor == self.name or self.role_in(dataset).covers(Role.PUBLISHER)

    @property
    def sees_sensitive(self) -> bool:
        """Whether sensitive values are answered in the clear."""
        return SENSITIVE in self.scopes
