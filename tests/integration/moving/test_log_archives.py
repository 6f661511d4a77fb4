"""What leaves an installation as an archive comes into another one byte for byte, whatever ends either half."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from command_api.moving import archive, exporting, importing
from command_api.moving.archive import BlobLine, EventLine, lines_of, read_manifest
from command_api.moving.exporting import export_log
from command_api.moving.importing import import_log
from shared.errors import BadArchive, BadParameter, BlobCorrupt, Conflict
from shared.events import RecordCorrected
from tests.integration.moving.conftest import Places, Truth


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little at once that everything has several parts."""
    monkeypatch.setattr(exporting, "PART_EVENTS", 10)
    monkeypatch.setattr(importing, "AT_ONCE", 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def killed_after(calls: int, what: Any) -> Any:
    """The same function, in whose call of that number the process ends."""
    left = iter(range(calls))

    def called(*values: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise Killed
        return what(*values, **named)

    return called


async def test_the_truth_moves_as_it_stands(source: Truth, places: Places, folder: Path) -> None:
    target = places.empty()
    manifest = await export_log(source.url, source.blobs, folder)
    await import_log(target.url, target.blobs, folder)

    assert await target.rows() == await source.rows()
    assert target.files() == source.files()
    assert [(one.name, one.head, [part.entries for part in one.events]) for one in manifest.datasets] == [
        ("clients", 2, [2]),
        ("debts", 26, [10, 10, 6]),
    ]


async def test_what_was_once_stays_once(source: Truth, places: Places, folder: Path) -> None:
    target = places.empty()
    await export_log(source.url, source.blobs, folder)
    await import_log(target.url, target.blobs, folder)
    before = await target.rows()

    again = await target.receive("debts", b"file 2" * 1000)
    assert (await target.rows())["events"] == before["events"]
    assert again in {row[0] for row in before["uploads"]}


async def test_only_its_owner_may_read_it(source: Truth, folder: Path) -> None:
    before = os.umask(0)
    try:
        await export_log(source.url, source.blobs, folder)
    finally:
        os.umask(before)
    modes = {str(one): (one.is_dir(), stat.S_IMODE(one.stat().st_mode)) for one in walked(folder)}
    assert len(modes) > 20
    assert set(modes.values()) == {(True, 0o700), (False, 0o600)}


def walked(folder: Path) -> list[Path]:
    """The folder and all that is in it."""
    return [folder, *folder.rglob("*")]


async def test_an_export_is_one_moment_while_people_go_on(source: Truth, places: Places, folder: Path) -> None:
    over = asyncio.Event()

    async def go_on() -> None:
        while not over.is_set():
            await source.receive("debts", os.urandom(50))
            await source.append("clients", RecordCorrected(key="2", changes={}))

    people = asyncio.create_task(go_on())
    try:
        for _ in range(3):
            await export_log(source.url, source.blobs, folder)
    finally:
        over.set()
        await people
    target = places.empty()
    manifest = await import_log(target.url, target.blobs, folder)
    rows, all_rows = await target.rows(), await source.rows()

    heads = {log.name: log.head for log in manifest.datasets}
    assert heads["debts"] > 26
    assert rows["events"] == [one for one in all_rows["events"] if int(str(one[1])) <= heads[str(one[0])]]
    assert len(rows["uploads"]) * 2 == len(target.files()) == manifest.blobs.entries
    await export_log(source.url, source.blobs, folder)
    await import_log(target.url, target.blobs, folder)
    assert await target.rows() == await source.rows()


@pytest.mark.parametrize("calls", range(0, 20, 3))
async def test_an_export_that_is_killed_goes_on(
    source: Truth, places: Places, folder: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(archive.PartWriter, "finish", killed_after(calls, archive.PartWriter.finish))
        patch.setattr(archive.PartWriter, "__exit__", lambda writer, *_: writer._file.close())  # noqa: SLF001  # no more
        with pytest.raises(Killed):
            await export_log(source.url, source.blobs, folder)
    with pytest.raises(BadArchive, match=r"manifest.json is not there"):
        await import_log("postgresql://nobody@127.0.0.1:1/none", source.blobs, folder)
    target = places.empty()
    await export_log(source.url, source.blobs, folder)
    await import_log(target.url, target.blobs, folder)

    assert await target.rows() == await source.rows()
    assert not [one for one in walked(folder) if one.suffix == ".part"]


@pytest.mark.parametrize(
    ("step", "calls"),
    [("_add_blob", 0), ("_add_blob", 3), ("_append", 0), ("_append", 1), ("_row", 1), ("_row", 3), ("_row", 20)],
)
async def test_an_import_that_is_killed_goes_on(
    source: Truth, places: Places, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, calls: int
) -> None:
    target = places.empty()
    await export_log(source.url, source.blobs, folder)
    with monkeypatch.context() as patch:
        patch.setattr(importing, step, killed_after(calls, getattr(importing, step)))
        with pytest.raises(Killed):
            await import_log(target.url, target.blobs, folder)
    leave_half(target, next(iter(source.files())))
    assert {row[1] for row in (await target.rows())["heads"]} <= {2, 26}
    await import_log(target.url, target.blobs, folder)
    await import_log(target.url, target.blobs, folder)

    assert await target.rows() == await source.rows()


def leave_half(target: Truth, key: str) -> None:
    """What a kill leaves of a blob."""
    (target.folder / f"{key}.part").write_bytes(b"half a bl")


def parts_of(folder: Path) -> list[Path]:
    """One file of every sort."""
    manifest = read_manifest(folder)
    debts = manifest.datasets[1]
    blob = next(lines_of(folder, manifest.blobs, BlobLine)).key
    names = [debts.events[1].file, debts.claims.file, debts.senders.file, manifest.blobs.file, f"blobs/{blob}"]
    return [folder / name for name in names]


@pytest.mark.parametrize("damage", ["bit", "end", "gone"])
@pytest.mark.parametrize("number", range(5))
async def test_a_damaged_archive_is_refused_by_the_part_and_changes_nothing(
    source: Truth, places: Places, folder: Path, number: int, damage: str
) -> None:
    target = places.empty()
    await export_log(source.url, source.blobs, folder)
    path = parts_of(folder)[number]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    match damage:
        case "bit":
            path.write_bytes(content)
        case "end":
            path.write_bytes(content[:-1])
        case _:
            path.unlink()
    with pytest.raises(BadArchive) as refused:
        await import_log(target.url, target.blobs, folder)

    assert str(path.relative_to(folder)) in str(refused.value)
    assert not any((await target.rows()).values())
    assert target.files() == {}


async def test_a_manifest_of_another_form_is_refused(source: Truth, folder: Path) -> None:
    await export_log(source.url, source.blobs, folder)
    path = folder / "manifest.json"
    said = path.read_text()
    for wrong in (
        said[:-20],
        said.replace('"version": 1', '"version": 2'),
        said.replace("events/", "../events/"),
        "[]",
    ):
        path.write_text(wrong)
        with pytest.raises(BadArchive, match=r"manifest.json"):
            read_manifest(folder)


async def test_an_installation_with_other_events_takes_none(source: Truth, places: Places, folder: Path) -> None:
    target = places.empty()
    await target.append("debts", RecordCorrected(key="1", changes={}))
    before = await target.rows()
    await export_log(source.url, source.blobs, folder)
    with pytest.raises(Conflict, match="debts has another event at position 1"):
        await import_log(target.url, target.blobs, folder)

    assert await target.rows() == before
    assert target.files() == {}


async def test_an_installation_that_has_gone_on_is_left_as_it_is(source: Truth, places: Places, folder: Path) -> None:
    target = places.empty()
    await export_log(source.url, source.blobs, folder)
    await import_log(target.url, target.blobs, folder)
    await target.append("debts", RecordCorrected(key="1", changes={}))
    before = await target.rows()
    await import_log(target.url, target.blobs, folder)
    assert await target.rows() == before

    await source.append("debts", RecordCorrected(key="1", changes={}))
    await export_log(source.url, source.blobs, folder)
    with pytest.raises(Conflict, match="debts has another event at position 27"):
        await import_log(target.url, target.blobs, folder)
    assert await target.rows() == before


async def test_a_folder_is_the_archive_of_one_installation(source: Truth, places: Places, folder: Path) -> None:
    await export_log(source.url, source.blobs, folder)
    other = places.empty()
    await other.live()
    with pytest.raises(Conflict, match="another installation"):
        await export_log(other.url, other.blobs, folder)
    with pytest.raises(Conflict, match="holds 'clients' as well"):
        await export_log(source.url, source.blobs, folder, ["debts"])
    with pytest.raises(Conflict, match="is no part of an archive"):
        await export_log(source.url, source.blobs, folder.parent)
    with pytest.raises(BadParameter, match="no events of 'deals'"):
        await export_log(source.url, source.blobs, folder, ["deals"])
    with archive.alone_in(folder), pytest.raises(Conflict, match="in use"):
        await export_log(source.url, source.blobs, folder)


async def test_some_datasets_move_alone(source: Truth, places: Places, folder: Path) -> None:
    target = places.empty()
    await export_log(source.url, source.blobs, folder, ["clients"])
    await import_log(target.url, target.blobs, folder)

    assert [tuple(row) for row in (await target.rows())["heads"]] == [("clients", 2)]
    assert len(target.files()) == 2


@pytest.mark.parametrize("content", [None, b"other bytes"])
async def test_a_blob_that_is_not_what_was_received_is_not_exported(
    source: Truth, folder: Path, content: bytes | None
) -> None:
    path = source.folder / next(name for name in source.files() if "." not in name)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(BlobCorrupt, match=path.name):
        await export_log(source.url, source.blobs, folder)


async def test_events_are_lines_that_people_can_read(source: Truth, folder: Path) -> None:
    manifest = await export_log(source.url, source.blobs, folder)
    part = manifest.datasets[1].events[0]

    assert (folder / part.file).read_text().count("\n") == part.entries == 10
    assert [event.position for event in lines_of(folder, part, EventLine)] == list(range(1, 11))
