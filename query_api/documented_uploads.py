"""What OpenAPI tells of uploads: the list, one, its row errors and its files; *HTTP* -> query."""

from __future__ import annotations

from typing import Final

from query_api import shapes
from query_api.files import MEDIA_TYPES
from query_api.upload_shapes import OneUpload
from shared.http.told import NO_BODY, Answer, Told, ToldTable

READS: Final = ("Read-After", "Prefer")
PROBLEMS: Final = ("bad-parameter", "query-timeout")
OF_ONE: Final = (*PROBLEMS, "not-found")

OF_UPLOADS: ToldTable = {
    "GET /uploads": Told(
        says="The uploads that the caller may see, newest first: the own ones, and those of datasets whose uploads he"
        " may review. Samples are left out.",
        answers={200: Answer(says="One page of uploads.", shape=shapes.UploadList, may_have=("Link",))},
        problems=PROBLEMS,
        reads=READS,
    ),
    "GET /uploads/{upload_id}": Told(
        says="The state of an upload, how far it is, counts of its rows, what publishing it would change, and what its"
        " withdrawal undid. An upload that was accepted just now may not be folded yet: a 404 with `Retry-After`.",
        answers={
            200: Answer(says="The upload.", shape=OneUpload, headers=("Position",), may_have=("Retry-After",)),
        },
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /uploads/{upload_id}/errors": Told(
        says="Each thing that is wrong with each row, with its code, in the order of the file.",
        answers={200: Answer(says="One page of row errors.", shape=shapes.ErrorList, may_have=("Link",))},
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /uploads/{upload_id}/errors.csv": Told(
        says="The rejected rows with the columns of their file and `_row`, `_line`, `_errors`: mend the cells, and send"
        " the file to `POST /uploads/{upload_id}/fixes`. Cells that a spreadsheet would run are guarded, unless"
        " `raw=1`.",
        answers={
            200: Answer(says="CSV in UTF-8 with CRLF.", media_types=("text/csv",), headers=("Content-Disposition",)),
        },
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /uploads/{upload_id}/file": Told(
        says="The bytes as they were received. Their `ETag` is their SHA-256.",
        answers={
            200: Answer(
                says="The bytes.",
                media_types=(*sorted(MEDIA_TYPES), "application/octet-stream"),
                headers=("Content-Disposition", "ETag"),
            ),
            304: Answer(says="The caller has them.", media_types=NO_BODY, headers=("ETag", "Content-Disposition")),
        },
        problems=OF_ONE,
        reads=(*READS, "If-None-Match"),
    ),
}
