"""What OpenAPI tells of each route of the query API beyond its parameters; *HTTP* -> query.

A route that is not here keeps the service from starting. The words of all of them: `shared/http/told.py`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from query_api import shapes
from query_api.documented_events import OF_EVENTS
from query_api.documented_records import OF_RECORDS
from query_api.documented_uploads import OF_UPLOADS
from shared.http.documents import Documents
from shared.http.told import JSON, NO_BODY, Answer, Told, ToldTable

SAYS: Final = (
    "Everything that can be asked: records with their filters, rankings, history, exports, uploads and what is wrong"
    " with their rows. Commands are the other document: `/schema/commands/openapi.json`."
)

BUSY: Final = ("query-timeout",)
ASKED: Final = ("bad-parameter", *BUSY)

OF_SERVICE: ToldTable = {
    "GET /health": Told(
        says="Whether the service reaches its database, and how many projectors live.",
        answers={200: Answer(says="It lives.", shape=shapes.Health)},
        problems=ASKED,
    ),
    "GET /datasets": Told(
        says="The declaration of every dataset with what is served of it: how many records are in which segment, the"
        " position up to which the log is folded, and how far that is behind, in events and seconds.",
        answers={200: Answer(says="All datasets.", shape=shapes.AllDatasets)},
        problems=ASKED,
    ),
    "GET /datasets/{name}": Told(
        says="The declaration of one dataset with what is served of it, as in the list of all.",
        answers={200: Answer(says="The dataset.", shape=shapes.OneDataset)},
        problems=(*ASKED, "not-found"),
    ),
    "GET /datasets/{name}/rebuilds": Told(
        says="What was asked to be folded again, verified or shown as of a position, and what came of each.",
        answers={200: Answer(says="The newest rebuilds.", shape=shapes.RebuildList)},
        problems=(*ASKED, "not-found"),
    ),
    "GET /datasets/{name}/rebuilds/{id}": Told(
        says="How far one rebuild is; what was compared is told table by table.",
        answers={200: Answer(says="The rebuild.", shape=shapes.OneRebuild, may_have=("Retry-After",))},
        problems=(*ASKED, "not-found"),
    ),
    "GET /parked": Told(
        says="Events that could not be applied when their turn came, and those that wait behind them for the same"
        " record, row or upload, of the datasets that the caller may see; by dataset and position. The other document"
        " has how to retry and discard one.",
        answers={200: Answer(says="One page of what waits.", shape=shapes.ParkedList, may_have=("Link",))},
        problems=ASKED,
        reads=("Read-After", "Prefer"),
    ),
    "GET /users": Told(
        says="All users with their roles and quotas; never anything by which they log in.",
        answers={200: Answer(says="One page of users.", shape=shapes.UserList, may_have=("Link",))},
        problems=ASKED,
    ),
}

UNCHANGED: Final = Answer(
    says="The caller has it already.", media_types=NO_BODY, headers=("ETag",), may_have=("Position", "Vary")
)


def _tagged(told: Told) -> Told:
    """What is told of a route whose JSON has an `ETag`: all but health, of which nothing is kept."""
    found = told.answers.get(200)
    if found is None or JSON not in found.media_types or found.shape is shapes.Health:
        return told
    may_have = (*found.may_have, "ETag", "Vary")
    answers = {200: msgspec.structs.replace(found, may_have=may_have), 304: UNCHANGED}
    return msgspec.structs.replace(told, answers=answers, reads=(*told.reads, "If-None-Match"))


TOLD: ToldTable = {name: _tagged(one) for name, one in {**OF_SERVICE, **OF_UPLOADS, **OF_EVENTS, **OF_RECORDS}.items()}


def documents_of_queries() -> Documents:
    """The document of the query API, to cover its application."""
    return Documents("Tablefold queries", "/schema", SAYS, TOLD)
