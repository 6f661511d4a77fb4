"""`POST /{dataset}/uploads`: *HTTP -> command -> event*. The blob is synced before the event that names it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from command_api.archives.unpacking import Unpacker
from command_api.bodies import charset_of, file_name_of, multipart_file, wished
from command_api.idempotency import REPLAYED, fingerprint, read_claim
from command_api.openapi import upload_operation
from command_api.quotas import Meter, Quotas
from command_api.receiving import ReceivedFile, Receiver
from command_api.reservations import Reservations
from command_api.texts import Wishes
from shared.blobs import Blobs
from shared.bounds import Bound
from shared.datasets.declaration import Dataset
from shared.errors import BadParameter, KeyReused, WrongMediaType
from shared.event_store import Appended, EventStore, Idempotency, Proposal
from shared.events import UploadReceived
from shared.http.callers import caller_of
from shared.http.correlation import correlation_id
from shared.selection.parameters import unknown
from shared.settings import Settings

AnyRequest = Request[Any, Any, Any]
NAME_CHARACTERS = 255

MOST_RECEIVED = 64
"""So many files does one process receive at the same time; each takes some MiB of memory."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an upload; `duplicate` says that the same bytes were received before, as the upload named here."""

    id: UUID
    dataset: str
    duplicate: bool
    message: str
    links: dict[str, str]


