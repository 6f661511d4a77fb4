"""`POST /uploads/{id}/fixes`: a fixed errors.csv, a correction for each of its rows; *HTTP -> command -> event*.

Every row is an event of its own and is refused or applied by itself, so that a file may be sent again after a crash, or
after more has been fixed: rows that have become records are counted as unknown then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from uuid import UUID

from command_api.fix_files import FixedRow, FixFile, read_fix_file
from command_api.fix_progress import Fixed, Progress
from command_api.idempotency import read_claim, read_idempotency
from command_api.outcomes import Outcomes
from command_api.reservations import Reservations
from command_api.texts import Wishes
from shared.bounds import Bound
from shared.datasets.declaration import Dataset
from shared.event_store import EventStore, Idempotency, Proposal
from shared.events import RowCorrected
from shared.http.callers import caller_of
from shared.http.correlation import correlation_id
from shared.http.positions import Position
from shared.http.preferences import responds_async, wait_s
from shared.http.problems import AnyRequest

GROUP_ROWS = 500
"""Rows that are appended in one transaction."""

LOOK_S = 0.25

MOST_TAKEN = 8
"""So many files does one process take at the same time: each is read whole."""


class Fixes:
    """Takes fixed files."""

    def __init__(
        self, store: EventStore, outcomes: Outcomes, reservations: Reservations, announce: Callable[[], None]
    ) -> None:
        self._store = store
        self._outcomes = outcomes
        self._reservations = reservations
        self._announce = announce
        self._bound = Bound(MOST_TAKEN, "As many files of fixes as may be are being read.")

    async def take(
        self, request: AnyRequest, dataset: Dataset, upload_id: UUID, body: AsyncIterator[bytes], wishes: Wishes
    ) -> Progress:
        """Append every row and wait as long as the caller prefers.

        Nothing is appended of a file that cannot be read as a whole (BadFile), and no more once the upload is found to
        take no corrections. Raises Unavailable where too many are taken, StillRunning and KeyReused for an idempotency
        key, Conflict where it was used too long ago to say what became of the rows.
        """
        with self._bound.entered():
            return await self._take(request, dataset, upload_id, body, wishes)

    async def _take(
        self, request: AnyRequest, dataset: Dataset, upload_id: UUID, body: AsyncIterator[bytes], wishes: Wishes
    ) -> Progress:
        progress = Progress(told=Fixed())
        actor = caller_of(request).name
        async with self._reservations.held(read_claim(request, actor)):
            file = await read_fix_file(body, dataset, wishes)
            key = read_idempotency(request, actor, file.digest)
            proposals = _proposals(request, upload_id, file, key, progress)
            while progress.conflict is None and (group := list(islice(proposals, GROUP_ROWS))):
                await self._append(dataset, group, progress)
        prefer = request.headers.get("prefer", "")
        await self._follow(dataset, progress, 0 if responds_async(prefer) else wait_s(prefer))
        return progress

    async def _append(self, dataset: Dataset, group: list[tuple[FixedRow, Proposal]], progress: Progress) -> None:
        appended = await self._store.append_all(dataset.name, [proposal for _, proposal in group])
        self._announce()
        for (row, _), one in zip(group, appended, strict=True):
            progress.waiting[one.position] = row
            progress.first = one.position if progress.first is None else progress.first
            progress.last = one.position
            progress.replayed |= one.replayed
        await self._look(dataset, progress)

    async def _follow(self, dataset: Dataset, progress: Progress, patience_s: float) -> None:
        """Look again and again: of a dataset only so many outcomes are kept."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience_s
        while progress.waiting and progress.last is not None and (left_s := deadline - clock()) > 0:
            await self._outcomes.wait(Position(dataset.name, progress.last), min(left_s, LOOK_S))
            await self._look(dataset, progress)
        if progress.waiting and progress.replayed and progress.last is not None:
            await self._outcomes.now(Position(dataset.name, progress.last))

    async def _look(self, dataset: Dataset, progress: Progress) -> None:
        if not progress.waiting or progress.last is None:
            return
        found = await self._outcomes.between(dataset.name, next(iter(progress.waiting)), progress.last)
        for position in sorted(found.keys() & progress.waiting.keys()):
            progress.decide(position, found[position])


def _proposals(
    request: AnyRequest, upload_id: UUID, file: FixFile, key: Idempotency | None, progress: Progress
) -> Iterator[tuple[FixedRow, Proposal]]:
    caused_by, actor = correlation_id(request), caller_of(request).name
    for number, row in enumerate(file.rows()):
        if row.row is None or row.error is not None:
            progress.unread(row)
            continue
        event = RowCorrected(upload_id=upload_id, row=row.row, cells=dict(row.cells))
        own = key and Idempotency(f"{key.key}:{number}", key.fingerprint)
        yield row, Proposal(event=event, actor=actor, idempotency=own, correlation_id=caused_by)
