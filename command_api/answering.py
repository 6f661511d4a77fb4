"""What became of a command, as its answer: event -> outcome -> *HTTP*; command -> event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import Response

from command_api.idempotency import REPLAYED
from command_api.outcomes import Outcome
from shared.errors import Conflict, InvalidRecord, NotFound, Refused, Stale
from shared.http.positions import HEADER, Position
from shared.http.problems import AnyRequest, answer_error

Answer = Response[bytes]
PARKED = "parked"
DECIDED_IN_S = 60
"""How long somebody who has to look at it may take: a guess."""
Headers = Mapping[str, str]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """How a kind of command speaks of its outcomes; `status` is that of an applied one."""

    applied: str
    not_found: str = "Not found"
    exists: str = "It is there already. Change it by PUT."
    stale: str = "It has another version by now: see `current`, and send the change again with its version."
    rejected: str = "The row is still not good."
    status: int = 200


def answer(
    request: AnyRequest,
    said: Said,
    position: Position,
    outcome: Outcome | None,
    *,
    replayed: bool = False,
    location: str | None = None,
) -> Answer:
    """The answer to a command whose event stands at `position`; 202 where it has no outcome yet, or waits.

    `location` is where an added thing is. An applied command tells the record and its version, or `detail`, if it has
    one; every answer tells its position, and whether it repeats an earlier one.
    """
    headers = {HEADER: str(position), **({REPLAYED: "true"} if replayed else {})}
    if outcome is None:
        return _accepted(position, headers)
    if outcome.code == PARKED:
        return _parked(position, outcome, headers)
    if outcome.code != "applied":
        return answer_error(request, refusal(said, outcome), headers)
    if location is not None:
        headers["Location"] = location
    if outcome.version is not None:
        headers["ETag"] = f'"{outcome.version}"'
    told = outcome.detail or _record(outcome)
    return json_answer(said.status, {"message": said.applied, **told}, headers)


def _record(outcome: Outcome) -> Mapping[str, object]:
    return {} if outcome.record is None else {"version": outcome.version, "record": outcome.record}


def refusal(said: Said, outcome: Outcome) -> Refused:
    """Why a command was not applied, as an error."""
    return REFUSALS[outcome.code](said, outcome)


def _accepted(position: Position, headers: Headers) -> Answer:
    location = f"/{position.dataset}/changes/{position.position}"
    body = {"message": "Accepted, but not applied yet", "position": position.position, "links": {"self": location}}
    return json_answer(202, body, {**headers, "Location": location, "Retry-After": "1"})


def _parked(position: Position, outcome: Outcome, headers: Headers) -> Answer:
    """What is in the log but waits for a person is no failure of the caller's, and not done either."""
    links = {"self": f"/{position.dataset}/changes/{position.position}", "parked": "/parked"}
    body = {
        "message": "Accepted, but it waits",
        **(outcome.detail or {}),
        "position": position.position,
        "links": links,
    }
    return json_answer(202, body, {**headers, "Location": links["self"], "Retry-After": str(DECIDED_IN_S)})


def json_answer(status: int, body: object, headers: Headers) -> Answer:
    """A body as JSON."""
    content = msgspec.json.encode(body)
    return Response(content=content, status_code=status, media_type="application/json", headers=headers)


def _rejected(said: Said, outcome: Outcome) -> InvalidRecord:
    return InvalidRecord(said.rejected, [_row_error(one) for one in (outcome.detail or {}).get("errors", ())])


def _row_error(error: Mapping[str, Any]) -> dict[str, str]:
    """A row error of the fold, as an error of the body: it points to the field that has to be another."""
    name = error.get("field") or error.get("column")
    if not name:
        return {"pointer": "", "code": error["code"], "detail": error["message"]}
    return {"pointer": pointer(name), "code": error["code"], "detail": f"{name} {error['message']}"}


def pointer(*steps: str | int) -> str:
    """Where something stands in a body (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


REFUSALS: dict[str, Callable[[Said, Outcome], Refused]] = {
    "not-found": lambda said, _: NotFound(said.not_found),
    "exists": lambda said, _: Conflict(said.exists),
    "stale": lambda said, outcome: Stale(said.stale, outcome.record, outcome.version),
    "rejected": _rejected,
    "conflict": lambda _, outcome: Conflict((outcome.detail or {}).get("reason", "It does not fit what is there.")),
}
"""Why an event was not applied, by the code of its outcome."""
