"""`/users`, `/tokens` and `/keys`: people and their machines; *HTTP -> command*, beside the log."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, delete, patch, post, put
from litestar.handlers import HTTPRouteHandler

from command_api.logins import Logins
from command_api.passwords import LEAST_CHARACTERS, MOST_CHARACTERS, Passwords
from command_api.sessions import Sessions, Tokens
from command_api.users import Change, Key, Name, Users
from shared.auth.callers import SCOPES, Caller, Role, Scope, lesser
from shared.errors import Forbidden, NotFound, Unauthenticated
from shared.http.callers import address_of, caller_of, caller_or_nobody

AnyRequest = Request[Any, Any, Any]
MOST_BODY_BYTES = 16 * 1024
MOST_DAYS = 366

SAID = {"minLength": LEAST_CHARACTERS, "maxLength": MOST_CHARACTERS, "example": "four unlikely words here"}
Password = Annotated[str, msgspec.Meta(max_length=4 * MOST_CHARACTERS)]
"""Of which it is looked at what it is."""

NewlySet = Annotated[str, msgspec.Meta(extra_json_schema=SAID)]
"""Of which Passwords judges the length, too."""
Label = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f]{1,100}\Z")]
Days = Annotated[float, msgspec.Meta(gt=0, le=MOST_DAYS)]
Body = TypeVar("Body", bound=msgspec.Struct)


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to be; the role is viewer where it is not said."""

    name: Name
    password: NewlySet
    role: Role = Role.VIEWER
    scopes: tuple[Scope, ...] = ()
    dataset_roles: dict[str, Role] = {}


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants tokens, with which scopes: their names with spaces between them."""

    name: Name
    password: Password
    scope: Annotated[str, msgspec.Meta(max_length=200, extra_json_schema={"enum": ["", *SCOPES]})] = ""


class Refresh(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refresh token, which is given up for the next."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=200)]


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password in place of another; an administrator need not know the current one of somebody else."""

    password: NewlySet
    current_password: Password = ""


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An API key to be: it may at most what its user may, and ends after so many days."""

    label: Label
    role: Role = Role.VIEWER
    scopes: tuple[Scope, ...] = ()
    days: Days = 90.0


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user as he is answered."""

    name: str
    role: Role
    scopes: tuple[str, ...]
    dataset_roles: dict[str, Role]


