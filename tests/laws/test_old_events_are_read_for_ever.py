"""A log in which events stand as older versions wrote them is folded like one that is written today."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from shared.codec import UPCASTERS, VERSIONS, decode_batch, encode_batch
from shared.datasets.debts import dataset as debts
from tests.driven.driver import Driver, Place
from tests.unit.test_golden_events import path_of

WHOLE_LIFE = {
    "upload-received": None,
    "upload-approved": "applied",
    "upload-published": None,
    "row-corrected": "rejected",
    "record-added": "rejected",
    "record-corrected": "not-found",
    "record-removed": "not-found",
    "records-corrected": "applied",
    "upload-withdrawn": "applied",
    "upload-failed": None,
    "event-parked": None,
    "parked-retried": "not-found",
    "parked-discarded": "not-found",
}
"""The golden events in an order in which they may have happened, with what becomes of each as a command."""

INSERT = text("""
    INSERT INTO store.events (dataset, position, event_id, type, version, actor, correlation_id, recorded_at, data)
    VALUES (:dataset, :position, gen_random_uuid(), :type, :version, 'ann', gen_random_uuid(), now(),
        CAST(:data AS json))
""")
FILE = "0b7f1d9e6c0f4a359d612f6a4a1c0e01.utf-8"
ROWS = [f"{'x' * 40};;\r\n", f"{'x' * 42};;\r\n", f"{'x' * 66};;\r\n"]


@pytest.mark.parametrize("old", [None, *UPCASTERS], ids=str)
async def test_each_released_version_is_folded_as_the_newest_is(place: Place, old: tuple[str, int] | None) -> None:
    versions = VERSIONS | ({old[0]: old[1]} if old else {})
    driver = await place.begin(debts)
    await write_golden_file(place)
    await write_log(driver, versions)
    for _ in WHOLE_LIFE:
        events = await driver.events(1)
        await driver.deliver(decode_batch(encode_batch(events)))
        while await driver.load(0):
            pass

    outcomes = await driver.read.outcomes()
    (upload,) = (await driver.read.uploads()).values()
    assert {at: outcome.code for at, outcome in outcomes.items()} == {
        at: code for at, code in enumerate(WHOLE_LIFE.values(), start=1) if code
    }
    assert (upload["state"], upload["rows_read"], upload["published_position"]) == ("withdrawn", 3, 3)
    await driver.drop()


def test_every_event_stands_in_that_log() -> None:
    assert set(WHOLE_LIFE) == set(VERSIONS)


async def write_golden_file(place: Place) -> None:
    """The file that the golden upload speaks of: 21 bytes of header, then chunks of 90 and of 70."""
    await place.blobs.remove(FILE)
    writer = place.blobs.writer(FILE)
    writer.write(("\ufeffname;debtId;Note\r\n" + "".join(ROWS)).encode())
    writer.commit()


async def write_log(driver: Driver, versions: dict[str, int]) -> None:
    """The golden events of these versions, as they were stored, about an upload of their own."""
    upload_id = str(uuid4())
    async with driver.place.engine.begin() as connection:
        for position, name in enumerate(WHOLE_LIFE, start=1):
            golden: dict[str, Any] = msgspec.json.decode(path_of(name, versions[name]).read_bytes())
            golden["data"] |= {"upload_id": upload_id} if "upload_id" in golden["data"] else {}
            said = {"version": golden["version"], "data": msgspec.json.encode(golden["data"]).decode()}
            of = {"dataset": driver.dataset.name, "position": position, "type": name}
            await connection.execute(INSERT, {**of, **said})
