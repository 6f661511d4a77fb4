"""One command from request to answer: HTTP -> *command -> event* -> outcome -> HTTP."""

from __future__ import annotations

from command_api.answering import Answer, Said, answer
from command_api.idempotency import read_idempotency
from command_api.outcomes import Outcome, Outcomes
from shared.bounds import Bound
from shared.errors import Refused, StillRunning
from shared.event_store import EventStore, Proposal
from shared.events import Fact, ParkedDiscarded, ParkedRetried
from shared.http.callers import caller_of
from shared.http.correlation import correlation_id
from shared.http.positions import HEADER, Position
from shared.http.preferences import responds_async, wait_s
from shared.http.problems import AnyRequest, answer_error
from shared.wakeups import APPENDED, DECIDED, Wakeups

MOST_WAITING = 500
"""So many commands of one process may wait, to be appended or for their outcomes."""


class Commands:
    """Appends events and waits for what becomes of them; nothing is read to decide."""

    def __init__(self, store: EventStore, outcomes: Outcomes, wakeups: Wakeups) -> None:
        self._store = store
        self._outcomes = outcomes
        self._wakeups = wakeups
        self._bound = Bound(MOST_WAITING, "As many commands as may wait do, and this one was not accepted.")

    async def run(
        self,
        request: AnyRequest,
        dataset: str,
        event: Fact,
        said: Said,
        *,
        asked: tuple[str | bytes | None, ...] = (),
        location: str | None = None,
    ) -> Answer:
        """Append an event, wait as long as the caller prefers, and answer with its outcome or 202.

        `asked` is all that the request says beside its query, such as its body: an idempotency key stands for it.
        Raises KeyReused, BadParameter for a malformed key, or Unavailable where too many wait; then nothing is
        appended.
        """
        actor = caller_of(request).name
        proposal = Proposal(
            event=event,
            actor=actor,
            idempotency=read_idempotency(request, actor, *asked),
            correlation_id=correlation_id(request),
        )
        with self._bound.entered():
            appended = await self._store.append(dataset, proposal)
            if not appended.replayed:
                self._announce(dataset, event)
            position = Position(dataset, appended.position)
            prefer = request.headers.get("prefer", "")
            if responds_async(prefer):
                outcome = None
            elif appended.replayed:
                try:
                    outcome = await self._before(position)
                except Refused as error:
                    return answer_error(request, error, {HEADER: str(position)})
            else:
                outcome = await self._outcomes.wait(position, wait_s(prefer))
        return answer(request, said, position, outcome, replayed=appended.replayed, location=location)

    def _announce(self, dataset: str, event: Fact) -> None:
        self._wakeups.ring(APPENDED)
        if isinstance(event, ParkedRetried | ParkedDiscarded):
            self._wakeups.ring(DECIDED, dataset)

    async def _before(self, position: Position) -> Outcome:
        outcome = await self._outcomes.now(position)
        if outcome is None:
            raise StillRunning("The first request with this Idempotency-Key has no answer yet. Ask again in 1 s.")
        return outcome
