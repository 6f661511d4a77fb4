"""What OpenAPI tells of sending files and of what is done about them; *HTTP* -> command."""

from __future__ import annotations

from typing import Final

from command_api import shapes
from command_api.uploads import Accepted
from shared.http.told import Answer, Told, ToldTable

WAITS: Final = ("Prefer", "Idempotency-Key")
KEYED: Final = ("still-running", "idempotency-key-reused")
FILE: Final = (
    *("bad-parameter", "disconnected", "quota-exceeded", *KEYED),
    *("format-error", "field-too-long", "archive-error", "empty-file", "encoding-error", "unclosed-quote"),
    *("missing-label", "duplicate-label"),
)
ACTION: Final = ("bad-parameter", "not-found", "conflict", *KEYED)
REPLAYED: Final = ("Idempotency-Replayed",)
LATER: Final = Answer(
    says="It is in the log, and not applied yet.",
    shape=shapes.Later,
    headers=("Position", "Location", "Retry-After"),
    may_have=REPLAYED,
)

OF_UPLOADS: ToldTable = {
    "POST /{dataset}/uploads": Told(
        says="Send a file. It is kept, and an event in the log names it, before this is answered; its rows are read"
        " after that: `Location` tells how far it is, and what is wrong with which row. The same bytes again are"
        " answered with the first upload.\n\nWhat may be said of the file may also stand in fields of the form before"
        " it. How large a file, how many rows and how many bytes a day may be: see `docs/configuration.md`.",
        answers={
            200: Answer(
                says="The same bytes were received before, as the upload named here.",
                shape=Accepted,
                headers=("Position", "Location"),
                may_have=REPLAYED,
            ),
            202: Answer(
                says="The file is accepted.", shape=Accepted, headers=("Position", "Location"), may_have=REPLAYED
            ),
        },
        problems=FILE,
        reads=("Idempotency-Key",),
    ),
    "POST /uploads/{upload_id}/publish": Told(
        says="Approve an upload that waits for review; it is published once the earlier ones are decided.",
        answers={
            200: Answer(says="It is approved.", shape=shapes.Approved, headers=("Position",), may_have=REPLAYED),
            202: LATER,
        },
        problems=ACTION,
        reads=WAITS,
    ),
    "DELETE /uploads/{upload_id}": Told(
        says="Withdraw an upload: as if it had never been sent. Records that somebody changed since are kept.",
        answers={
            200: Answer(says="It is withdrawn.", shape=shapes.Withdrawn, headers=("Position",), may_have=REPLAYED),
            202: LATER,
        },
        problems=ACTION,
        reads=WAITS,
    ),
    "PUT /uploads/{upload_id}/errors/{row}": Told(
        says="Give one rejected row better cells, by label or field, as text; the others stay. It becomes a record.",
        answers={
            200: Answer(
                says="The record that it became.",
                shape=shapes.RowFixed,
                headers=("Position",),
                may_have=("ETag", *REPLAYED),
            ),
            202: LATER,
        },
        problems=(*ACTION, "refused", "format-error/415", "request-entity-too-large", "invalid-record"),
        reads=WAITS,
        body=dict[str, str | None],
    ),
    "POST /uploads/{upload_id}/fixes": Told(
        says="Send a fixed `errors.csv` back: every row is a correction of its own. At most 100,000 rows.",
        answers={
            200: Answer(
                says="What became of the rows.", shape=shapes.RowsFixed, headers=("Position",), may_have=REPLAYED
            ),
            202: Answer(
                says="Not all of them are applied yet.",
                shape=shapes.RowsWaiting,
                headers=("Position", "Location", "Retry-After"),
                may_have=REPLAYED,
            ),
        },
        problems=(*FILE, "not-found", "conflict"),
        reads=WAITS,
    ),
}