class Uploads:
    """Accepts files for all datasets."""

    def __init__(
        self,
        settings: Settings,
        blobs: Blobs,
        unpacker: Unpacker,
        store: EventStore,
        reservations: Reservations,
        quotas: Quotas,
        announce: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._blobs = blobs
        self._unpacker = unpacker
        self._store = store
        self._reservations = reservations
        self._quotas = quotas
        self._bound = Bound(MOST_RECEIVED, "As many files as may be are being received.")
        self._announce = announce

    async def accept(self, dataset: Dataset, request: AnyRequest) -> Response[Accepted]:
        """Store the file, then append its event; 202, or 200 where the same bytes are there already.

        Raises StillRunning or KeyReused for an idempotency key that another request has or had, OverQuota for more
        bytes than the caller may send today (duplicates and refused files do not count), Unavailable where too many
        files come at the same time.
        """
        with self._bound.entered():
            async with self._quotas.counted(caller_of(request), request) as meter:
                upload_id, appended = await self._take(dataset, request, meter)
                if appended.upload_id == upload_id:
                    meter.keep()
        self._announce()
        return _answer(dataset, appended)

    async def _take(self, dataset: Dataset, request: AnyRequest, meter: Meter) -> tuple[UUID, Appended]:
        """The id that the file would have, and what is in the log: under that id, or under an earlier one."""
        upload_id = uuid4()
        key = read_claim(request, caller_of(request).name)
        gzipped = _is_gzipped(request)
        wishes, body = await file_of(request, meter.metered(request.stream()))
        receiver = Receiver(self._settings, self._blobs, self._unpacker, dataset, upload_id, wishes)
        async with self._reservations.held(key):
            received = await receiver.receive(body, gzipped=gzipped)
            event = _event(upload_id, received, wishes, request)
            proposal = Proposal(
                event=event,
                actor=caller_of(request).name,
                claim=_claim(received, wishes),
                idempotency=_idempotency(key, request, received, wishes),
                correlation_id=correlation_id(request),
            )
            appended = await self._append(dataset, proposal, received)
        if appended.upload_id != upload_id:
            await self._forget(received)
        return upload_id, appended

    async def _append(self, dataset: Dataset, proposal: Proposal, received: ReceivedFile) -> Appended:
        try:
            return await self._store.append(dataset.name, proposal)
        except KeyReused:
            await self._forget(received)
            raise

    async def _forget(self, received: ReceivedFile) -> None:
        """Remove the blobs of a file that no event names."""
        for key in {received.blob_key, received.text_key}:
            await self._blobs.remove(key)


def upload_route(dataset: Dataset, uploads: Uploads) -> HTTPRouteHandler:
    """The route that takes files of one dataset."""

    @post(
        f"/{dataset.name}/uploads",
        name=f"upload-{dataset.name}",
        operation_id=f"upload-{dataset.name}",
        operation_class=upload_operation(dataset),
        request_max_body_size=None,
    )
    async def upload(request: AnyRequest) -> Response[Accepted]:
        return await uploads.accept(dataset, request)

    return upload


def _is_gzipped(request: AnyRequest) -> bool:
    """Whether Content-Encoding says that the body is gzip; raises WrongMediaType for any other coding."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return False
    if coding not in ("gzip", "x-gzip"):
        raise WrongMediaType("format-error", f"The body is compressed as {coding[:40]!r}. Send it as gzip or as it is.")
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise WrongMediaType("format-error", "The whole form is compressed. Compress the file in it instead.")
    return True


async def file_of(
    request: AnyRequest, body: AsyncIterator[bytes], known: tuple[str, ...] = Wishes.__struct_fields__
) -> tuple[Wishes, AsyncIterator[bytes]]:
    """The file in a request's form or body, and the wishes, of those that are `known` here; raises BadParameter."""
    wishes = _wishes_of(request, known)
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/"):
        return await multipart_file(body, content_type, wishes)
    return wishes, body


def _wishes_of(request: AnyRequest, known: tuple[str, ...]) -> Wishes:
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise unknown("parameter", name, known, name)
        if name in given:
            raise BadParameter(name, f"{name} is given twice; give it once.")
        given[name] = value
    named = file_name_of(request.headers.get("content-disposition", ""))
    if named and "file_name" not in given:
        given["file_name"] = named
    if charset := charset_of(request.headers.get("content-type", "")):
        given.setdefault("encoding", charset)
    return wished(Wishes(), given)


def _claim(received: ReceivedFile, wishes: Wishes) -> str:
    """The same bytes, from the same partner, to be read in the same way, are the same statement."""
    manner = msgspec.json.encode((wishes.source, received.dialect))
    return f"file:{received.sha256}:{hashlib.sha256(manner).hexdigest()[:16]}"


def _idempotency(key: str | None, request: AnyRequest, received: ReceivedFile, wishes: Wishes) -> Idempotency | None:
    """The file counts and what is to be done with it, not how a form wraps it."""
    if key is None:
        return None
    return Idempotency(key, fingerprint(request, received.sha256, msgspec.json.encode(wishes)))


def _event(upload_id: UUID, received: ReceivedFile, wishes: Wishes, request: AnyRequest) -> UploadReceived:
    return UploadReceived(
        upload_id=upload_id,
        blob_key=received.blob_key,
        text_key=received.text_key,
        sha256=received.sha256,
        size_bytes=received.size_bytes,
        file_name=_printable(wishes.file_name)[:NAME_CHARACTERS],
        media_type=received.media_type
        or request.headers.get("content-type", "application/octet-stream").split(";")[0].strip(),
        dialect=received.dialect,
        header=received.header,
        chunks=received.chunks,
        source=_printable(wishes.source)[:NAME_CHARACTERS] if wishes.source else None,
        review=wishes.review,
        on_error=wishes.on_error,
    )


def _printable(value: str) -> str:
    """Without what PostgreSQL or JSON cannot hold; a name is never used as a path."""
    return value.replace("\0", "").encode(errors="replace").decode()


def _answer(dataset: Dataset, appended: Appended) -> Response[Accepted]:
    if appended.upload_id is None:
        raise TypeError("The claim of a file names an upload.")
    location = f"/uploads/{appended.upload_id}"
    links = {"self": location, "errors": f"{location}/errors", "file": f"{location}/file"}
    message = "The same file was received before" if appended.again else "File uploaded and processing started"
    return Response(
        Accepted(id=appended.upload_id, dataset=dataset.name, duplicate=appended.again, message=message, links=links),
        status_code=200 if appended.again else 202,
        headers={
            "Location": location,
            "Position": f"{dataset.name}:{appended.position}",
            **({REPLAYED: "true"} if appended.replayed else {}),
        },
    )
