"""Answers that are exactly as new as what is served: their `ETag`, and 304 for who has it already; query -> *HTTP*.

What a query finds depends on the moment of its datasets alone. So its tag is made of that moment, the declarations, the
query and what its caller may see, and `If-None-Match` is answered by looking up which moment is served. Files have weak
tags: their rows may come in another order the next time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b

import msgspec

from query_api.answers import JSON, OFTEN_ASKED, Answer, is_known, ready, unchanged
from query_api.keeping import Keeping, Kept
from query_api.moments import Moment, Moments
from shared.datasets.declaration import Dataset
from shared.http.callers import caller_or_nobody, header_of
from shared.http.positions import HEADER
from shared.http.problems import AnyRequest
from shared.selection.parameters import Query

SHAPE = 1
"""To be raised whenever the same query is answered in another form than before."""


class Asked(msgspec.Struct, frozen=True):
    """What decides, beside the moment, what an answer says: `datasets` in the order in which `Position` names them.

    An answer that depends on more than the log is not `exact`; it gets no tag here. One that is often asked for by many
    may be kept.
    """

    query: Query
    datasets: tuple[Dataset, ...]
    media_type: str = JSON
    exact: bool = True
    often: bool = False

    def question(self, *, shown: bool) -> bytes:
        """All of it, and whether sensitive values are shown, as one value."""
        of_datasets = [one.fingerprint for one in self.datasets]
        return msgspec.msgpack.encode((SHAPE, self.query.path, self.query.pairs, self.media_type, shown, of_datasets))


class Made(msgspec.Struct, frozen=True):
    """What one snapshot says, and of which moments of the datasets asked it is."""

    body: object
    moments: tuple[Moment, ...]
    headers: dict[str, str] = {}


Make = Callable[[], Awaitable[Made]]


class Caching:
    """Answers with a tag; never with anything that is older than the request."""

    def __init__(self, moments: Moments, keeping: Keeping) -> None:
        self._moments = moments
        self._keeping = keeping

    async def answer(self, request: AnyRequest, asked: Asked, make: Make) -> Answer:
        """What `make` makes or has made, or a 304 where the caller has it; raises what `make` raises."""
        question, known = asked.question(shown=_shown(request)), (header_of(request.scope, b"if-none-match") or "")
        kept = self._keeping.find(question) if asked.often and asked.exact else None
        if asked.exact and (known or kept):
            now = await self._moments.now(asked.datasets, asked.query)
            if now is not None:
                headers = _headers(asked, question, now)
                if is_known(known.replace("*", ""), headers["ETag"]):
                    return unchanged(headers)
                if kept is not None and kept.moments == now:
                    return _answer(kept.body, {**headers, **kept.headers}, known)
        made = await make()
        body = msgspec.json.encode(made.body)
        if asked.often and asked.exact:
            self._keeping.keep(question, Kept(made.moments, body, made.headers))
        return _answer(body, {**_headers(asked, question, made.moments), **made.headers}, known)

    async def known(self, request: AnyRequest, asked: Asked) -> dict[str, str] | None:
        """The headers of a 304 where `If-None-Match` names the tag of what is served now, which is all that is read."""
        known = (header_of(request.scope, b"if-none-match") or "").replace("*", "")
        now = await self._moments.now(asked.datasets, asked.query) if known else None
        if now is None:
            return None
        headers = self.headers(request, asked, now)
        return headers if is_known(known, headers["ETag"]) else None

    def headers(self, request: AnyRequest, asked: Asked, moments: Sequence[Moment]) -> dict[str, str]:
        """`Position`, and the tag with what belongs to it."""
        return _headers(asked, asked.question(shown=_shown(request)), moments)


def _shown(request: AnyRequest) -> bool:
    """Whether sensitive values are shown to who asks."""
    caller = caller_or_nobody(request)
    return caller is not None and caller.sees_sensitive


def _answer(body: bytes, headers: dict[str, str], known: str) -> Answer:
    tag = headers.get("ETag")
    if tag and known and is_known(known, tag):
        return unchanged(headers)
    return ready(body, headers)


def _headers(asked: Asked, question: bytes, moments: Sequence[Moment]) -> dict[str, str]:
    position = {HEADER: ", ".join(str(one.folded) for one in moments)}
    if not asked.exact:
        return position
    tag = tag_of(question, moments)
    return {**position, "ETag": tag if asked.media_type == JSON else f"W/{tag}", **OFTEN_ASKED}


def tag_of(question: bytes, moments: Sequence[Moment]) -> str:
    """One tag, one answer; the positions stand in it for people."""
    generations = msgspec.msgpack.encode([one.generation for one in moments])
    digest = blake2b(question + generations, digest_size=8).hexdigest()
    return f'"{".".join(str(one.position) for one in moments)}-{digest}"'
