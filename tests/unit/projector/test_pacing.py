"""A generation is built a few loads at a time, and one while somebody reads."""

from __future__ import annotations

import asyncio
import math

import pytest
from msgspec.structs import replace

from projector import readers
from projector.pacing import Pace
from projector.readers import Readers
from shared.event_log import Load
from shared.settings import Settings
from shared.wakeups import READ, Wakeups
from tests.steps import eventually

LOADS = [Load("debts", 2, 1, number) for number in range(20)]
SETTINGS = Settings(database_url="", amqp_url="", blobs_url="", build_loads=4, lease_s=0.05)


class Known(Readers):
    """Readers that come and go as a test says."""

    def __init__(self) -> None:
        super().__init__(Wakeups(""))
        self.here = False

    @property
    def are_here(self) -> bool:
        return self.here


async def test_a_few_are_under_way_and_another_comes_for_each_that_is_done() -> None:
    pace = Pace(SETTINGS, Known(), 1.0)
    assert await pace.next(LOADS) == LOADS[:4]
    assert await pace.next(LOADS) == []
    assert await pace.next([*LOADS[:1], *LOADS[3:]]) == LOADS[4:6]
    assert await pace.next(LOADS[6:]) == LOADS[6:10]
    assert await pace.next([]) == []


async def test_an_upload_whose_chunks_are_all_done_is_left_to_who_finishes_it() -> None:
    pace = Pace(SETTINGS, Known(), 1.0)
    assert await pace.next(LOADS[:2]) == LOADS[:2]
    assert await pace.next(LOADS[1:2]) == []
    assert await pace.next(LOADS[:1]) == [], "as such an upload shows"


async def test_one_is_under_way_while_somebody_reads_once_the_others_are_done() -> None:
    known = Known()
    pace = Pace(SETTINGS, known, 1.0)
    await pace.next(LOADS)
    known.here = True
    for left in (1, 2, 3):
        assert await pace.next(LOADS[left:]) == [], "three of them, then one, are still under way"
    assert await pace.next(LOADS[4:]) == LOADS[4:5]
    assert await pace.next(LOADS[5:]) == LOADS[5:6]
    known.here = False
    assert await pace.next(LOADS[5:]) == LOADS[6:9]


async def test_what_was_lost_is_given_out_again_once_nothing_has_moved_for_the_life_of_a_lease() -> None:
    pace = Pace(SETTINGS, Known(), 1.0)
    await pace.next(LOADS)
    assert await pace.next(LOADS) == []
    await asyncio.sleep(1.1 * SETTINGS.lease_s)  # The life of a lease, which is what is waited for.
    assert await pace.next(LOADS) == LOADS[:4]


async def test_who_has_a_share_of_the_time_gives_out_one_and_rests_as_long_as_that_took() -> None:
    clock = asyncio.get_running_loop().time
    pace = Pace(replace(SETTINGS, lease_s=60.0), Known(), 0.25)
    assert await pace.next(LOADS) == LOADS[:1]
    given_at = clock()
    assert await pace.next(LOADS) == []
    await asyncio.sleep(0.05)  # The work on it.
    done_at = clock()
    assert await pace.next(LOADS[1:]) == LOADS[1:2]
    assert clock() - done_at >= 2.9 * (done_at - given_at)


@pytest.mark.parametrize(("here_s", "are_here"), [(math.inf, True), (0.0, False)])
async def test_readers_are_here_for_a_while_after_a_read(
    monkeypatch: pytest.MonkeyPatch, here_s: float, are_here: bool
) -> None:
    monkeypatch.setattr(readers, "HERE_S", here_s)
    wakeups = Wakeups("", (READ,))
    known = Readers(wakeups)
    listening = asyncio.create_task(known.run())
    assert math.isinf(known._last)  # noqa: SLF001  # nobody has read yet
    await asyncio.sleep(0)
    wakeups.ring(READ)
    await asyncio.to_thread(eventually, lambda: math.isfinite(known._last) or None)  # noqa: SLF001
    assert known.are_here is are_here
    listening.cancel()
