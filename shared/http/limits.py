"""How often each route may be called, and what answers say of it; *HTTP* -> command or query -> *HTTP*.

Every call counts for its address, and for its user as well: for the route's own limit where that has one, for `user`
with all others otherwise. Nobody's calls of open routes count for the address alone.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.types import Scope

from shared.auth.callers import Caller
from shared.errors import BadSettings, TooMany
from shared.http.answer_starts import Headers
from shared.http.callers import address_of
from shared.http.routes import Route, is_always_open, names_of
from shared.shares import Left, Limit, Shares

Connection = ASGIConnection[Any, Any, Any, Any]
LimitTable = Mapping[str, Limit]
"""By the names of routes as in `RoleTable`, `user` and `address`."""

USER, ADDRESS, EVERY = "user", "address", "*"

EVERYWHERE: LimitTable = {USER: Limit(30_000, 60), ADDRESS: Limit(60_000, 60)}
"""High enough for machines that send one record after the other; they keep one caller from taking all."""

KEY: Final = "tablefold_limits"
LONGEST_S: Final = 24 * 3600
_SAID = re.compile(r"(\*|user|address|[A-Z]+ /[!-~]*?) *= *([0-9]{1,9})/([0-9]{1,5})")


def read_limits(text: str) -> LimitTable:
    """What TABLEFOLD_RATE_LIMITS says: `GET /clients=10/60, user=6000/60`; raises BadSettings."""
    found: dict[str, Limit] = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        said = _SAID.fullmatch(one)
        if said is None or int(said[2]) < 1 or not 1 <= int(said[3]) <= LONGEST_S:
            says = f"is no limit such as `GET /clients=10/60`: calls, at least 1, and seconds, from 1 to {LONGEST_S}"
            raise BadSettings(f"TABLEFOLD_RATE_LIMITS: {one[:80]!r} {says}.")
        found[said[1]] = Limit(int(said[2]), int(said[3]))
    return found


class Limits:
    """Lets a call through or raises TooMany; `said` are the settings in place of the table's own numbers."""

    def __init__(self, shares: Shares, table: LimitTable, said: LimitTable) -> None:
        every = {} if EVERY not in said else dict.fromkeys((*table, *EVERYWHERE), said[EVERY])
        self._limits = {**EVERYWHERE, **table, **every, **{name: one for name, one in said.items() if name != EVERY}}
        self._said = said
        self._shares = shares
        self._policies: dict[Route, str] = {}

    def cover(self, routes: Iterable[Route], datasets: Container[str]) -> None:
        """Find the limit of each route; raises BadSettings for one of a route that is not there.

        Settings are for both APIs: a limit of a method that this one does not serve is the other's.
        """
        limited = {route: names_of(route, datasets) for route in routes if not is_always_open(route)}
        known = {name for names in limited.values() for name in names}
        methods = {method for method, _ in limited}
        for name in self._said:
            if name not in known and name.partition(" ")[0] in methods:
                raise BadSettings(f"TABLEFOLD_RATE_LIMITS: there is no route {name!r}; see docs/security.md.")
        self._policies = {
            route: next((one for one in names if one in self._limits), USER) for route, names in limited.items()
        }

    def limit_of(self, route: Route) -> tuple[str, Limit] | None:
        """The limit that calls of a covered route count for, with its name; None where they count for none."""
        policy = self._policies.get(route)
        return None if policy is None else (policy, self._limits[policy])

    async def spend_for_address(self, connection: Connection, route: Route) -> None:
        """Count a call for its address, before it is looked at who calls."""
        if route in self._policies:
            await self._spend(connection, ADDRESS, f"{ADDRESS}:{address_of(connection.scope)}")

    async def spend(self, connection: Connection, route: Route, caller: Caller | None) -> None:
        """Count a call for its caller; for its address where there is none and the route has a limit of its own."""
        policy = self._policies.get(route)
        if policy is None:
            return
        if caller is not None:
            await self._spend(connection, policy, f"{USER}:{caller.name}")
        elif policy != USER:
            await self._spend(connection, policy, f"{ADDRESS}:{address_of(connection.scope)}")

    async def _spend(self, connection: Connection, policy: str, subject: str) -> None:
        limit = self._limits[policy]
        left = await self._shares.spend(subject, policy, limit)
        connection.scope["state"].setdefault(KEY, []).append((policy, limit, left))
        if not left.allowed:
            whose = "from this address" if subject.startswith(ADDRESS) else "by you"
            what = "calls" if policy in (USER, ADDRESS) else f"calls of {policy}"
            says = f"There are at most {limit.calls} {what} {whose} in {limit.window_s} s."
            raise TooMany(f"{says} Wait as long as Retry-After says.", retry_after_s=left.more_in_s)


def limits_told(scope: Scope, headers: Headers) -> Headers:
    """What was spent, as `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers)."""
    spent: list[tuple[str, Limit, Left]] = scope["state"].get(KEY, [])
    if not spent:
        return headers
    policies = ", ".join([f'"{name}";q={limit.calls};w={limit.window_s}' for name, limit, _ in spent])
    left = ", ".join([f'"{name}";r={one.calls};t={one.more_in_s}' for name, _, one in spent])
    return [*headers, (b"ratelimit-policy", policies.encode()), (b"ratelimit", left.encode())]
