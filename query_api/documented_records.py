"""What OpenAPI tells of the records of each dataset, their history and their rankings; *HTTP* -> query."""

from __future__ import annotations

from typing import Final

from query_api import shapes
from query_api.formats import MEDIA_TYPES
from shared.http.told import JSON, Answer, Told, ToldTable

READS: Final = ("Read-After", "Prefer")
PROBLEMS: Final = ("bad-parameter", "query-timeout")
OF_ONE: Final = (*PROBLEMS, "not-found", "conflict")
"""A conflict is one of `as_of`, with a generation that is not complete yet."""

OF_RECORDS: ToldTable = {
    "GET /{dataset}": Told(
        says="The records that match all filters, a page at a time; `next` and `previous` lead to the neighbouring"
        " pages, by cursors that neither repeat nor skip a record that stays. An unknown parameter is a 400.\n\n"
        "With `format` or `Accept` it is a file of the whole selection, streamed from one snapshot; four are made at a"
        " time, a fifth is a 503 with `Retry-After`.",
        answers={
            200: Answer(
                says="One page, or a file.",
                media_types=(JSON, *MEDIA_TYPES),
                headers=("Position",),
                may_have=("Link", "Content-Disposition"),
            ),
        },
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /{dataset}/{key}": Told(
        says="One record with its version, which is its `ETag`, and where it comes from: partner, upload and row.",
        answers={
            200: Answer(says="The record.", headers=("Position",)),
        },
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /{dataset}/{key}/history": Told(
        says="Every version of a record, the oldest first: what changed, when, by whom, or from which row of a file.",
        answers={200: Answer(says="One page of versions.", headers=("Position",))},
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /{dataset}/{key}/{dataset}": Told(
        says="The records of one dataset that refer to a live record of another, with the filters and pages of their"
        " own list. The answer is of one moment of both datasets.",
        answers={200: Answer(says="One page.", headers=("Position",), may_have=("Link",))},
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /{dataset}/{key}/{dataset}/totals": Told(
        says="What the records that refer to one come to, by what else they are grouped by; kept with the records, so"
        " never stale.",
        answers={200: Answer(says="A row for each group.", headers=("Position",))},
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /{dataset}/changes/{position}": Told(
        says="What became of the command at a position, which its 202 named in `Location`: pending, applied, refused.",
        answers={200: Answer(says="Its outcome.", headers=("Position",), may_have=("Retry-After",))},
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /{dataset}/summary": Told(
        says="How many records match all filters and what their numbers come to, as a whole and, with `group`, for each"
        " value of a field: at most 1,000 groups, the largest first.",
        answers={200: Answer(says="Counts and sums.", headers=("Position",))},
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /{dataset}/rankings": Told(
        says="The rankings that the dataset declares, with their parameters.",
        answers={200: Answer(says="All of them.", shape=shapes.RankingList)},
        problems=PROBLEMS,
    ),
    "GET /{dataset}/rankings/*": Told(
        says="Who comes first. `ETag` is made of position, generation and query: `If-None-Match` costs one lookup and"
        " is never stale.",
        answers={
            200: Answer(says="The first, in order.", headers=("Position",)),
        },
        problems=OF_ONE,
        reads=READS,
    ),
    "GET /{dataset}/rankings/{name}": Told(
        says="A ranking by its name, as its own operation tells; any other name is a 404 with the nearest.",
        answers={200: Answer(says="The first, in order.", shape=shapes.RankedList, headers=("Position",))},
        problems=OF_ONE,
        reads=READS,
    ),
}
