"""Plays what may happen on a driven dataset and on the model at the same time, and compares them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec

from projector.parking import read_facts
from projector.previewing import SAMPLES
from shared.datasets.declaration import Dataset
from shared.events import (
    RecordAdded,
    RecordCorrected,
    RecordRemoved,
    RecordsCorrected,
    RowCorrected,
    UploadApproved,
    UploadFailed,
    UploadWithdrawn,
)
from tests.driven.driver import Driver, Place
from tests.driven.happenings import (
    Add,
    Advance,
    Approve,
    Compact,
    Correct,
    CorrectMany,
    Fix,
    Remove,
    Send,
    Settle,
    Step,
    Withdraw,
)
from tests.driven.read_back import plain_detail, plain_values
from tests.driven.tiny import rules_of
from tests.driven.versions import Upload
from tests.model import Model

DONE = "published", "failed", "withdrawn"
FAILURES = "row-errors", "parked"
NOBODY, NOBODYS = UUID(int=0), 6


class Play:
    """A driven dataset with its model, both at the same position whenever a step is over."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.model = Model(rules_of(driver.dataset), driver.files)

    async def steps(self, steps: Iterable[Step]) -> None:
        """Let all this happen; compare whenever all is quiet."""
        for step in steps:
            await self.step(step)
        await self.settle(100)

    async def step(self, step: Step) -> None:
        """Let one thing happen."""
        match step:
            case Send(rows=rows, review=review, abort=abort):
                await self.driver.send(rows, review=review, abort=abort)
            case Add(key=key, values=values):
                of_key = {str(self.driver.dataset.key): key}
                await self.driver.append(RecordAdded(key=key, values={**of_key, **values}))
            case Correct(key=key, changes=changes, expected=expected):
                await self.driver.append(
                    RecordCorrected(key=key, changes=changes, expected=self.expected(key, expected))
                )
            case Remove(key=key, expected=expected):
                await self.driver.append(RecordRemoved(key=key, expected=self.expected(key, expected)))
            case CorrectMany(keys=keys, changes=changes):
                await self.driver.append(RecordsCorrected(keys=keys, changes=changes, selected_at=self.model.position))
            case Fix(upload=upload, row=row, cells=cells):
                await self.fix(self.upload(upload), row, cells)
            case Approve(upload=upload):
                await self.driver.append(UploadApproved(upload_id=self.upload(upload)), actor="bob")
            case Withdraw(upload=upload):
                await self.driver.append(UploadWithdrawn(upload_id=self.upload(upload)), actor="bob")
            case Advance(events=events, load=load, decide=decide):
                await self.advance(events, load, decide=decide)
            case Compact(first=first, count=count, steps=steps):
                await self.driver.compact(first, count, steps)
            case Settle(events=events):
                await self.settle(events)

    def upload(self, number: int) -> UUID:
        """An upload, or one that was never sent."""
        known = list(self.driver.files)
        return known[-1 - number % len(known)] if known and number < NOBODYS else NOBODY

    def expected(self, key: str, which: str) -> tuple[int, ...] | None:
        """Versions that a person may have seen."""
        versions = [version.position for version in self.model.chains.get(key, [])]
        return {"any": None, "seen": tuple(versions[-1:]), "old": tuple(versions[-3:-1])}[which]

    async def fix(self, upload_id: UUID, row: int, cells: dict[str, str]) -> None:
        """Correct one of the rows that were rejected, or, where there is none, one that was not."""
        upload = self.model.uploads.get(upload_id)
        rejected = [one for one, said in upload.file.outcomes.items() if said == "rejected"] if upload else []
        number = rejected[row % len(rejected)] if rejected else 2 + row
        await self.driver.append(RowCorrected(upload_id=upload_id, row=number, cells=cells))

    async def advance(self, events: int, load: int | None, *, decide: bool) -> bool:
        """Work a little; whether there was anything to do."""
        folded = await self.driver.fold(events) if events else []
        if folded:
            self.model.waiting.facts = await read_facts(self.driver.place.engine, self.driver.dataset.name, 0)
        for event in folded:
            assert not isinstance(event.data, UploadFailed) or event.data.code in FAILURES, event.data.reason
            self.model.fold(event)
        loaded = await self.driver.load(load) if load is not None else None
        if loaded:
            await self.compare_previews()
        if decide:
            await self.driver.decide()
        return bool(folded or loaded)

    async def settle(self, events: int) -> None:
        """Work until nothing is left to do, then compare everything."""
        while await self.advance(events, 1, decide=not self.driver.waiting.loads) or await self.driver.events(1):
            pass
        await self.compare()
        self.check_that_all_is_decided()

    def check_that_all_is_decided(self) -> None:
        """Whatever waits waits for a person, or for one before it that does."""
        waiting = [upload for upload in self.model.uploads.values() if upload.state == "waiting"]
        assert not waiting or (waiting[0].received.review and not waiting[0].approved)
        assert not any(upload.received.on_error == "abort" and upload.count("rejected") for upload in waiting[:1]), (
            "a file with errors fails without being reviewed"
        )

    async def compare(self) -> None:
        """Hold every record, version, upload, row and outcome to the model."""
        read = self.driver.read
        assert await read.chains() == self.model.chains
        assert await read.outcomes() == self.model.outcomes
        await self.compare_uploads()
        outcomes, errors = await read.rejects()
        for upload in self.model.uploads.values():
            if upload.published:
                said = {row: one for row, one in upload.file.outcomes.items() if one != "blank"}
                assert outcomes.get(upload.number, {}) == said
                wanted = {row: one for row, one in upload.file.errors.items() if one}
                assert errors.get(upload.number, {}) == wanted

    async def compare_uploads(self) -> None:
        """Hold the reports to the model."""
        reports = await self.driver.read.uploads()
        assert list(reports) == list(self.model.uploads)
        for upload_id, upload in self.model.uploads.items():
            report = reports[upload_id]
            assert report["number"] == upload.number
            assert report["state"] == upload.state or (upload.state == "waiting" and report["state"] not in DONE)
            assert report["published_position"] == upload.published
            assert report["withdrawn_position"] == upload.withdrawn
            assert plain_detail(report["withdrawal"]) == upload.withdrawal
            if upload.published:
                assert {name: report[name] for name in counts(upload)} == counts(upload)

    async def compare_previews(self) -> None:
        """Hold the previews that were made at this position to what the model would show."""
        for upload_id, report in (await self.driver.read.uploads()).items():
            upload = self.model.uploads.get(upload_id)
            if upload is None or upload.state != "waiting" or report["previewed_position"] != self.model.position:
                continue
            said, wanted = msgspec.json.decode(report["preview"]), self.model.preview(upload_id)
            assert {name: said[name] for name in wanted} == {name: len(found) for name, found in wanted.items()}
            if upload.received.review:
                for name, found in wanted.items():
                    shown = alike(said["samples"].get(name, []))
                    assert len(shown) == min(len(found), SAMPLES)
                    assert Counter(shown) <= Counter(alike(found))


@asynccontextmanager
async def played(place: Place, dataset: Dataset) -> AsyncIterator[Play]:
    """A dataset of its own for one example, dropped afterwards."""
    driver = await place.begin(dataset)
    try:
        yield Play(driver)
    finally:
        await driver.drop()


def counts(upload: Upload) -> dict[str, int | None]:
    """What the report of a published upload counts."""
    return {
        "rows_read": len(upload.file.rows),
        "rows_accepted": len(upload.file.rows) - upload.count("rejected", "removed", "duplicate", "blank"),
        "rows_rejected": upload.count("rejected", "removed"),
        "rows_duplicate": upload.count("duplicate"),
        "rows_blank": upload.count("blank"),
        "records": upload.records,
        "records_superseded": upload.superseded,
    }


def alike(sample: Iterable[Any]) -> list[bytes]:
    """Records, or pairs of old and new ones, to be compared in any order."""
    plain = [
        {name: plain_values(record) for name, record in one.items()} if "old" in one else plain_values(one)
        for one in sample
    ]
    return sorted(msgspec.json.encode(one, order="sorted") for one in plain)
