"""What the read tables have to say, in plain Python: the log folded into dictionaries; log -> *model*.

This is the specification of the projector. It knows no SQL, no segments, no chunks and no batches: an upload is its
records and rejects (tests/driven/rows.py), a record is the list of its versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from shared.events import (
    EventParked,
    ParkedDiscarded,
    ParkedRetried,
    RecordAdded,
    RecordCorrected,
    RecordedEvent,
    RecordRemoved,
    RecordsCorrected,
    RowCorrected,
    Unreadable,
    UploadApproved,
    UploadFailed,
    UploadPublished,
    UploadReceived,
    UploadWithdrawn,
    Values,
)
from tests.driven.rows import Cells, Rules, read_file
from tests.driven.versions import OF_UPLOAD, End, Outcome, Upload, Version
from tests.driven.waiting import Waiting


class Model:
    """Everything that can be asked after the events that were folded.

    `waiting` has what could not be applied, and in `facts` what the log says further on of what cannot.
    """

    def __init__(self, rules: Rules, files: Mapping[UUID, Mapping[int, Cells]]) -> None:
        self.position = 0
        self.chains: dict[str, list[Version]] = {}
        self.uploads: dict[UUID, Upload] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.waiting = Waiting()
        self._rules = rules
        self._files = files

    def live(self, key: str) -> Version | None:
        """The version of a record that can be seen."""
        last = self.chains[key][-1] if key in self.chains else None
        return None if last is None or last.end else last

    def preview(self, upload_id: UUID) -> dict[str, list[Any]]:
        """What an upload would change if it were published now."""
        said: dict[str, list[Any]] = {"new": [], "changed": [], "unchanged": []}
        for key, values in self.uploads[upload_id].file.records.values():
            old = self.live(key)
            if old is None:
                said["new"].append(values)
            elif old.values == values:
                said["unchanged"].append(values)
            else:
                said["changed"].append({"old": old.values, "new": values})
        return said

    def fold(self, event: RecordedEvent) -> None:
        """Apply the next event."""
        assert event.position == self.position + 1
        self.position = event.position
        outcome = self._take(event)
        if outcome is not None:
            self.outcomes[event.position] = outcome

    def _take(self, event: RecordedEvent) -> Outcome | None:
        """Apply an event unless it waits; what is decided about one that does."""
        fact = self.waiting.facts.get(event.position)
        match event.data:
            case EventParked():
                return None
            case ParkedRetried(parked_position=position) if fact is None:
                return self._retry(event, position)
            case ParkedRetried(parked_position=position) | ParkedDiscarded(parked_position=position) if fact:
                return self.waiting.failed_again(position, fact)
            case ParkedDiscarded(parked_position=position):
                return self._decided(event, position, self.waiting.discard(event, position))
            case UploadReceived(upload_id=upload_id) as received if fact:
                file = read_file(self._rules, len(self.uploads) + 1, {})
                self.uploads[upload_id] = Upload(received, len(self.uploads) + 1, file, 0, state="failed")
            case UploadPublished(upload_id=upload_id) if fact:
                self.uploads[upload_id].refused = True
        now = self.waiting.let_through(event)
        return self._fold(now) if now else Outcome("parked")

    def _retry(self, event: RecordedEvent, position: int) -> Outcome | None:
        refused = self.waiting.refuses(position)
        if refused is not None:
            return refused
        outcome = self._fold(self.waiting.end(event, position, "retried"))
        return self._decided(event, position, outcome or Outcome("applied"))

    def _decided(self, event: RecordedEvent, position: int, outcome: Outcome) -> Outcome:
        """Whoever sent what has waited can ask what became of it; its outcome is that of the decision."""
        row = self.waiting.rows.get(position)
        if row and row.ended == event.position and self.outcomes[position].code == "parked":
            self.outcomes[position] = outcome
        return outcome

    def _fold(self, event: RecordedEvent) -> Outcome | None:
        match event.data:
            case UploadReceived(upload_id=upload_id) as received:
                number = len(self.uploads) + 1
                file = read_file(self._rules, number, self._files[upload_id])
                self.uploads[upload_id] = Upload(received, number, file, len(file.records))
                return None
            case UploadPublished(upload_id=upload_id):
                self._publish(event, self.uploads[upload_id])
                return None
            case UploadFailed(upload_id=upload_id):
                upload = self.uploads[upload_id]
                upload.state = "failed" if upload.state == "waiting" else upload.state
                return None
            case UploadApproved(upload_id=upload_id):
                return self._approve(self.uploads.get(upload_id))
            case UploadWithdrawn(upload_id=upload_id):
                return self._withdraw(event, self.uploads.get(upload_id))
            case RecordAdded(key=key, values=values):
                if live := self.live(key):
                    return Outcome("exists", key, live.position, live.values)
                return self._begin(event, key, values, "added", actor=event.actor)
            case RecordCorrected(key=key, changes=changes, expected=expected):
                return self._refused(key, expected) or self._correct(event, key, changes)
            case RecordRemoved(key=key, expected=expected):
                return self._refused(key, expected) or self._remove(event, key)
            case RecordsCorrected(keys=keys, changes=changes):
                there = [key for key in keys if self.live(key)]
                for key in there:
                    self._correct(event, key, changes)
                return Outcome("applied", detail={"corrected": len(there), "missing": len(keys) - len(there)})
            case RowCorrected(upload_id=upload_id, row=row, cells=cells):
                return self._correct_row(event, self.uploads.get(upload_id), row, cells)
            case Unreadable() | EventParked() | ParkedRetried() | ParkedDiscarded():
                raise AssertionError(event)

    def _publish(self, event: RecordedEvent, upload: Upload) -> None:
        if upload.state != "waiting":
            return
        before = [one for one in self.uploads.values() if one.number < upload.number and not one.refused]
        assert all(one.state != "waiting" for one in before), "its turn"
        assert upload.approved or not upload.received.review, "a person has approved it"
        assert upload.received.on_error == "skip" or not upload.count("rejected"), "it has no errors"
        upload.state, upload.published, upload.superseded = "published", event.position, 0
        for row, (key, values) in upload.file.records.items():
            upload.superseded += self._end(event, key, "superseded", upload.number, None)
            self._begin(event, key, values, "uploaded", upload.number, row)

    def _approve(self, upload: Upload | None) -> Outcome:
        if upload is None:
            return Outcome("not-found")
        if upload.state != "waiting" or not upload.received.review or upload.approved:
            return Outcome("conflict")
        upload.approved = True
        return Outcome("applied")

    def _withdraw(self, event: RecordedEvent, upload: Upload | None) -> Outcome:
        if upload is None:
            return Outcome("not-found")
        if upload.state in ("failed", "withdrawn"):
            return Outcome("conflict")
        was_published, upload.state, upload.withdrawn = upload.state == "published", "withdrawn", event.position
        reversed_, restored, kept = self._undo(event, upload.number) if was_published else (0, 0, {})
        said = {"cancelled": not was_published, "reversed": reversed_, "restored": restored, "kept": kept}
        upload.withdrawal = said
        return Outcome("applied", detail=said)

    def _undo(self, event: RecordedEvent, number: int) -> tuple[int, int, dict[str, str]]:
        reversed_, restored, kept = 0, 0, {}
        for key, chain in self.chains.items():
            live = self.live(key)
            if live and live.is_of(number):
                reversed_ += self._end(event, key, "withdrawn", number, event.actor)
                if earlier := self._before(chain):
                    restored += 1
                    chain.append(replace(earlier, position=event.position, at=event.recorded_at, end=None))
            elif live and any(version.is_of(number) for version in chain):
                kept[key] = "upload" if live.change in OF_UPLOAD else "person"
        return reversed_, restored, kept

    def _before(self, chain: list[Version]) -> Version | None:
        """The newest version that no withdrawn upload made, as far back as the record was there without a gap."""
        withdrawn = [upload.number for upload in self.uploads.values() if upload.state == "withdrawn"]
        later = chain[-1]
        for version in reversed(chain[:-1]):
            if version.end is None or version.end.position != later.position:
                return None
            if not any(version.is_of(number) for number in withdrawn):
                return version
            later = version
        return None

    def _refused(self, key: str, expected: tuple[int, ...] | None) -> Outcome | None:
        live = self.live(key)
        if live is None and (expected is not None or self._rejected_row(key) is None):
            return Outcome("not-found", key)
        if live and expected is not None and live.position not in expected:
            return Outcome("stale", key, live.position, live.values)
        return None

    def _correct(self, event: RecordedEvent, key: str, changes: Values) -> Outcome:
        live = self.live(key)
        if live is None:
            upload, row = self._rejected_row(key) or (None, 0)
            assert upload, "otherwise it was refused"
            return self._fix(event, upload, row, {name: str(value or "") for name, value in changes.items()})
        self._end(event, key, "corrected", None, event.actor)
        values = {**live.values, **changes}
        return self._begin(event, key, values, "corrected", live.upload, live.row, event.actor)

    def _remove(self, event: RecordedEvent, key: str) -> Outcome:
        live = self.live(key)
        if live is None and (place := self._rejected_row(key)):
            place[0].file.outcomes[place[1]] = "removed"
            return Outcome("applied")
        assert live, "otherwise it was refused"
        self._end(event, key, "removed", None, event.actor)
        return Outcome("applied", key, None, live.values)

    def _rejected_row(self, key: str) -> tuple[Upload, int] | None:
        """The newest rejected row with that key, where the dataset shows such rows among its records."""
        places = (
            (upload, row)
            for upload in reversed(self.uploads.values())
            for row in sorted(upload.file.rows, reverse=True)
            if upload.state == "published" and upload.file.outcomes.get(row) == "rejected"
            if self._rules.read(upload.file.rows[row])[0].get(str(self._rules.dataset.key)) == key
        )
        return next(places, None) if self._rules.dataset.rejected_as else None

    def _correct_row(self, event: RecordedEvent, upload: Upload | None, row: int, cells: Cells) -> Outcome:
        if upload is None or (upload.state == "published" and upload.file.outcomes.get(row) != "rejected"):
            return Outcome("not-found")
        if upload.state != "published":
            return Outcome("conflict")
        header = upload.received.header
        fields = {label: name for label, name in zip(header.columns, header.fields, strict=True) if name}
        return self._fix(event, upload, row, {fields.get(name, name): text for name, text in cells.items()})

    def _fix(self, event: RecordedEvent, upload: Upload, row: int, cells: Cells) -> Outcome:
        values, errors = self._rules.read({**upload.file.rows[row], **cells})
        if errors:
            return Outcome("rejected", detail=errors)
        key = self._rules.key(upload.number, row, values)
        live = self.live(key)
        if self._rules.dataset.members:
            member, own = values, live.values if live else values
            values = self._rules.own(own, [*self._rules.members(own)] if live else [])
            if refused := self._rules.join(values, member):
                return Outcome("rejected", detail=refused)
        upload.file.outcomes[row] = "fixed"
        upload.records += 0 if self._rules.dataset.members and live else 1
        self._end(event, key, "superseded", upload.number, event.actor)
        return self._begin(event, key, values, "fixed", upload.number, row, event.actor)

    def _begin(
        self,
        event: RecordedEvent,
        key: str,
        values: Values,
        change: str,
        upload: int | None = None,
        row: int | None = None,
        actor: str | None = None,
    ) -> Outcome:
        version = Version(event.position, event.recorded_at, values, change, upload, row, actor)
        self.chains.setdefault(key, []).append(version)
        return Outcome("applied", key if self._rules.dataset.key else None, event.position, values)

    def _end(self, event: RecordedEvent, key: str, kind: str, by: int | None, actor: str | None) -> int:
        """End the live version, if there is one; how many that were."""
        live = self.live(key)
        if live:
            live.end = End(event.position, event.recorded_at, kind, by, actor)
        return 1 if live else 0
