"""`GET /uploads/{id}/file`: the bytes as they were received; blob -> *query* -> HTTP."""

from __future__ import annotations

from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from query_api.attachments import attachment, begun
from query_api.openapi import UPLOAD_ID, described
from query_api.rejected_rows import RejectedRows
from query_api.routing import readable
from query_api.waiting import Waiter
from shared.blobs import Blobs
from shared.http.problems import AnyRequest
from shared.selection.parameters import read_query

MEDIA_TYPES = frozenset({"text/csv"})
"""Types of which a file is said to be; every other one is application/octet-stream."""


def file_routes(uploads: RejectedRows, blobs: Blobs, waiter: Waiter) -> list[HTTPRouteHandler]:
    """The original file of one upload."""

    async def read_file(request: AnyRequest) -> Response[bytes] | Stream:
        read_query(request.scope["path"], request.scope["query_string"], {})
        await waiter.wait(request)
        upload = await uploads.find(request.path_params["upload_id"])
        tag = f'"{upload["sha256"]}"'
        headers = {**attachment(upload["file_name"]), "ETag": tag}
        if tag in request.headers.get("If-None-Match", ""):
            return Response(b"", status_code=304, headers=headers)
        media_type = upload["media_type"] if upload["media_type"] in MEDIA_TYPES else "application/octet-stream"
        headers |= {"Content-Type": media_type, "Content-Length": str(upload["size_bytes"])}
        return Stream(await begun(blobs.stream(upload["blob_key"])), media_type=media_type, headers=headers)

    operation = described("uploads", "The file as it was received", path=UPLOAD_ID)
    return [readable("/uploads/{upload_id:str}/file", read_file, operation)]
