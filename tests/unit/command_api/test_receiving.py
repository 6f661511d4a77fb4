"""However a file is packed: the same text and chunks, and no more memory for a longer one."""

from __future__ import annotations

import gzip
import random
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from command_api.archives.unpacking import Unpacker
from command_api.receiving import ReceivedFile, Receiver
from command_api.texts import Wishes
from shared.blobs import FolderBlobs
from shared.datasets.debts import dataset
from shared.errors import Disconnected
from shared.settings import Settings
from tests.files import DEBT_LABELS, debt, table
from tests.workbooks import packed, workbook

MIB = 1024**2
SETTINGS = Settings(database_url="", amqp_url="", blobs_url="")
PIECE_BYTES = 64 * 1024


def zipped(content: bytes) -> bytes:
    return packed({"debts.csv": content})


def in_a_workbook(content: bytes) -> bytes:
    return workbook([["x" * 30_000], [str(len(content))]])


def kept(folder: Path) -> list[Path]:
    return list(folder.iterdir())


PACKINGS: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": gzip.compress, "zip": zipped}


async def body(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]


async def receive(folder: Path, arriving: AsyncIterator[bytes]) -> ReceivedFile:
    receiver = Receiver(SETTINGS, FolderBlobs(folder), Unpacker(60), dataset, uuid4(), Wishes())
    return await receiver.receive(arriving, gzipped=False)


def rows(count: int) -> bytes:
    """A file of debts that does not compress to nothing."""
    keys = random.Random(count)
    lines = [debt(UUID(int=keys.getrandbits(128))) for _ in range(1000)]
    header, text = table(DEBT_LABELS, []), table(DEBT_LABELS, lines)
    return (text + text.removeprefix(header) * (count // 1000 - 1)).encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_a_packed_file_has_the_text_and_chunks_of_the_file(tmp_path: Path, encoding: str) -> None:
    content = rows(60_000).decode().encode(encoding)
    found = {name: await receive(tmp_path, body(pack(content))) for name, pack in PACKINGS.items()}

    texts = {name: (tmp_path / one.text_key).read_bytes() for name, one in found.items()}
    assert len(found["plain"].chunks) > 1
    for name, one in found.items():
        assert (one.chunks, one.dialect, one.header) == (
            found["plain"].chunks,
            found["plain"].dialect,
            found["plain"].header,
        ), name
        assert texts[name] == texts["plain"]
        assert one.size_bytes == (tmp_path / one.blob_key).stat().st_size
    assert found["gzip"].text_key != found["gzip"].blob_key


@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
async def test_a_longer_file_takes_no_more_memory(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    async def peak_bytes(count: int) -> int:
        content = pack(rows(count))
        tracemalloc.start()
        try:
            await receive(tmp_path, body(content))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    short, long = await peak_bytes(100_000), await peak_bytes(400_000)
    assert long < short + 4 * MIB
    assert long < 32 * MIB


@pytest.mark.parametrize("pack", [*PACKINGS.values(), in_a_workbook])
async def test_nothing_is_kept_of_a_body_that_breaks_off(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield pack(rows(30_000))
        raise Disconnected("The client went away.")

    with pytest.raises(Disconnected):
        await receive(tmp_path, broken())
    assert kept(tmp_path) == []
