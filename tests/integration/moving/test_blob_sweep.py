"""Blobs that no event names go after a safe while, and no others."""

from __future__ import annotations

import os
import time

import pytest

from command_api.sweeping_blobs import Swept, sweep_blobs
from shared.errors import Conflict
from tests.integration.moving.conftest import Places, Truth

DAY_S = 86400.0


def leave(truth: Truth, name: str, age_s: float = 2 * DAY_S) -> None:
    """What a crash left so long ago."""
    (truth.folder / name).write_bytes(b"12345")
    grow_old(truth, name, age_s)


def grow_old(truth: Truth, name: str, age_s: float = 2 * DAY_S) -> None:
    then = time.time() - age_s
    os.utime(truth.folder / name, (then, then))


async def test_what_no_event_names_goes_and_what_one_names_stays(source: Truth) -> None:
    named = source.files()
    for name in named:
        grow_old(source, name)
    for name in ("lost", "lost.utf-8", "half.part"):
        leave(source, name)
    leave(source, "young", age_s=60)
    told: list[str] = []
    would = await sweep_blobs(source.url, source.blobs, DAY_S, dry_run=True, tell=told.append)
    assert would == Swept(blobs=len(named) + 4, unnamed=3, size_bytes=15)
    assert [line.split()[0] for line in told] == ["half", "lost", "lost.utf-8"]
    assert len(source.files()) == len(named) + 4

    assert await sweep_blobs(source.url, source.blobs, DAY_S) == would
    assert source.files() == {**named, "young": b"12345"}
    assert (await sweep_blobs(source.url, source.blobs, DAY_S)).unnamed == 0


async def test_what_an_append_may_be_about_to_name_stays_however_little_one_waits(source: Truth) -> None:
    leave(source, "underway", age_s=1800)
    assert (await sweep_blobs(source.url, source.blobs, 0)).unnamed == 0
    assert "underway" in source.files()


async def test_the_blobs_of_another_installation_are_not_removed(source: Truth, places: Places) -> None:
    other = places.empty()
    for name in source.files():
        grow_old(source, name)
    with pytest.raises(Conflict, match="another installation"):
        await sweep_blobs(other.url, source.blobs, DAY_S)
    assert source.files()

    swept = await sweep_blobs(other.url, source.blobs, DAY_S, all_of_them=True)
    assert (swept.unnamed, source.files()) == (swept.blobs, {})
