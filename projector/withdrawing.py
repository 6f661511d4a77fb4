"""As if an upload had never been sent; log -> *projection* -> read table.

Before it is published an upload is only called withdrawn, and its tables are dropped later. Afterwards its versions
end, and what they stood in place of comes back: the newest version before them that is not of a withdrawn upload.
Records that a person or a later upload has changed since are kept, and listed.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from sqlalchemy import text

from projector.folds import Fold
from projector.outcomes import APPLIED, CONFLICT, NOT_FOUND
from projector.restoring import Undone, count_kept, end_undone, find_undone, restore
from projector.segments import End
from shared.events import RecordedEvent
from shared.read_tables import Ending

UPLOAD = text("""
    SELECT number, segment, state, review, approved FROM read.uploads WHERE id = :id AND generation = :generation
    FOR UPDATE
""")

APPROVED = text("""
    UPDATE read.uploads SET approved = true, state = CASE state WHEN 'review' THEN 'loaded' ELSE state END
    WHERE id = :id AND generation = :generation
""")

WITHDRAWN = text("""
    UPDATE read.uploads SET state = 'withdrawn', withdrawn_position = :position, withdrawn_at = :at,
        withdrawn_by = :actor, withdrawal = CAST(:withdrawal AS json)
    WHERE id = :id AND generation = :generation
""")


class Decision(msgspec.Struct, frozen=True):
    """What becomes of a command about an upload."""

    code: str
    detail: object = None


class Withdrawal(msgspec.Struct, frozen=True):
    """`reversed` versions ended, `restored` came back in place of some; see `Kept` for the others."""

    cancelled: bool
    reversed: int
    restored: int
    kept: object


NOTHING_KEPT = {"count": 0, "person": 0, "upload": 0, "records": []}


async def approve(to: Fold, upload_id: UUID) -> Decision:
    """Let the upload be published when its turn comes; refused unless it waits for review or will do so."""
    of = {"id": upload_id, "generation": to.generation}
    upload = (await to.connection.execute(UPLOAD, of)).one_or_none()
    if upload is None:
        return Decision(NOT_FOUND)
    ended = upload.state in ("failed", "withdrawn", "published")  # What the log says, however far this generation is.
    if ended or not upload.review or upload.approved:
        reason = (
            "The upload does not wait for review." if not upload.review else f"The upload is {upload.state} already."
        )
        return Decision(CONFLICT, {"reason": reason})
    await to.connection.execute(APPROVED, of)
    return Decision(APPLIED, {})


async def withdraw(to: Fold, event: RecordedEvent, upload_id: UUID) -> Decision:
    """Cancel the upload or undo it; refused where it has failed or is withdrawn."""
    of = {"id": upload_id, "generation": to.generation}
    upload = (await to.connection.execute(UPLOAD, of)).one_or_none()
    if upload is None:
        return Decision(NOT_FOUND)
    if upload.state in ("failed", "withdrawn"):
        return Decision(CONFLICT, {"reason": f"The upload is {upload.state} already."})
    said = {"position": event.position, "at": event.recorded_at, "actor": event.actor}
    if upload.state == "published":
        # Called withdrawn first: what is restored must not be its own.
        await to.connection.execute(WITHDRAWN, {**of, **said, "withdrawal": None})
        end = End(
            position=event.position, at=event.recorded_at, kind=Ending.WITHDRAWN, by=upload.number, actor=event.actor
        )
        withdrawal = await _undo(to, upload.number, upload.segment, end)
    else:
        to.afterwards.cancelled.append(upload.number)
        withdrawal = Withdrawal(cancelled=True, reversed=0, restored=0, kept=NOTHING_KEPT)
    await to.connection.execute(WITHDRAWN, {**of, **said, "withdrawal": msgspec.json.encode(withdrawal).decode()})
    return Decision(APPLIED, withdrawal)


async def _undo(to: Fold, number: int, segment: int, end: End) -> Withdrawal:
    undone = Undone(to, number, segment)
    reversed_ = await find_undone(undone)
    await end_undone(undone, end)
    restored = await restore(undone, end) if to.dataset.key or to.dataset.replaces else 0
    kept = await count_kept(undone) if to.dataset.key else NOTHING_KEPT
    return Withdrawal(cancelled=False, reversed=reversed_, restored=restored, kept=kept)
