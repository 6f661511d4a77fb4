"""`GET /uploads` and `GET /uploads/{id}`: what became of received files; read table -> *query* -> HTTP."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from query_api.answers import Answer, answer, list_body
from query_api.cursors import Cursors
from query_api.links import link_header
from query_api.openapi import UPLOAD_ID, described
from query_api.ordering import SortKey
from query_api.pages import COUNT, CURSOR, LIMIT, Page, read_page, read_paging
from query_api.previews import WAITS_FOR, preview_of, rejected_sample, withdrawal_of
from query_api.routing import readable
from query_api.snapshots import snapshot
from query_api.waiting import Waiter
from shared.auth.callers import Caller, Role
from shared.books import datasets, uploads
from shared.datasets.catalogue import Catalogue
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.errors import NotFoldedYet, NotFound
from shared.http.callers import caller_of
from shared.http.positions import Position
from shared.http.problems import AnyRequest
from shared.selection.parameters import Parameter, Query, read_query, short
from shared.selection.values import read_value
from shared.served import read_position

Body = dict[str, object]

STATES = ("loading", "loaded", "publishing", "review", "published", "failed", "withdrawn")
UNFINISHED = STATES[:3]
"""States that pass by themselves; a review waits for a person."""

LIVE = sa.select(uploads, WAITS_FOR).join(
    datasets, (datasets.c.dataset == uploads.c.dataset) & (datasets.c.generation == uploads.c.generation)
)
"""Uploads as the served generation of their dataset knows them."""

NEWEST_FIRST = (
    SortKey("received_at", uploads.c.received_at, Kind.TIMESTAMP, descending=True),
    SortKey("id", uploads.c.id, Kind.UUID),
)


STAGES = (
    ("fold_s", "received_at", "folded_at"),
    ("load_s", "folded_at", "chunks_loaded_at"),
    ("index_s", "chunks_loaded_at", "indexed_at"),
    ("publish_s", "indexed_at", "attached_at"),
)
"""What is done to an upload, and between which times."""


def upload_parameters(catalogue: Catalogue) -> dict[str, Parameter]:
    """The parameters of the list of uploads."""
    own = (
        Parameter(name="dataset", kind=Kind.CHOICE, description="Only of this dataset.", choices=tuple(catalogue)),
        Parameter(name="state", kind=Kind.CHOICE, description="Only in these states.", choices=STATES, repeatable=True),
        Parameter(name="source", kind=Kind.TEXT, description="Only from this partner."),
    )
    return {one.name: one for one in (*own, LIMIT, CURSOR, COUNT)}


senders = sa.table("senders", sa.column("upload_id", sa.Uuid), sa.column("actor", sa.Text), schema="store")


class Uploads:
    """Reads the books of uploads."""

    def __init__(self, engine: AsyncEngine, catalogue: Catalogue, cursors: Cursors) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._cursors = cursors

    async def page(self, query: Query, caller: Caller) -> Page:
        """One page of what the caller may see, newest first; raises BadParameter."""
        wanted = LIVE.where(seen_by(caller))
        for name in ("dataset", "state", "source"):
            if values := query.all(name):
                wanted = wanted.where(uploads.c[name].in_(values))
        paging = read_paging(query, self._cursors)
        async with snapshot(self._engine) as connection:
            return await read_page(connection, query, wanted, NEWEST_FIRST, paging)

    async def one(self, text: str) -> tuple[Body, Position]:
        """The upload with that id; raises NotFound."""
        async with snapshot(self._engine) as connection:
            row = await find_upload(connection, text)
            position = await read_position(connection, row["dataset"])
            rejected = await rejected_sample(connection, row, self._catalogue.get(row["dataset"]))
            return body_of(row, rejected), Position(row["dataset"], position)


def seen_by(caller: Caller) -> sa.ColumnElement[bool]:
    """The condition that says the same as `Caller.sees_upload`, or that he sent the same bytes."""
    reviews = [name for name, role in caller.dataset_roles.items() if role.covers(Role.PUBLISHER)]
    others = [name for name in caller.dataset_roles if name not in reviews]
    if caller.role is Role.ADMINISTRATOR:
        return sa.true()
    own = (uploads.c.actor == caller.name) | uploads.c.id.in_(
        sa.select(senders.c.upload_id).where(senders.c.actor == caller.name)
    )
    if caller.role.covers(Role.PUBLISHER):
        return own | uploads.c.dataset.not_in(others)
    return own | uploads.c.dataset.in_(reviews)


def read_upload_id(text: str) -> UUID:
    """The id that a path names; raises NotFound."""
    try:
        return UUID(str(read_value(Kind.UUID, text)))
    except ValueError as error:
        raise NotFound(f"{short(text)} is no upload: its id is {error}.") from None


async def find_upload(connection: AsyncConnection, text: str) -> sa.RowMapping:
    """The upload with that id in its dataset's served generation; raises NotFound, or NotFoldedYet for a real id."""
    upload_id = read_upload_id(text)
    row = (await connection.execute(LIVE.where(uploads.c.id == upload_id))).mappings().one_or_none()
    if row is None:
        says = f"There is no upload {upload_id}. If it was accepted just now, it is not folded yet: ask again in 1 s."
        raise NotFoldedYet(says)
    return row


