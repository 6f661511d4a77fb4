"""The plain model of a dataset whose files replace each other; log -> *model*."""

from __future__ import annotations

from dataclasses import replace

from shared.events import RecordedEvent
from tests.driven.rows import Cells
from tests.driven.versions import Outcome, Upload, Version
from tests.model import Model


class Replacing(Model):
    """Records of one file at a time, and what came of them."""

    def _publish(self, event: RecordedEvent, upload: Upload) -> None:
        everything = [key for key in self.chains if self.live(key)]
        replaced = everything if upload.state == "waiting" and upload.file.records else []
        for key in replaced:
            self._end(event, key, "superseded", upload.number, None)
        super()._publish(event, upload)
        upload.superseded = len(replaced) if upload.superseded is not None else None

    def _undo(self, event: RecordedEvent, number: int) -> tuple[int, int, dict[str, str]]:
        undone = [(key, live) for key in self.chains if (live := self.live(key)) and live.is_of(number)]
        restored, begun = 0, {live.position for _, live in undone}
        for key, _ in undone:
            self._end(event, key, "withdrawn", number, event.actor)
        while begun:
            found = [one for chain in self.chains.values() for one in chain if one.end and one.end.position in begun]
            begun = {one.position for one in found if self._is_withdrawn(one)}
            back = [one for one in found if not self._is_withdrawn(one)]
            restored += len(back)
            for one in back:
                again = replace(one, position=event.position, at=event.recorded_at, end=None)
                self.chains[f"{one.upload}:{one.row}"].append(again)
        return len(undone), restored, {}

    def _is_withdrawn(self, version: Version) -> bool:
        return any(version.is_of(one.number) for one in self.uploads.values() if one.state == "withdrawn")

    def _correct_row(self, event: RecordedEvent, upload: Upload | None, row: int, cells: Cells) -> Outcome:
        published = [one for one in self.uploads.values() if one.state == "published" and one.records]
        shown = max(published, key=lambda one: one.published or 0, default=None)
        if upload is not None and upload.state == "published" and upload is not shown:
            return Outcome("conflict")
        return super()._correct_row(event, upload, row, cells)
