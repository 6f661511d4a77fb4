"""Single records are added, corrected and removed; log -> *projection* -> read table.

Events are folded many at a time, in waves of different keys, so that a wave is a handful of statements. What an event
asks for is refused here and nowhere else, by the version that is live when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from projector.current import Current, read_current, segments_of
from projector.edits import Edit, Edited, Edits
from projector.fitting import Fitting, RowErrors
from projector.fixing import fix_rows, rejected_row, remove_rejected
from projector.folds import Fold
from projector.joint_rules import broken_rules
from projector.outcomes import APPLIED, EXISTS, NOT_FOUND, REJECTED, STALE, Outcome, write_outcomes
from projector.segments import Segments
from shared.events import (
    RecordAdded,
    RecordCorrected,
    RecordedEvent,
    RecordRemoved,
    RecordsCorrected,
    RowCorrected,
    Values,
)
from shared.read_tables import Change, Ending

EDITS = (RecordAdded, RecordCorrected, RecordRemoved, RecordsCorrected, RowCorrected)


async def fold_edits(to: Fold, events: Sequence[RecordedEvent]) -> None:
    """Apply consecutive events about records, each as if it came alone."""
    fitting = Fitting(to.dataset)
    for wave in waves(events):
        if isinstance(wave[0].data, RowCorrected):
            outcomes = await fix_rows(to, wave)
        else:
            outcomes = await _fold_wave(to, wave, fitting)
        await write_outcomes(to, sorted(outcomes, key=lambda one: one.position))


def waves(events: Sequence[RecordedEvent]) -> Iterator[list[RecordedEvent]]:
    """The events in waves of different keys: those of each key in their order, corrected rows where they stand.

    What is about one record does not depend on what is about others, so a wave takes the next event of every key.
    Which record a row makes is not known before: a row that comes again begins a new wave.
    """
    for is_rows, group in groupby(events, key=lambda event: isinstance(event.data, RowCorrected)):
        found: list[list[RecordedEvent]] = []
        following: dict[str, int] = {}
        for event in group:
            keys = keys_of(event)
            at = max((following.get(key, 0) for key in keys), default=0)
            if is_rows:
                at = max(at, len(found) - 1)
            following |= dict.fromkeys(keys, at + 1)
            if at == len(found):
                found.append([])
            found[at].append(event)
        yield from found


def keys_of(event: RecordedEvent) -> set[str]:
    """The keys that an event is about; of a row, its place in its file."""
    match event.data:
        case RecordAdded(key=key) | RecordCorrected(key=key) | RecordRemoved(key=key):
            return {key}
        case RecordsCorrected(keys=keys):
            return set(keys)
        case RowCorrected(upload_id=upload_id, row=row):
            return {f"{upload_id}:{row}"}
        case _:
            raise TypeError(f"{type(event.data).__name__} is not about records.")


async def _fold_wave(to: Fold, wave: Sequence[RecordedEvent], fitting: Fitting) -> list[Outcome]:
    tells = wave[-1].position > to.told_after
    if tells or fitting.is_joint:
        return await _fold_seen(to, wave, fitting, tells=tells)
    seen: list[RecordedEvent] = []
    singles: list[RecordedEvent] = []
    edits: list[Edit] = []
    for event in wave:
        match event.data:
            case RecordCorrected(key=key, changes=changes, expected=expected) if not fitting.errors(changes):
                edits.append(_edit(event, key, Ending.CORRECTED, changes, expected))
                singles.append(event)
            case RecordsCorrected(keys=keys, changes=changes) if not fitting.errors(changes):
                edits += [_edit(event, key, Ending.CORRECTED, changes) for key in keys]
            case RecordRemoved(key=key, expected=expected):
                edits.append(_edit(event, key, Ending.REMOVED, {}, expected))
                singles.append(event)
            case _:
                seen.append(event)
    outcomes = await _fold_seen(to, seen, fitting, tells=False) if seen else []
    return outcomes + await _fold_unseen(to, edits, singles)


async def _fold_unseen(to: Fold, edits: Sequence[Edit], singles: Sequence[RecordedEvent]) -> list[Outcome]:
    """Correct and remove records without a look at them, for nobody wants to know what becomes of it.

    `singles` are the events about one record.
    """
    if not edits:
        return []
    segments = await Segments(to.connection, to.dataset, to.generation).live()
    missed = await Edits(to.connection, to.dataset, to.generation).apply_unseen(segments, edits)
    if not (missed and to.dataset.rejected_as):
        return []
    rest = [event for event in singles if not missed.isdisjoint(keys_of(event))]
    return [outcome for event in rest for outcome in await _of_rejected(to, event)]


async def _fold_seen(to: Fold, wave: Sequence[RecordedEvent], fitting: Fitting, *, tells: bool) -> list[Outcome]:
    """Apply each event by what the live version of its key is."""
    keys_of_wave = {key for event in wave for key in keys_of(event)}
    current = await read_current(to, keys_of_wave, with_records=tells or fitting.is_joint)
    outcomes: list[Outcome] = []
    accepted: list[Edit] = []
    for event in wave:
        match event.data:
            case RecordsCorrected(keys=keys, changes=changes):
                hit = [key for key in keys if key in current]
                broken = _broken(to, event, [current[key] for key in hit], changes, fitting)
                outcomes += broken or [_counted(event, len(hit), len(keys))]
                accepted += [] if broken else [_edit(event, key, Ending.CORRECTED, changes) for key in hit]
            case RecordAdded(key=key, values=values):
                added, errors = fitting.whole(values)
                refused = [_told(event, EXISTS, current[key])] if key in current else _misfit(event, key, errors)
                outcomes += refused
                accepted += [] if refused else [_edit(event, key, None, added)]
            case RecordCorrected(key=key, changes=changes):
                refused = await _refused(to, event, current.get(key), fitting)
                outcomes += refused
                accepted += [] if refused else [_edit(event, key, Ending.CORRECTED, changes)]
            case RecordRemoved(key=key):
                refused = await _refused(to, event, current.get(key), fitting)
                outcomes += refused
                accepted += [] if refused else [_edit(event, key, Ending.REMOVED, {})]
    edited = await _apply(to, accepted, current, tells=tells)
    if not tells:
        return outcomes
    singles = [edit for edit in accepted if edit.at not in {outcome.position for outcome in outcomes}]
    return outcomes + [_applied(edit, edited[edit.key]) for edit in singles]


async def _refused(to: Fold, event: RecordedEvent, current: Current | None, fitting: Fitting) -> list[Outcome]:
    """Why an event is not applied to the live version of its key, or what it does to a rejected row instead."""
    if not isinstance(event.data, RecordCorrected | RecordRemoved):
        raise TypeError(f"{type(event.data).__name__} is not about one record.")
    if current is None:
        return await _of_rejected(to, event)
    expected = event.data.expected
    if expected is not None and current.version not in expected:
        return [_told(event, STALE, current)]
    if isinstance(event.data, RecordRemoved):
        return []
    return _broken(to, event, [current], event.data.changes, fitting)


async def _of_rejected(to: Fold, event: RecordedEvent) -> list[Outcome]:
    """What an event about a record that is not there does to the rejected row with its key, if there is one."""
    if not isinstance(event.data, RecordCorrected | RecordRemoved):
        raise TypeError(f"{type(event.data).__name__} is not about one record.")
    finds = to.dataset.rejected_as and event.data.expected is None
    row = await rejected_row(to, event.data.key) if finds else None
    if row is None:
        return [Outcome(position=event.position, code=NOT_FOUND, key=event.data.key)]
    if isinstance(event.data, RecordRemoved):
        return [await remove_rejected(to, event, row)]
    return await fix_rows(to, [event], {event.position: row})


def _misfit(event: RecordedEvent, key: str | None, errors: RowErrors) -> list[Outcome]:
    """The refusal of values that the declaration does not take, if there are any."""
    return [Outcome(position=event.position, code=REJECTED, key=key, detail={"errors": errors})] if errors else []


def _broken(to: Fold, event: RecordedEvent, hit: Sequence[Current], changes: Values, fitting: Fitting) -> list[Outcome]:
    """The refusal of changes that break a rule, of a field or between two of a record; the first such record tells."""
    if hit and (misfit := _misfit(event, hit[0].key, fitting.errors(changes))):
        return misfit
    for current in hit if fitting.is_joint else ():
        if errors := broken_rules(to.dataset, current.record, changes):
            return [Outcome(position=event.position, code=REJECTED, key=current.key, detail={"errors": errors})]
    return []


def _counted(event: RecordedEvent, corrected: int, keys: int) -> Outcome:
    detail = {"corrected": corrected, "missing": keys - corrected}
    return Outcome(position=event.position, code=APPLIED, detail=detail)


def _told(event: RecordedEvent, code: str, current: Current) -> Outcome:
    return Outcome(position=event.position, code=code, key=current.key, version=current.version, record=current.record)


def _edit(
    event: RecordedEvent, key: str, kind: Ending | None, values: Values, expected: tuple[int, ...] | None = None
) -> Edit:
    return Edit(
        key=key,
        at=event.position,
        recorded_at=event.recorded_at,
        actor=event.actor,
        values=values,
        kind=kind,
        change=CHANGES[kind],
        expected=expected,
    )


CHANGES: dict[Ending | None, Change | None] = {
    None: Change.ADDED,
    Ending.CORRECTED: Change.CORRECTED,
    Ending.REMOVED: None,
}
"""What begins where a version ends like that, or where there was none."""


async def _apply(to: Fold, accepted: Sequence[Edit], current: dict[str, Current], *, tells: bool) -> dict[str, Edited]:
    edits = Edits(to.connection, to.dataset, to.generation, tells=tells)
    edited: list[Edited] = []
    if added := [edit for edit in accepted if edit.kind is None]:
        edited += await edits.begin(added)
    if corrected := [edit for edit in accepted if edit.kind is Ending.CORRECTED]:
        edited += await edits.correct(segments_of(corrected, current), corrected)
    if removed := [edit for edit in accepted if edit.kind is Ending.REMOVED]:
        edited += await edits.end(segments_of(removed, current), removed)
    return {one.key: one for one in edited}


def _applied(edit: Edit, edited: Edited) -> Outcome:
    version = edit.at if edit.change else None
    return Outcome(position=edit.at, code=APPLIED, key=edit.key, version=version, record=edited.record)
