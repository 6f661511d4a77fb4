"""Answers that are exactly as new as what is served: their `ETag`, and 304 for who has it already; query -> *HTTP*.

What a query finds depends on the moment of its datasets alone. So its tag is made of that moment, the declarations, the
query and what its caller may see, and `If-None-Match` is answered by looking up which moment is served. Files have weak
tags: their rows may come in another order the next time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b

import msgspec
from litestar import Response

from query_api.answers import OFTEN_ASKED, Answer, is_known, unchanged
from query_api.moments import Moment, Moments
from shared.datasets.declaration import Dataset
from shared.http.callers import caller_or_nobody
from shared.http.positions import HEADER
from shared.http.problems import AnyRequest
from shared.selection.parameters import Query

SHAPE = 1
"""To be raised whenever the same query is answered in another form than before."""

JSON = "application/json"


class Asked(msgspec.Struct, frozen=True):
    """What decides, beside the moment, what an answer says: `datasets` in the order in which `Position` names them.

    An answer that depends on more than the log is not `exact`; it gets no tag here.
    """

    query: Query
    datasets: tuple[Dataset, ...]
    media_type: str = JSON
    exact: bool = True


class Made(msgspec.Struct, frozen=True):
    """What one snapshot says, and of which moments of the datasets asked it is."""

    body: object
    moments: tuple[Moment, ...]
    headers: dict[str, str] = {}


Make = Callable[[], Awaitable[Made]]


class Caching:
    """Answers with a tag; never with anything that is older than the request."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    async def answer(self, request: AnyRequest, asked: Asked, make: Make) -> Answer:
        """What `make` makes, or a 304 where the caller has it; raises what `make` raises."""
        found = await self.known(request, asked)
        if found is not None:
            return unchanged(found)
        made = await make()
        headers = {**self.headers(request, asked, made.moments), **made.headers}
        tag, known = headers.get("ETag"), request.headers.get("If-None-Match", "")
        if tag and known and is_known(known, tag):
            return unchanged(headers)
        return Response(msgspec.json.encode(made.body), media_type=asked.media_type, headers=headers)

    async def known(self, request: AnyRequest, asked: Asked) -> dict[str, str] | None:
        """The headers of a 304 where `If-None-Match` names the tag of what is served now, which is all that is read."""
        known = request.headers.get("If-None-Match", "")
        if not known or not asked.exact:
            return None
        now = await self._moments.now(asked.datasets, asked.query)
        if now is None:
            return None
        headers = self.headers(request, asked, now)
        return headers if is_known(known.replace("*", ""), headers["ETag"]) else None

    def headers(self, request: AnyRequest, asked: Asked, moments: Sequence[Moment]) -> dict[str, str]:
        """`Position`, and the tag with what belongs to it."""
        position = {HEADER: ", ".join(str(one.folded) for one in moments)}
        if not asked.exact:
            return position
        caller = caller_or_nobody(request)
        tag = tag_of(asked, moments, shown=caller is not None and caller.sees_sensitive)
        return {**position, "ETag": tag if asked.media_type == JSON else f"W/{tag}", **OFTEN_ASKED}


def tag_of(asked: Asked, moments: Sequence[Moment], *, shown: bool) -> str:
    """One tag, one answer; `shown` is whether sensitive values are. The positions stand in it for people."""
    of_datasets = [(one.fingerprint, moment.generation) for one, moment in zip(asked.datasets, moments, strict=True)]
    said = (SHAPE, asked.query.path, asked.query.pairs, asked.media_type, shown, of_datasets)
    digest = blake2b(msgspec.msgpack.encode(said), digest_size=8).hexdigest()
    return f'"{".".join(str(one.position) for one in moments)}-{digest}"'