class People:
    """Decides what callers may do to users, tokens and keys; the routes below only read and answer."""

    def __init__(
        self, users: Users, passwords: Passwords, sessions: Sessions, logins: Logins, datasets: Container[str]
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._sessions = sessions
        self._logins = logins
        self._datasets = datasets

    async def add(self, caller: Caller | None, new: NewUser) -> User:
        """A new user; raises Forbidden where somebody gives more than an administrator would, or BadPassword."""
        administers = caller is not None and caller.role is Role.ADMINISTRATOR
        if not administers and (new.role is not Role.VIEWER or new.scopes or new.dataset_roles):
            raise Forbidden("Only an administrator gives roles and scopes. Leave them out.")
        self._check_datasets(new.dataset_roles)
        self._passwords.check(new.password, new.name)
        change = Change(role=new.role, scopes=new.scopes, dataset_roles=new.dataset_roles)
        by = caller.name if caller else new.name
        await self._users.add(new.name, change, await self._passwords.hash(new.password), by)
        return User(name=new.name, role=new.role, scopes=new.scopes, dataset_roles=new.dataset_roles)

    async def change(self, caller: Caller, name: str, change: Change) -> None:
        """Change another user; raises Forbidden for oneself, so that one administrator stays."""
        if name == caller.name:
            raise Forbidden("Nobody changes the own role or disables himself. Ask another administrator.")
        self._check_datasets(change.dataset_roles or {})
        await self._users.change(name, change, caller.name)

    async def set_password(self, caller: Caller, name: str, new: NewPassword, address: str) -> None:
        """The own password with the current one, or an administrator somebody else's without."""
        if name == caller.name:
            await self._logins.change_password(name, new.current_password, new.password, address)
        elif caller.role is Role.ADMINISTRATOR:
            await self._logins.reset_password(name, new.password, caller.name)
        else:
            raise Forbidden("Only an administrator sets the password of somebody else.")

    async def log_in(self, login: Login, address: str) -> Tokens:
        """Tokens for a name and a password."""
        scopes = msgspec.convert(login.scope.split(), tuple[Scope, ...])
        return await self._logins.log_in(login.name, login.password, scopes, address)

    async def refresh(self, token: str) -> Tokens:
        """The next tokens of a session."""
        return await self._sessions.refresh(token)

    async def log_out(self, caller: Caller) -> None:
        """End the session of the token that the caller shows; raises Unauthenticated for an API key."""
        if caller.session is None:
            raise Unauthenticated("An API key has no session to end. Revoke it: DELETE /keys/{id}.")
        await self._sessions.end(caller.session)

    async def add_key(self, caller: Caller, new: NewKey) -> Key:
        """A key that may at most what the caller may; raises Forbidden where more is asked."""
        if lesser(new.role, caller.highest) is not new.role or not set(new.scopes) <= caller.scopes:
            raise Forbidden("A key cannot do more than the token that makes it. Ask for less, or log in with more.")
        return await self._users.add_key(caller.user_id, new.label, new.role, new.scopes, new.days, caller.name)

    async def revoke_key(self, caller: Caller, key_id: str) -> None:
        """End an own key, or as an administrator anybody's."""
        await self._users.revoke_key(key_id, caller.name, of_anybody=caller.role is Role.ADMINISTRATOR)

    def _check_datasets(self, roles: dict[str, Role]) -> None:
        for name, role in roles.items():
            if name not in self._datasets:
                raise NotFound(f"There is no dataset {name[:80]!r} to have a role in.")
            if role is Role.ADMINISTRATOR:
                raise Forbidden("An administrator is one everywhere, not in one dataset. Give the role publisher.")


def people_routes(people: People) -> list[HTTPRouteHandler]:
    """All of them; bodies and answers are small JSON."""

    @post("/users", name="add-user", operation_id="add-user", request_max_body_size=MOST_BODY_BYTES)
    async def add_user(request: AnyRequest) -> Response[User]:
        user = await people.add(caller_or_nobody(request), await _read(request, NewUser))
        return Response(user, status_code=201)

    @patch(
        "/users/{name:str}",
        name="change-user",
        operation_id="change-user",
        status_code=204,
        request_max_body_size=MOST_BODY_BYTES,
    )
    async def change_user(request: AnyRequest) -> None:
        await people.change(caller_of(request), _name(request), await _read(request, Change))

    @put(
        "/users/{name:str}/password",
        name="set-password",
        operation_id="set-password",
        status_code=204,
        request_max_body_size=MOST_BODY_BYTES,
    )
    async def set_password(request: AnyRequest) -> None:
        new = await _read(request, NewPassword)
        await people.set_password(caller_of(request), _name(request), new, address_of(request.scope))

    @post("/tokens", name="log-in", operation_id="log-in", status_code=200, request_max_body_size=MOST_BODY_BYTES)
    async def log_in(request: AnyRequest) -> Response[Tokens]:
        return _secret(await people.log_in(await _read(request, Login), address_of(request.scope)))

    @post(
        "/tokens/refresh",
        name="refresh-tokens",
        operation_id="refresh-tokens",
        status_code=200,
        request_max_body_size=MOST_BODY_BYTES,
    )
    async def refresh(request: AnyRequest) -> Response[Tokens]:
        return _secret(await people.refresh((await _read(request, Refresh)).refresh_token))

    @delete("/tokens", name="log-out", operation_id="log-out", status_code=204)
    async def log_out(request: AnyRequest) -> None:
        await people.log_out(caller_of(request))

    @post("/keys", name="add-key", operation_id="add-key", status_code=201, request_max_body_size=MOST_BODY_BYTES)
    async def add_key(request: AnyRequest) -> Response[Key]:
        return _secret(await people.add_key(caller_of(request), await _read(request, NewKey)), status_code=201)

    @delete("/keys/{key_id:str}", name="revoke-key", operation_id="revoke-key", status_code=204)
    async def revoke_key(request: AnyRequest) -> None:
        await people.revoke_key(caller_of(request), _path(request, "key_id"))

    return [add_user, change_user, set_password, log_in, refresh, log_out, add_key, revoke_key]


async def _read(request: AnyRequest, kind: type[Body]) -> Body:
    """The body by its strict types; raises msgspec's errors, which become problems."""
    return msgspec.json.decode(await request.body(), type=kind, strict=True)


def _secret(body: msgspec.Struct, status_code: int = 200) -> Response[Any]:
    return Response(body, status_code=status_code, headers={"Cache-Control": "no-store"})


def _name(request: AnyRequest) -> str:
    return _path(request, "name")


def _path(request: AnyRequest, parameter: str) -> str:
    """A name or id in a path; raises NotFound for one that nobody can have."""
    said: str = request.path_params[parameter]
    try:
        return msgspec.convert(said, Name)
    except msgspec.ValidationError:
        raise NotFound(f"There is nothing called {said[:80]!r} here.") from None
