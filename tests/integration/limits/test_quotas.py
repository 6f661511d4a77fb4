"""How many bytes somebody may send in a day: refused before or while they come, and nothing of them is kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import text

from command_api.app import make_app
from command_api.quotas import Quotas
from shared.database import make_engine
from shared.datasets.catalogue import shipped
from shared.settings import Settings
from shared.shares import Limit, Shares
from tests.alone import client_of
from tests.files import debt, debts
from tests.integration.limits.conftest import Apis
from tests.signing import NAME

QUOTA = 2_000


def file_of(size_bytes: int) -> bytes:
    """A file of debts of exactly so many bytes, another one each time."""
    content = debts(debt())
    return content + b"\n" * (size_bytes - len(content))


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """A body that does not announce its length."""
    for at in range(0, len(content), 100):
        yield content[at : at + 100]


async def ask(url: str, statement: str, **values: object) -> object:
    engine = make_engine(url, name="tests", pool_size=1)
    async with engine.begin() as connection:
        found = await connection.execute(text(statement), values)
        answer = found.scalar_one_or_none() if found.returns_rows else None
    await engine.dispose()
    return answer


async def used(settings: Settings) -> object:
    return await ask(settings.database_url, "SELECT sum(size_bytes)::int FROM limits.uploaded")


def kept(settings: Settings) -> list[int]:
    """The sizes of all that lies in the blob store, half or whole."""
    return sorted(path.stat().st_size for path in Path(settings.blobs_url.removeprefix("file://")).iterdir())


@pytest.fixture
async def client(apis: Apis) -> httpx.AsyncClient:
    return await apis.commands(upload_bytes_per_day=QUOTA)


@pytest.mark.parametrize("announced", [True, False])
async def test_what_is_too_much_for_today_is_429_and_leaves_nothing(
    client: httpx.AsyncClient, settings: Settings, announced: bool
) -> None:
    async def send(size_bytes: int) -> httpx.Response:
        content = file_of(size_bytes)
        return await client.post("/debts/uploads", content=content if announced else pieces(content))

    assert (await send(1_500)).status_code == 202
    refused = await send(501)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/quota-exceeded")
    assert (refused.json()["quota_bytes"], refused.json()["used_bytes"]) == (QUOTA, 1_500 if announced else 2_000)
    assert 1 <= int(refused.headers["retry-after"]) <= 86_401
    assert (await send(QUOTA + 1)).status_code == (413 if announced else 429)
    assert (kept(settings), await used(settings)) == ([1_500], 1_500)
    assert (await send(500)).status_code == 202
    assert await used(settings) == QUOTA


async def test_a_form_counts_as_it_is_sent_and_what_is_not_kept_does_not_count(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    content = file_of(900)
    form = await client.post("/debts/uploads", files={"file": ("a.csv", content)})
    assert form.status_code == 202
    counted = await used(settings)
    assert counted == int(form.request.headers["content-length"])
    assert (await client.post("/debts/uploads", content=content)).json()["duplicate"]
    assert (await client.post("/debts/uploads", content=b"what is this\n1\n")).status_code == 422
    assert (await used(settings), kept(settings)) == (counted, [900])


async def test_of_sixteen_files_at_once_so_many_are_taken_as_fit(apis: Apis, settings: Settings) -> None:
    clients = [await apis.commands(upload_bytes_per_day=QUOTA) for _ in range(2)]
    answers = await asyncio.gather(
        *(clients[turn % 2].post("/debts/uploads", content=file_of(400)) for turn in range(16))
    )
    assert Counter(one.status_code for one in answers) == {202: 5, 429: 11}
    assert (await used(settings), len(kept(settings))) == (QUOTA, 5)


async def test_a_user_may_have_a_quota_of_his_own(client: httpx.AsyncClient, settings: Settings) -> None:
    set_quota = "UPDATE store.users SET upload_bytes_per_day = :bytes WHERE name = :name"
    for own, status in ((0, 413), (5_000, 202), (None, 413)):
        await ask(settings.database_url, set_quota, bytes=own, name=NAME)
        assert (await client.post("/debts/uploads", content=file_of(2_500))).status_code == status
    new = {"name": "ann", "password": "four unlikely words here"}
    assert (await client.post("/users", json=new)).status_code == 201
    own_quota = "SELECT upload_bytes_per_day FROM store.users WHERE name = 'ann'"
    for said in (7, None):
        assert (await client.patch("/users/ann", json={"upload_bytes_per_day": said})).status_code == 204
        assert (await client.patch("/users/ann", json={"role": "editor"})).status_code == 204
        assert await ask(settings.database_url, own_quota) == said
    assert (await client.patch("/users/ann", json={"upload_bytes_per_day": -1})).status_code == 400


async def test_counts_that_are_old_are_forgotten_and_the_others_stay(settings: Settings) -> None:
    url = settings.database_url
    engine = make_engine(url, name="tests", pool_size=2)
    shares = Shares(engine)
    for subject in ("old", "new"):
        await shares.spend(subject, "user", Limit(1, 60))
    await ask(url, "UPDATE limits.shares SET taken_at = ARRAY[now() - interval '25 hours'] WHERE subject = 'old'")
    days = "generate_series(current_date - 2, current_date, interval '2 days') AS day"
    await ask(url, f"INSERT INTO limits.uploaded SELECT user_id, day, 1 FROM store.users, {days}")
    for one in (shares, Quotas(engine, 1)):
        await one.forget()
    assert await ask(url, "SELECT array_agg(subject) FROM limits.shares") == ["new"]
    assert await ask(url, "SELECT count(*) FROM limits.uploaded") == 1
    await engine.dispose()


async def test_a_body_that_ends_early_does_not_count(settings: Settings) -> None:
    given = msgspec.structs.replace(settings, upload_bytes_per_day=QUOTA)

    async def broken() -> AsyncIterator[bytes]:
        yield b"name,governmentId\n"
        raise ConnectionError

    async with client_of(make_app(given, shipped())) as client:
        assert (await client.post("/debts/uploads", content=broken())).status_code == 503
    assert (await used(settings) or 0, kept(settings)) == (0, [])
