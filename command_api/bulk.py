"""`PATCH /{dataset}?filters&max_affected=100`: the same change to all records that match, as one event.

*HTTP -> command -> event*: the filter is resolved here, so that the event says which records were meant for ever.
"""

from __future__ import annotations

from litestar import patch
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncEngine

from command_api.action_descriptions import correct_many
from command_api.answering import Answer, Said, json_answer
from command_api.commanding import Commands
from command_api.idempotency import read_claim
from command_api.json_bodies import BODY_BYTES, MERGE_PATCH, read_json
from command_api.record_bodies import RecordCheck
from command_api.selecting import Selection
from shared.datasets.declaration import Dataset
from shared.errors import Conflict
from shared.event_store import EventStore
from shared.events import RecordsCorrected
from shared.http.callers import caller_of
from shared.http.positions import HEADER, Position
from shared.http.problems import AnyRequest

CORRECTED = Said(applied="Records corrected")


class Bulk:
    """Corrects many records of one dataset that has a key."""

    def __init__(self, dataset: Dataset, reader: AsyncEngine, store: EventStore, commands: Commands) -> None:
        self.selection = Selection(dataset, reader)
        self._name = dataset.name
        self._check = RecordCheck(dataset)
        self._store = store
        self._commands = commands

    async def correct(self, request: AnyRequest) -> Answer:
        """One event with the keys of all records that match; none where they are more than the caller allows.

        A request that was answered before under its idempotency key is answered like that, whatever matches by now.
        """
        query, most = self.selection.read(request.scope["path"], request.scope["query_string"])
        body = await request.body()
        changes = self._check.changes(read_json(request, body, MERGE_PATCH), None)
        claim = read_claim(request, caller_of(request).name)
        event = RecordsCorrected(keys=(), changes=changes, selected_at=0)
        if claim is None or not await self._store.has_claim(self._name, claim):
            found = await self.selection.select(query, most)
            if found.matching > most:
                says = f"{found.matching} records match, more than max_affected={most}. Nothing was changed."
                raise Conflict(says)
            if not found.keys and claim is None:
                nothing = {"message": "No record matches", "corrected": 0, "missing": 0}
                return json_answer(200, nothing, {HEADER: str(Position(self._name, found.position))})
            event = RecordsCorrected(keys=found.keys, changes=changes, selected_at=found.position)
        return await self._commands.run(request, self._name, event, CORRECTED, asked=(body,))


def bulk_route(bulk: Bulk, dataset: Dataset) -> HTTPRouteHandler:
    """The route that corrects many records of a dataset."""

    @patch(
        f"/{dataset.name}",
        name=f"correct-many-{dataset.name}",
        operation_id=f"patch-{dataset.name}",
        request_max_body_size=BODY_BYTES,
        operation_class=correct_many(dataset, bulk.selection.parameters.values()),
    )
    async def correct(request: AnyRequest) -> Answer:
        return await bulk.correct(request)

    return correct
