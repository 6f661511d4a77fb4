"""How long a login takes tells nothing of anybody: measured in process, turn by turn, by its medians."""

from __future__ import annotations

import statistics
import time
from uuid import uuid4

import httpx

from command_api.passwords import Passwords
from command_api.users import Change, Users
from shared.database import make_engine
from shared.settings import Settings
from tests.integration.limits.conftest import Apis
from tests.signing import UNLIMITED

TURNS = 24


async def some_users(settings: Settings) -> list[str]:
    engine = make_engine(settings.database_url, name="tests", pool_size=1)
    users, hashed = Users(engine), await Passwords().hash("four unlikely words here")
    names = [f"user-{uuid4().hex[:12]}" for _ in range(TURNS)]
    for name in names:
        await users.add(name, Change(), hashed, "tests")
    await engine.dispose()
    return names


async def refused(client: httpx.AsyncClient, name: str) -> tuple[float, float]:
    """How long a wrong password takes, and how much processor time."""
    begun, worked = time.perf_counter(), time.process_time()
    answer = await client.post("/tokens", json={"name": name, "password": "not the password of him"})
    assert answer.status_code == 401
    return time.perf_counter() - begun, time.process_time() - worked


async def test_a_wrong_password_takes_as_long_where_there_is_no_such_user(apis: Apis, settings: Settings) -> None:
    client = await apis.commands(rate_limits=UNLIMITED)
    known, unknown = [], []
    for name in await some_users(settings):
        known.append(await refused(client, name))
        unknown.append(await refused(client, f"user-{uuid4().hex[:12]}"))
    for kind, least in ((0, 0.7), (1, 0.8)):
        one, other = (statistics.median(each[kind] for each in taken) for taken in (known, unknown))
        assert least < one / other < 1 / least, (kind, one, other)
