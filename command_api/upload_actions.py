"""What people do about an upload: publish, withdraw, correct its rejected rows; *HTTP -> command -> event*."""

from __future__ import annotations

from uuid import UUID

from litestar import delete, post, put
from litestar.handlers import HTTPRouteHandler

from command_api import action_descriptions
from command_api.answering import Answer, Said, json_answer
from command_api.commanding import Commands
from command_api.fix_progress import told
from command_api.fixes import Fixes
from command_api.idempotency import REPLAYED
from command_api.json_bodies import BODY_BYTES, JSON, read_json
from command_api.quotas import Quotas
from command_api.row_cells import read_cells
from command_api.uploads import file_of
from shared.datasets.catalogue import Catalogue
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.errors import Conflict, NotFound
from shared.event_store import EventStore
from shared.events import RowCorrected, UploadApproved, UploadWithdrawn
from shared.http.callers import caller_of
from shared.http.positions import HEADER, Position
from shared.http.problems import AnyRequest, answer_error
from shared.selection.parameters import read_query, short
from shared.selection.values import read_value

PUBLISH = Said(applied="Upload approved", not_found="There is no such upload.")
WITHDRAW = Said(applied="Upload withdrawn", not_found="There is no such upload.")
CORRECT = Said(
    applied="Row corrected",
    not_found="The upload has no such rejected row. It may have been corrected or removed: see `errors`.",
)

FILE_WISHES = ("encoding", "delimiter", "file_name")
"""What can be said of a file of fixes."""


class UploadActions:
    """Commands about uploads of all datasets; the dataset of one is known from the event store."""

    def __init__(
        self, catalogue: Catalogue, store: EventStore, commands: Commands, fixes: Fixes, quotas: Quotas
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._commands = commands
        self._fixes = fixes
        self._quotas = quotas

    async def publish(self, request: AnyRequest) -> Answer:
        """Approve an upload that waits for review."""
        upload_id, dataset = await self._named(request)
        return await self._commands.run(request, dataset.name, UploadApproved(upload_id=upload_id), PUBLISH)

    async def withdraw(self, request: AnyRequest) -> Answer:
        """Cancel or undo an upload."""
        upload_id, dataset = await self._named(request)
        return await self._commands.run(request, dataset.name, UploadWithdrawn(upload_id=upload_id), WITHDRAW)

    async def correct(self, request: AnyRequest) -> Answer:
        """Give one rejected row better cells."""
        upload_id, dataset = await self._named(request)
        row = request.path_params["row"]
        if not row.isascii() or not row.isdigit() or len(row) > 9:
            raise NotFound(f"{short(row)} is no row: rows are numbered from 2, the header is 1.")
        body = await request.body()
        cells = read_cells(read_json(request, body, JSON), dataset)
        event = RowCorrected(upload_id=upload_id, row=int(row), cells=cells)
        return await self._commands.run(request, dataset.name, event, CORRECT, asked=(body,))

    async def fix(self, request: AnyRequest) -> Answer:
        """Give many rejected rows better cells, by a file."""
        upload_id, dataset = await self._upload(request)
        async with self._quotas.counted(caller_of(request), request) as meter:
            wishes, body = await file_of(request, meter.metered(request.stream()), FILE_WISHES)
            progress = await self._fixes.take(request, dataset, upload_id, body, wishes)
            meter.keep()
        last = progress.last if progress.last is not None else (await self._store.heads()).get(dataset.name, 0)
        position = Position(dataset.name, last)
        headers = {HEADER: str(position), **({REPLAYED: "true"} if progress.replayed else {})}
        if progress.conflict is not None:
            return answer_error(request, Conflict(progress.conflict), headers)
        if not progress.waiting:
            return json_answer(200, told(progress), headers)
        location = f"/{position.dataset}/changes/{position.position}"
        so_far = {**told(progress), "links": {"self": location}}
        return json_answer(202, so_far, {**headers, "Location": location, "Retry-After": "1"})

    async def _named(self, request: AnyRequest) -> tuple[UUID, Dataset]:
        read_query(request.scope["path"], request.scope["query_string"], {})
        return await self._upload(request)

    async def _upload(self, request: AnyRequest) -> tuple[UUID, Dataset]:
        text = request.path_params["upload_id"]
        try:
            upload_id = read_value(Kind.UUID, text)
        except ValueError as error:
            raise NotFound(f"{short(text)} is no upload: its id is {error}.") from None
        if not isinstance(upload_id, UUID):
            raise TypeError("The id of an upload is a UUID.")
        name = await self._store.dataset_of(upload_id)
        if name is None:
            raise NotFound(f"There is no upload {upload_id}.")
        if name not in self._catalogue:
            raise NotFound(f"The dataset {name} of this upload is declared no more.")
        return upload_id, self._catalogue[name]


def upload_action_routes(actions: UploadActions) -> list[HTTPRouteHandler]:
    """The routes of what can be done to an upload."""

    @post(
        "/uploads/{upload_id:str}/publish",
        operation_id="publish-upload",
        status_code=200,
        operation_class=action_descriptions.PUBLISH,
    )
    async def publish_upload(request: AnyRequest) -> Answer:
        return await actions.publish(request)

    @delete(
        "/uploads/{upload_id:str}",
        operation_id="withdraw-upload",
        status_code=200,
        operation_class=action_descriptions.WITHDRAW,
    )
    async def withdraw_upload(request: AnyRequest) -> Answer:
        return await actions.withdraw(request)

    @put(
        "/uploads/{upload_id:str}/errors/{row:str}",
        operation_id="correct-row",
        request_max_body_size=BODY_BYTES,
        operation_class=action_descriptions.CORRECT_ROW,
    )
    async def correct_row(request: AnyRequest) -> Answer:
        return await actions.correct(request)

    @post(
        "/uploads/{upload_id:str}/fixes",
        operation_id="fix-rows",
        status_code=200,
        request_max_body_size=None,
        operation_class=action_descriptions.fix_rows(FILE_WISHES),
    )
    async def fix_rows(request: AnyRequest) -> Answer:
        return await actions.fix(request)

    return [publish_upload, withdraw_upload, correct_row, fix_rows]