def declared(catalogue: Catalogue, name: str) -> Dataset:
    """The declaration of an upload's dataset; raises NotFound where it is declared no more."""
    if name not in catalogue:
        raise NotFound(f"The dataset {name} of this upload is declared no more.")
    return catalogue[name]


def body_of(row: sa.RowMapping, rejected: list[Body] | None = None) -> Body:
    """An upload as it is answered; while it loads, `rows` holds what is known of the chunks that are done.

    In lists `rejected` is None, and samples and the records that a withdrawal kept are left out.
    """
    return {
        **{name: row[name] for name in ("id", "dataset", "number", "state", "review", "on_error", "waits_for")},
        "file": {
            "name": row["file_name"],
            **{name: row[name] for name in ("media_type", "size_bytes", "sha256")},
        },
        **{name: row[name] for name in ("source", "dialect", "header")},
        "progress": {"chunks": row["chunks"], "chunks_done": row["chunks_done"], "rows_loaded": row["rows_read"]},
        "rows": {name: row[f"rows_{name}"] for name in ("read", "accepted", "rejected", "duplicate", "blank")},
        **{name: row[name] for name in ("records", "records_superseded", "failure", "received_at", "published_at")},
        **{name: row[name] for name in ("received_position", "published_position")},
        "preview": preview_of(row, rejected),
        "withdrawal": withdrawal_of(row, whole=rejected is not None),
        **{name: row[name] for name in ("withdrawn_at", "withdrawn_by", "withdrawn_position")},
        "timings": {stage: _seconds(row[begin], row[end]) for stage, begin, end in STAGES},
        "links": links_of(row["id"], row["state"]),
    }


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return round((end - begin).total_seconds(), 3) if begin and end else None


def links_of(upload_id: UUID, state: str) -> dict[str, str]:
    """Where everything about an upload is, as path references; `publish` (POST) while it waits for review."""
    own = f"/uploads/{upload_id}"
    publish = {"publish": f"{own}/publish"} if state == "review" else {}
    return {"self": own, **publish, "errors": f"{own}/errors", "errors_csv": f"{own}/errors.csv", "file": f"{own}/file"}


def upload_routes(reader: Uploads, catalogue: Catalogue, waiter: Waiter) -> list[HTTPRouteHandler]:
    """The list and the single upload."""
    parameters = upload_parameters(catalogue)

    async def read_list(request: AnyRequest) -> Answer:
        query = read_query(request.scope["path"], request.scope["query_string"], parameters)
        await waiter.wait(request)
        page = await reader.page(query, caller_of(request))
        return answer(list_body(page, [body_of(row) for row in page.rows]), headers=link_header(page))

    async def read_one(request: AnyRequest) -> Answer:
        read_query(request.scope["path"], request.scope["query_string"], {})
        await waiter.wait(request)
        body, position = await reader.one(request.path_params["upload_id"])
        headers = {"Retry-After": "1"} if body["state"] in UNFINISHED else {}
        return answer(body, position, headers)

    listing = described("uploads", "Received files, newest first", tuple(parameters.values()))
    single = described("uploads", "One received file", path=UPLOAD_ID)
    return [readable("/uploads", read_list, listing), readable("/uploads/{upload_id:str}", read_one, single)]
