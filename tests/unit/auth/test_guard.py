"""Routes without a role do not start; roles mean what they say."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest
from litestar import Litestar, get

from shared.auth.callers import Caller, Role, lesser
from shared.database import make_engine
from shared.datasets.catalogue import shipped
from shared.errors import BadSettings, Forbidden
from shared.http.guard import Guard, RoleTable, check_roles
from shared.http.limits import Limits


def app_with(*paths: str, roles: RoleTable) -> Litestar:
    """An app with these routes, once its guard has found a role for each."""
    unused, never_connected = cast(Any, None), make_engine("postgresql://127.0.0.1:1/none", name="tests")
    guard = Guard(unused, Limits(unused, {}, {}), unused, never_connected, roles, shipped())

    async def read() -> None: ...

    return guard.covering(Litestar([get(path)(read) for path in paths], guards=[guard], openapi_config=None))


def test_an_app_with_a_route_without_a_role_is_not_made() -> None:
    app_with("/health", "/debts", "/debts/{key:str}", roles={"GET /{dataset}": None, "GET /{dataset}/{key}": None})
    with pytest.raises(BadSettings, match=r"GET /\{dataset\}/\{key\}/secrets"):
        app_with("/debts/{key:str}/secrets", roles={"GET /{dataset}": Role.VIEWER})


def test_a_higher_role_may_what_a_lower_one_may() -> None:
    assert [role for role in Role if Role.PUBLISHER.covers(role)] == ["none", "viewer", "editor", "publisher"]
    assert lesser(Role.EDITOR, Role.VIEWER) is lesser(Role.VIEWER, Role.EDITOR) is Role.VIEWER


def test_a_role_in_a_dataset_stands_in_place_of_the_own_one_but_an_administrator_is_one_everywhere() -> None:
    roles = {"debts": Role.PUBLISHER, "clients": Role.NONE}
    user = Caller(user_id=UUID(int=1), name="ann", role=Role.EDITOR, dataset_roles=roles)
    assert [user.role_in(name) for name in ("debts", "clients", "sales")] == ["publisher", "none", "editor"]
    assert user.highest is Role.PUBLISHER
    assert user.sees_upload("debts", "bob")
    assert user.sees_upload("sales", "ann")
    assert not user.sees_upload("sales", "bob")
    administrator = Caller(user_id=UUID(int=2), name="root", role=Role.ADMINISTRATOR, dataset_roles=roles)
    assert administrator.role_in("clients") is Role.ADMINISTRATOR


def test_a_role_in_one_dataset_is_none_over_people() -> None:
    user = Caller(user_id=UUID(int=1), name="ann", role=Role.NONE, dataset_roles={"debts": Role.ADMINISTRATOR})
    check_roles(user, Role.VIEWER, ())
    check_roles(user, Role.PUBLISHER, ("debts",))
    for role, datasets in ((Role.ADMINISTRATOR, ()), (Role.PUBLISHER, ()), (Role.VIEWER, ("debts", "clients"))):
        with pytest.raises(Forbidden):
            check_roles(user, role, datasets)
