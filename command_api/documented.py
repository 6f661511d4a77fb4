"""What OpenAPI tells of each route of the command API beyond its parameters; *HTTP* -> command.

A route that is not here keeps the service from starting. The words of all of them: `shared/http/told.py`.
"""

from __future__ import annotations

from typing import Final

from command_api import shapes
from command_api.documented_people import OF_PEOPLE
from command_api.documented_uploads import OF_UPLOADS
from command_api.rebuilds import Wish
from shared.http.documents import Documents
from shared.http.told import Answer, Told, ToldTable

SAYS: Final = (
    "Everything that changes something: files, single records, reviews and withdrawals, rebuilds, people. A command is"
    " an event in the log; its answer tells what became of it, or is a 202 whose `Location` will. Queries are the other"
    " document: `/schema/openapi.json`."
)

WAITS: Final = ("Prefer", "Idempotency-Key")
BODY: Final = ("bad-parameter", "refused", "format-error/415", "request-entity-too-large", "invalid-record")
KEYED: Final = ("still-running", "idempotency-key-reused")
TOLD_TWICE: Final = ("Idempotency-Replayed",)

LATER: Final = Answer(
    says="It is in the log, and not applied yet.",
    shape=shapes.Later,
    headers=("Position", "Location", "Retry-After"),
    may_have=TOLD_TWICE,
)


def _done(says: str) -> dict[int, Answer]:
    return {200: Answer(says=says, headers=("Position",), may_have=("ETag", *TOLD_TWICE)), 202: LATER}


OF_RECORDS: ToldTable = {
    "POST /{dataset}": Told(
        says="Add a record that no file brought. Strings are read as cells are, numbers lose no digit; every field that"
        " a file needs has to be there.",
        answers={
            201: Answer(says="It is there.", headers=("Position", "Location"), may_have=("ETag", *TOLD_TWICE)),
            202: LATER,
        },
        problems=(*BODY, "conflict", *KEYED),
        reads=WAITS,
    ),
    "PUT /{dataset}/{key}": Told(
        says="Correct a record: the fields given replace the record's, the others stay.",
        answers=_done("It is corrected."),
        problems=(*BODY, "not-found", "conflict", "stale-version", *KEYED),
        reads=("If-Match", *WAITS),
    ),
    "PATCH /{dataset}/{key}": Told(
        says="Correct a record by a merge patch: null takes a value away, a list is replaced as a whole.",
        answers=_done("It is corrected."),
        problems=(*BODY, "not-found", "conflict", "stale-version", *KEYED),
        reads=("If-Match", *WAITS),
    ),
    "DELETE /{dataset}/{key}": Told(
        says="Remove a record. Its versions stay in its history.",
        answers=_done("It is removed."),
        problems=("bad-parameter", "request-entity-too-large", "not-found", "conflict", "stale-version", *KEYED),
        reads=("If-Match", *WAITS),
    ),
    "PATCH /{dataset}": Told(
        says="The same merge patch to all records that match the filters; refused as a whole where more than"
        " `max_affected` match. At least one filter has to be there.",
        answers={
            200: Answer(
                says="They are corrected.",
                shape=shapes.CorrectedMany,
                headers=("Position",),
                may_have=("ETag", *TOLD_TWICE),
            ),
            202: LATER,
        },
        problems=(*BODY, "conflict", *KEYED, "query-timeout"),
        reads=WAITS,
    ),
}

OF_REBUILDS: ToldTable = {
    "POST /datasets/{name}/rebuilds": Told(
        says="Fold the log of a dataset again, beside what is served: to serve it, to prove that it is the same"
        " (`verify`), or to show what was known at a position or a time (`as-of`, with a `name`). At most 16 KiB.",
        answers={
            202: Answer(says="It is asked for.", shape=shapes.RebuildAsked, headers=("Location", "Retry-After")),
        },
        problems=("bad-request", "bad-parameter", "not-found", "conflict", "request-entity-too-large"),
        reads=("Idempotency-Key",),
        body=Wish,
        body_may_be_missing=True,
    ),
    "DELETE /datasets/{name}/rebuilds/{id}": Told(
        says="Call a rebuild off, or drop an as-of generation.",
        answers={200: Answer(says="It is called off.", shape=shapes.RebuildCancelled)},
        problems=("bad-parameter", "not-found", "conflict"),
    ),
    "POST /datasets/{name}/rebuilds/{id}/restore": Told(
        says="Serve again what a rebuild has replaced, as long as its tables are there.",
        answers={
            202: Answer(says="It is asked for.", shape=shapes.RebuildAsked, headers=("Location", "Retry-After")),
        },
        problems=("bad-parameter", "not-found", "conflict"),
        reads=("Idempotency-Key",),
    ),
}

WAITING: Final = ("bad-parameter", "not-found", "conflict", *KEYED)

OF_PARKED: ToldTable = {
    "POST /parked/{dataset}/{position}/retry": Told(
        says="Apply an event that could not be applied when its turn came, as if it came now. It is refused (409) where"
        " it waits behind another one, or still cannot be applied. What has waited behind it is applied by itself.",
        answers={
            200: Answer(
                says="It is applied.", shape=shapes.Retried, headers=("Position",), may_have=("ETag", *TOLD_TWICE)
            ),
            202: LATER,
        },
        problems=(*WAITING, "stale-version", "invalid-record"),
        reads=WAITS,
    ),
    "DELETE /parked/{dataset}/{position}": Told(
        says="Never apply an event that could not be applied when its turn came. What has waited behind it is applied.",
        answers={
            200: Answer(says="It is discarded.", shape=shapes.Done, headers=("Position",), may_have=TOLD_TWICE),
            202: LATER,
        },
        problems=WAITING,
        reads=WAITS,
    ),
}

TOLD: ToldTable = {**OF_RECORDS, **OF_UPLOADS, **OF_REBUILDS, **OF_PARKED, **OF_PEOPLE}


def documents_of_commands() -> Documents:
    """The document of the command API, to cover its application."""
    return Documents("Tablefold commands", "/schema/commands", SAYS, TOLD)
