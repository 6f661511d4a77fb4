"""`GET /events` and `GET /uploads/{id}/events`: what happens, as server-sent events; read table -> *query* -> HTTP."""

from __future__ import annotations

from typing import Final

from litestar.handlers import HTTPRouteHandler
from sqlalchemy.ext.asyncio import AsyncEngine

from query_api.event_ids import HEADER, Since, read_since
from query_api.happenings import END, PROGRESS
from query_api.listeners import Listener, Reading, Seats, event
from query_api.missed import followed_upload, missed_rebuilds, missed_uploads
from query_api.openapi import UPLOAD_ID, described
from query_api.pushed import WRITE_S, Pushed, Start, Write
from query_api.routing import readable
from query_api.uploads import read_upload_id
from query_api.waiting import Waiter
from query_api.watching import AWAY, Watcher, cannot_follow
from shared.auth.callers import Caller, Role
from shared.datasets.catalogue import Catalogue
from shared.datasets.fields import Kind
from shared.http.callers import caller_of, credential_of
from shared.http.problems import AnyRequest, answer_error
from shared.selection.parameters import Parameter, Query, read_query

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

BEGIN: Final = b"retry: 2000\n\n"
"""How long a browser waits before it comes back, in milliseconds."""
HEARTBEAT: Final = b": still here\n\n"
HEARTBEAT_S: Final = 10.0

LAST_EVENT_ID = Parameter(
    name="last_event_id", kind=Kind.TEXT, description=f"The id of the last event that was read, as `{HEADER}`."
)


class Events:
    """Streams what the watcher notices to one caller, from where he has come."""

    def __init__(
        self,
        watcher: Watcher,
        engine: AsyncEngine,
        catalogue: Catalogue,
        seats: Seats,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        write_s: float = WRITE_S,
    ) -> None:
        self._watcher = watcher
        self._engine = engine
        self._catalogue = catalogue
        self._seats = seats
        self._heartbeat_s = heartbeat_s
        self._write_s = write_s

    def all(self, request: AnyRequest, since: Since | None, datasets: frozenset[str]) -> Pushed:
        """What happens in these datasets, as far as the caller may see it."""
        caller = caller_of(request)
        seen = frozenset(one for one in datasets if caller.role_in(one).covers(Role.VIEWER))

        async def push(start: Start) -> None:
            listener = Listener(caller, credential_of(request), seen)
            with self._seats.taken(caller.name):
                async with self._watcher.listening(listener) as now:
                    write = start({})
                    await write(BEGIN)
                    reading = Reading((since or now).only(seen))
                    try:
                        if since is not None:
                            await self._catch_up(write, reading, caller, seen, since, now)
                    except AWAY:  # It has begun, so it can be no other answer any more.
                        listener.end(cannot_follow())
                    await self._follow(request, write, listener, reading)

        return Pushed(push, MEDIA_TYPE, dict(HEADERS), self._write_s)

    def one(self, request: AnyRequest, since: Since | None) -> Pushed:
        """What happens to one upload: how it stands, unless that is known, and every change after that."""
        text = request.path_params["upload_id"]

        async def push(start: Start) -> None:
            caller, known = caller_of(request), since or Since()
            with self._seats.taken(caller.name):
                listener = Listener(caller, credential_of(request), frozenset(), read_upload_id(text))
                async with self._watcher.listening(listener):
                    found = await followed_upload(self._engine, self._catalogue, text, known)
                    reading = Reading(Since(dict(known.positions)).only(frozenset({found.dataset})), whole=True)
                    write = start({})
                    is_known = found.is_over and found.name == PROGRESS
                    await write(BEGIN if is_known else BEGIN + reading.block([found]))
                    reading.reach(found.dataset, found.seen_at)
                    await self._follow(request, write, listener, reading)

        return Pushed(push, MEDIA_TYPE, dict(HEADERS), self._write_s)

    async def _catch_up(
        self, write: Write, reading: Reading, caller: Caller, datasets: frozenset[str], since: Since, now: Since
    ) -> None:
        """Send what was missed up to now; how far that is, is noted in `reading`."""
        for dataset in sorted(datasets):
            after = since.positions.get(dataset, 0)
            if after >= now.positions.get(dataset, 0):
                continue
            async for missed, reached in missed_uploads(self._engine, caller, dataset, after):
                await write(reading.block(missed))
                if reached is not None:
                    reading.reach(dataset, reached)
        if now.asked_us > since.asked_us or since.rebuilds:
            await write(reading.block(await missed_rebuilds(self._engine, caller, datasets, since)))

    async def _follow(self, request: AnyRequest, write: Write, listener: Listener, reading: Reading) -> None:
        while listener.ended is None:
            block = reading.block(await listener.take(self._heartbeat_s))
            if listener.ended is None:
                await write(block or HEARTBEAT)
        problem = answer_error(request, listener.ended).content
        await write(event(END, problem, str(reading)))


def event_routes(events: Events, catalogue: Catalogue, waiter: Waiter) -> list[HTTPRouteHandler]:
    """The stream of everything, and that of one upload."""
    dataset = Parameter(
        name="dataset", kind=Kind.CHOICE, description="Only these.", choices=tuple(catalogue), repeatable=True
    )
    parameters = (dataset, LAST_EVENT_ID)

    def read(request: AnyRequest, known: tuple[Parameter, ...]) -> tuple[Query, Since | None]:
        query = read_query(request.scope["path"], request.scope["query_string"], {one.name: one for one in known})
        if (text := request.headers.get(HEADER)) is not None:
            return query, read_since(text)
        said = query.one(LAST_EVENT_ID.name)
        return query, None if said is None else read_since(str(said), LAST_EVENT_ID.name)

    async def read_all(request: AnyRequest) -> Pushed:
        query, since = read(request, parameters)
        chosen = frozenset(str(one) for one in query.all(dataset.name))
        await waiter.wait(request)
        return events.all(request, since, chosen or frozenset(catalogue))

    async def read_one(request: AnyRequest) -> Pushed:
        _, since = read(request, (LAST_EVENT_ID,))
        await waiter.wait(request)
        return events.one(request, since)

    everything = described("events", "What happens, as it happens", parameters)
    single = described("events", "What happens to one upload, as it happens", (LAST_EVENT_ID,), UPLOAD_ID)
    return [
        readable("/events", read_all, everything),
        readable("/uploads/{upload_id:str}/events", read_one, single),
    ]
