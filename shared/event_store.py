"""The event store: the truth, in PostgreSQL; command -> event -> *log*.

Positions are per dataset, start at 1, have no gaps and are ordered by commit: an append takes them under the lock of
the dataset's row in `store.heads`, in the transaction that writes the events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.codec import VERSIONS, encode_data, lifted, type_of
from shared.database import each_alone
from shared.errors import KeyReused
from shared.events import Fact, RecordedEvent, UploadFailed, UploadReceived, UploadWithdrawn

LOCK_HEAD = text("""
    INSERT INTO store.heads AS head (dataset, position) VALUES (:dataset, 0)
    ON CONFLICT (dataset) DO UPDATE SET position = head.position
    RETURNING position
""")

ADVANCE = text("UPDATE store.heads SET position = :position WHERE dataset = :dataset")

INSERT = text("""
    INSERT INTO store.events (dataset, position, event_id, type, version, actor, correlation_id, recorded_at, data)
    VALUES (:dataset, :position, :event_id, :type, :version, :actor, :correlation_id, :recorded_at, CAST(:data AS json))
""")

CLAIM = text("""
    INSERT INTO store.claims (dataset, claim, position, upload_id, fingerprint, duplicate)
    VALUES (:dataset, :claim, :position, :upload_id, :fingerprint, :duplicate)
""")

CLAIMED = text("""
    SELECT claim, position, upload_id, fingerprint, duplicate FROM store.claims
    WHERE dataset = :dataset AND claim = ANY(:claims)
""")

KNOWN = text("INSERT INTO store.uploads (upload_id, dataset, actor) VALUES (:upload_id, :dataset, :actor)")

SENT = text("""
    INSERT INTO store.senders (actor, upload_id) SELECT CAST(:actor AS text), upload_id
    FROM store.uploads WHERE upload_id = :upload_id AND actor <> :actor ON CONFLICT DO NOTHING
""")

RELEASE = text("DELETE FROM store.claims WHERE dataset = :dataset AND upload_id = :upload_id AND claim LIKE 'file:%'")

DATASET_OF = text("SELECT dataset FROM store.uploads WHERE upload_id = :upload_id")

READ = text("""
    SELECT dataset, position, event_id, version, actor, correlation_id, recorded_at, data::text AS data
    FROM store.events WHERE dataset = :dataset AND position > :after ORDER BY position LIMIT :limit
""")

READ_ONE = text("""
    SELECT dataset, position, event_id, version, actor, correlation_id, recorded_at, data::text AS data
    FROM store.events WHERE dataset = :dataset AND position = :position
