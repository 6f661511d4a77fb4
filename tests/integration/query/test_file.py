"""`GET /uploads/{id}/file`."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.blobs import READ_BYTES, open_blobs
from shared.settings import Settings
from tests.integration.query.books import Books


@pytest.fixture(scope="module", autouse=True)
async def tables(books: Books) -> None:
    await books.serve("debts")


async def received(books: Books, settings: Settings, number: int, content: bytes, **said: str) -> UUID:
    """An upload whose file is there."""
    key = uuid4().hex
    writer = open_blobs(settings.blobs_url).writer(key)
    writer.write(content)
    writer.commit()
    digest = hashlib.sha256(content).hexdigest()
    columns: dict[str, Any] = {"blob_key": key, "sha256": digest, "size_bytes": len(content), **said}
    return await books.upload("debts", number, **columns)


FILES = {"none": b"", "few": b"a,b\r\n1,\xe9\r\n", "many": b"x" * (2 * READ_BYTES + 1)}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
async def test_the_bytes_are_those_that_came(
    client: httpx.AsyncClient, books: Books, settings: Settings, content: bytes
) -> None:
    upload_id = await received(books, settings, 1 + len(content), content)
    answer = await client.get(f"/uploads/{upload_id}/file")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-length"] == str(len(content))


async def test_the_headers_make_it_a_file_to_save(client: httpx.AsyncClient, books: Books, settings: Settings) -> None:
    upload_id = await received(books, settings, 50, b"a", file_name="März.csv")
    headers = (await client.get(f"/uploads/{upload_id}/file")).headers
    assert headers.get_list("content-type") == ["text/csv"]
    assert headers["etag"] == f'"{hashlib.sha256(b"a").hexdigest()}"'
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"] == "attachment; filename=\"M_rz.csv\"; filename*=UTF-8''M%C3%A4rz.csv"


@pytest.mark.parametrize("media_type", ["text/html", "application/vnd.ms-excel", ""])
async def test_no_other_type_is_said_of_it(
    client: httpx.AsyncClient, books: Books, settings: Settings, media_type: str
) -> None:
    upload_id = await received(books, settings, 60 + len(media_type), b"<script>", media_type=media_type)
    headers = (await client.get(f"/uploads/{upload_id}/file")).headers
    assert headers.get_list("content-type") == ["application/octet-stream"]


async def test_a_file_that_the_client_has_is_not_sent_again(
    client: httpx.AsyncClient, books: Books, settings: Settings
) -> None:
    upload_id = await received(books, settings, 70, b"abc")
    url = f"/uploads/{upload_id}/file"
    tag = (await client.get(url)).headers["etag"]
    again = await client.get(url, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await client.get(url, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_head_says_how_long_it_is(client: httpx.AsyncClient, books: Books, settings: Settings) -> None:
    upload_id = await received(books, settings, 80, b"abc")
    answer = await client.head(f"/uploads/{upload_id}/file")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "3")


async def test_a_file_that_is_lost_is_our_fault(client: httpx.AsyncClient, books: Books) -> None:
    upload_id = await books.upload("debts", 90, blob_key="lost", size_bytes=3)
    answer = await client.get(f"/uploads/{upload_id}/file")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal")
