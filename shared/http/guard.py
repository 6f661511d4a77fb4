"""Who may call what: every route has a role, asked before its handler runs; *HTTP* -> command or query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Scope
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.auth.auditing import audit
from shared.auth.callers import Caller, Role
from shared.auth.standing import Standing
from shared.database import each_alone
from shared.datasets.catalogue import Catalogue
from shared.errors import BadSettings, Forbidden, NotFoldedYet, Unauthenticated
from shared.http.allowed import allowing
from shared.http.answer_starts import with_changed_headers
from shared.http.callers import caller_of, credential_of, header_of, keep_caller
from shared.http.correlation import correlation_id
from shared.http.crowd import with_crowd_bound
from shared.http.headers import completed
from shared.http.limits import Limits, limits_told
from shared.http.routes import Route, is_always_open, names_of, routes_of
from shared.http.sensitive import FILES, Sensitive
from shared.shares import Limit

Connection = ASGIConnection[Any, Any, Any, Any]

OPEN: Final = None
"""In place of a role: nobody is asked who he is."""

RoleTable = Mapping[str, Role | None]
"""The role that `METHOD /path` needs; GET speaks for HEAD, `{dataset}` for each dataset, `*` for any last part."""

SENT = text("SELECT EXISTS (SELECT FROM store.senders WHERE actor = :actor AND upload_id = :upload_id)")
OWNER = text("SELECT dataset, actor FROM store.uploads WHERE upload_id = :upload_id")
MOST_KEPT: Final = 10_000


class Need(msgspec.Struct, frozen=True):
    """What a route asks of its caller: a role, in each dataset that its path names where it names some."""

    role: Role | None
    datasets: tuple[str, ...] = ()


class Guard:
    """Lets a request through to its handler or raises TooMany, Unauthenticated, Forbidden or NotFoldedYet.

    Uploads that the caller may not see are answered like those that are not there. What a handler answers is masked
    unless the caller's scope shows it; then `auditor`, which may write, notes it.
    """

    def __init__(
        self,
        standing: Standing,
        limits: Limits,
        engine: AsyncEngine,
        auditor: AsyncEngine,
        roles: RoleTable,
        catalogue: Catalogue,
    ) -> None:
        self._standing = standing
        self._limits = limits
        self._sensitive = Sensitive(catalogue)
        self._auditor = each_alone(auditor)
        self._engine = engine
        self._roles = roles
        self._datasets = frozenset(catalogue)
        self._needs: dict[Route, Need] = {}
        self._owners: dict[UUID, tuple[str, str]] = {}

    def covering(self, app: Litestar, finishing: Callable[[ASGIApp], ASGIApp] | None = None) -> Litestar:
        """The same app, once every route of it has a role; raises BadSettings that names one without.

        What `finishing` puts around it sees answers as their callers may see them.
        """
        self._needs = {route: self._need(route) for route in routes_of(app)}
        self._limits.cover(self._needs, self._datasets)
        answering = self._sensitive.around(app.asgi_handler, self._note)
        finished = answering if finishing is None else finishing(answering)
        changes = (allowing(self._needs), limits_told, completed)
        app.asgi_handler = with_changed_headers(with_crowd_bound(finished), *changes)
        return app

    def role_of(self, route: Route) -> Role | None:
        """The role that a route of the covered app takes; None is an open one."""
        return self._needs[route].role

    def limit_of(self, route: Route) -> tuple[str, Limit] | None:
        """The limit that calls of a route count for, with its name; None where they count for none."""
        return self._limits.limit_of(route)

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        """For `Litestar(guards=[...])`."""
        method, path = str(connection.scope["method"]), str(connection.scope["path_template"])  # type: ignore[typeddict-item]  # of HTTP
        if method == "OPTIONS":
            return
        route, need = (method, path), self._needs[method, path]
        await self._limits.spend_for_address(connection, route)
        caller = await self._known(connection, need)
        await self._limits.spend(connection, route, caller)
        if need.role is not OPEN:
            await self._check(connection, path, need.role, need.datasets or self._named(connection))

    async def _known(self, connection: Connection, need: Need) -> Caller | None:
        """Who calls, noted for the handler; None on an open route where nobody says, or nobody who is known."""
        if need.role is OPEN and header_of(connection.scope, b"authorization") is None:
            return None
        try:
            caller = await self._standing.caller(credential_of(connection))
        except Unauthenticated:
            if need.role is OPEN:
                return None
            raise
        keep_caller(connection, caller)
        return caller

    async def _check(self, connection: Connection, path: str, role: Role, datasets: tuple[str, ...]) -> None:
        caller = caller_of(connection)
        upload = connection.path_params.get("upload_id")
        if upload is not None:
            await self._check_upload(caller, role, str(upload))
            datasets = await self._datasets_of_file(caller, path, str(upload))
        else:
            check_roles(caller, role, datasets)
        query, accept = connection.scope["query_string"], header_of(connection.scope, b"accept") or ""
        self._sensitive.check(caller, path, datasets, query, accept)

    def _named(self, connection: Connection) -> tuple[str, ...]:
        """The dataset that is a parameter of the path, as in `/datasets/{name}/rebuilds`."""
        name = connection.path_params.get("name")
        return (str(name),) if connection.scope["path"].startswith("/datasets/") and name in self._datasets else ()

    async def _datasets_of_file(self, caller: Caller, path: str, upload: str) -> tuple[str, ...]:
        """The dataset of an upload where its file is asked for by somebody to whom sensitive values are not shown."""
        if caller.sees_sensitive or path not in FILES:
            return ()
        owner = await self._owner(upload)
        return () if owner is None else (owner[0],)

    async def _note(self, caller: Caller, scope: Scope) -> None:
        """Write down who reads sensitive values, where; the query may hold some and is left out."""
        connection: Connection = ASGIConnection(scope)
        async with self._auditor.connect() as writing:
            subject = f"{scope['method']} {scope['path']}"  # type: ignore[typeddict-item]  # of HTTP
            await audit(writing, caller.name, "sensitive-read", subject[:500], correlation_id(connection))

    async def _check_upload(self, caller: Caller, role: Role, said: str) -> None:
        """Whoever has that role and sees all uploads may pass; others where they see this one and have it there."""
        if caller.role.covers(Role.PUBLISHER) and caller.role.covers(role) and not caller.dataset_roles:
            return
        owner = await self._owner(said)
        if owner is None or not (caller.sees_upload(*owner) or await self._sent(caller, said)):
            says = (
                f"There is no upload {said[:80]}. If it was accepted just now, it is not folded yet: ask again in 1 s."
            )
            raise NotFoldedYet(says)
        _check(caller.role_in(owner[0]), role, owner[0])

    async def _sent(self, caller: Caller, upload: str) -> bool:
        """Whether he sent the bytes of somebody else's upload as well."""
        async with self._engine.connect() as connection:
            values = {"actor": caller.name, "upload_id": UUID(upload)}
            return bool((await connection.execute(SENT, values)).scalar_one())

    async def _owner(self, said: str) -> tuple[str, str] | None:
        """Dataset and actor of an upload; they never change."""
        try:
            upload_id = UUID(said)
        except ValueError:
            return None
        if upload_id not in self._owners:
            async with self._engine.connect() as connection:
                row = (await connection.execute(OWNER, {"upload_id": upload_id})).one_or_none()
            if row is None:
                return None
            if len(self._owners) >= MOST_KEPT:
                self._owners.clear()
            self._owners[upload_id] = (row.dataset, row.actor)
        return self._owners[upload_id]

    def _need(self, route: Route) -> Need:
        if is_always_open(route):
            return Need(OPEN)
        _, template, wildcard = names_of(route, self._datasets)
        name = template if template in self._roles else wildcard
        if name not in self._roles:
            raise BadSettings(f"The route `{template}` has no role: add it to the table in roles.py of its service.")
        return Need(self._roles[name], tuple(one for one in route[1].split("/") if one in self._datasets))


def check_roles(caller: Caller, role: Role, datasets: tuple[str, ...]) -> None:
    """A role in some dataset lets read what belongs to none of them; for more it takes the own role."""
    if not datasets:
        _check(caller.highest if Role.VIEWER.covers(role) else caller.role, role, None)
    for dataset in datasets:
        _check(caller.role_in(dataset), role, dataset)


def _check(has: Role, needs: Role, dataset: str | None) -> None:
    if not has.covers(needs):
        where = f" in {dataset}" if dataset else ""
        raise Forbidden(f"That takes the role {needs}{where}, and yours is {has}. Ask an administrator.")