""")

HEADS = text("SELECT dataset, position FROM store.heads")


class Idempotency(msgspec.Struct, frozen=True):
    """A caller's key, told apart by caller and operation, and a hash of what came with it."""

    key: str
    fingerprint: str


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is to be appended, unless its `claim` or its idempotency key was used before."""

    event: Fact
    actor: str
    claim: str | None = None
    idempotency: Idempotency | None = None
    correlation_id: UUID = msgspec.field(default_factory=uuid4)


class Appended(msgspec.Struct, frozen=True):
    """Where an event stands. With `again` its claim, with `replayed` its idempotency key was used before.

    Then nothing was written now, and what is told is what was told before.
    """

    position: int
    upload_id: UUID | None
    again: bool = False
    replayed: bool = False


Asked = tuple[Proposal, "asyncio.Future[Appended]"]


class EventStore:
    """Appends and reads events. Proposals for one dataset that come together share a transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = each_alone(engine)
        self._waiting: dict[str, list[Asked]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._appending: set[asyncio.Task[None]] = set()

    async def append(self, dataset: str, proposal: Proposal) -> Appended:
        """Make the event durable; all or nothing of it and its claims. Raises KeyReused, or what the database raises.

        A failed or withdrawn upload gives up the claim on its bytes, so that they can be sent again. Whoever is
        cancelled while waiting does not know whether the event was appended.
        """
        (appended,) = await self.append_all(dataset, [proposal])
        return appended

    async def append_all(self, dataset: str, proposals: Sequence[Proposal]) -> list[Appended]:
        """The same for several, in this order and in one transaction; raises what the first of them raises.

        One that is refused (KeyReused) keeps none of the others out of the log.
        """
        if not proposals:
            return []
        loop = asyncio.get_running_loop()
        asked: list[Asked] = [(proposal, loop.create_future()) for proposal in proposals]
        self._waiting.setdefault(dataset, []).extend(asked)
        task = asyncio.create_task(self._append_waiting(dataset))
        self._appending.add(task)
        task.add_done_callback(self._appending.discard)
        return await asyncio.gather(*(decided for _, decided in asked))

    async def _append_waiting(self, dataset: str) -> None:
        async with self._locks.setdefault(dataset, asyncio.Lock()):
            group = [one for one in self._waiting.pop(dataset, []) if not one[1].cancelled()]
            if not group:
                return
            try:
                answers = await self._append_group(dataset, [proposal for proposal, _ in group])
            except Exception as error:
                answers = [error] * len(group)
        for (_, decided), answer in zip(group, answers, strict=True):
            if decided.done():
                continue
            if isinstance(answer, Appended):
                decided.set_result(answer)
            else:
                decided.set_exception(answer)

    async def _append_group(self, dataset: str, proposals: Sequence[Proposal]) -> list[Appended | Exception]:
        async with self._engine.begin() as connection:
            return await append_within(connection, dataset, proposals)

    async def dataset_of(self, upload_id: UUID) -> str | None:
        """The dataset of an upload that was received, or None."""
        async with self._reading.connect() as connection:
            return (await connection.execute(DATASET_OF, {"upload_id": upload_id})).scalar_one_or_none()

    async def has_claim(self, dataset: str, claim: str) -> bool:
        """Whether something was appended under this claim; an append with it would be answered as that was."""
        async with self._reading.connect() as connection:
            values = {"dataset": dataset, "claims": [claim]}
            return (await connection.execute(CLAIMED, values)).first() is not None

    async def read(self, dataset: str, after: int, limit: int) -> list[RecordedEvent]:
        """At most `limit` events that follow position `after` (exclusive), in order."""
        async with self._reading.connect() as connection:
            found = await connection.execute(READ, {"dataset": dataset, "after": after, "limit": limit})
            return [_recorded(row) for row in found.mappings()]

    async def heads(self) -> dict[str, int]:
        """The last position of every dataset that has events."""
        async with self._reading.connect() as connection:
            return {row.dataset: row.position for row in await connection.execute(HEADS)}


class _Claim(msgspec.Struct, frozen=True):
    position: int
    upload_id: UUID | None
    fingerprint: str | None = None
    duplicate: bool = False


class Group:
    """Proposals that are decided one after the other while the dataset's head is locked, and written together."""

    def __init__(self, dataset: str, head: int, claimed: dict[str, _Claim]) -> None:
        self._dataset = dataset
        self._first = self._head = head
        self._claimed = claimed
        self._claims: list[dict[str, object]] = []
        self._events: list[dict[str, object]] = []
        self._received: list[dict[str, object]] = []
        self._released: list[dict[str, object]] = []
        self._sent: list[dict[str, object]] = []

    def decide(self, proposal: Proposal) -> Appended | Exception:
        """The answer to one proposal, which later ones of the group find claimed."""
        idempotency = proposal.idempotency
        if idempotency and (before := self._claimed.get(idempotency.key)):
            if before.fingerprint != idempotency.fingerprint:
                return KeyReused("This Idempotency-Key came with another request before. Use a new key for a new one.")
            return Appended(before.position, before.upload_id, again=before.duplicate, replayed=True)
        earlier = self._claimed.get(proposal.claim) if proposal.claim else None
        claim = earlier or _Claim(self._add(proposal), getattr(proposal.event, "upload_id", None))
        if earlier and isinstance(proposal.event, UploadReceived):
            self._sent.append({"actor": proposal.actor, "upload_id": earlier.upload_id})
        if proposal.claim and not earlier:
            self._hold(proposal.claim, claim)
        if idempotency:
            known = _Claim(claim.position, claim.upload_id, idempotency.fingerprint, duplicate=earlier is not None)
            self._hold(idempotency.key, known)
        return Appended(claim.position, claim.upload_id, again=earlier is not None)

    def _hold(self, name: str, claim: _Claim) -> None:
        self._claimed[name] = claim
        self._claims.append({"dataset": self._dataset, "claim": name, **msgspec.structs.asdict(claim)})

    def _add(self, proposal: Proposal) -> int:
        self._head += 1
        event = proposal.event
        self._events.append(
            {
                "dataset": self._dataset,
                "position": self._head,
                "event_id": uuid4(),
                "type": type_of(event),
                "version": VERSIONS[type_of(event)],
                "actor": proposal.actor,
                "correlation_id": proposal.correlation_id,
                "recorded_at": datetime.now(UTC),
                "data": encode_data(event).decode(),
            }
        )
        if isinstance(event, UploadReceived):
            known = {"dataset": self._dataset, "upload_id": event.upload_id, "actor": proposal.actor}
            self._received.append(known)
        if isinstance(event, UploadFailed | UploadWithdrawn):
            self._released.append({"dataset": self._dataset, "upload_id": event.upload_id})
        return self._head

    async def write(self, connection: AsyncConnection) -> None:
        """Write what was decided; nothing where all had been claimed before."""
        statements = (
            *((INSERT, self._events), (CLAIM, self._claims), (KNOWN, self._received)),
            *((RELEASE, self._released), (SENT, self._sent)),
        )
        for statement, rows in statements:
            if rows:
                await connection.execute(statement, rows)
        if self._head > self._first:
            await connection.execute(ADVANCE, {"dataset": self._dataset, "position": self._head})


async def append_within(
    connection: AsyncConnection, dataset: str, proposals: Sequence[Proposal]
) -> list[Appended | Exception]:
    """Append in a transaction of the caller, who holds the head of the dataset from here to its end."""
    head = int((await connection.execute(LOCK_HEAD, {"dataset": dataset})).scalar_one())
    wanted = [claim for one in proposals for claim in _claims_of(one)]
    found = await connection.execute(CLAIMED, {"dataset": dataset, "claims": wanted}) if wanted else ()
    group = Group(dataset, head, {row.claim: _Claim(*row[1:]) for row in found})
    answers = [group.decide(one) for one in proposals]
    await group.write(connection)
    return answers


async def read_at(connection: AsyncConnection, dataset: str, position: int) -> RecordedEvent:
    """The event at a position that is in the log."""
    found = await connection.execute(READ_ONE, {"dataset": dataset, "position": position})
    return _recorded(found.mappings().one())


def _claims_of(proposal: Proposal) -> list[str]:
    return [one for one in (proposal.claim, proposal.idempotency and proposal.idempotency.key) if one]


def _recorded(row: RowMapping) -> RecordedEvent:
    return lifted(**{**row, "data": row["data"].encode()})
