"""Finds out what has happened between two looks; read table -> *query*."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa

from query_api.event_ids import Since
from query_api.happenings import Happening, lag_happening, microseconds, rebuild_happening, upload_happening
from query_api.lag import Lag
from query_api.looks import Asked, Look

Seen = tuple[sa.RowMapping, frozenset[str], bool]
"""The row of an upload, who sent it as well, and whether it was read as a whole."""


class Memory:
    """What is known from the looks so far; of uploads and rebuilds those that are under way."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}
        self._lags: dict[str, tuple[int, Lag]] = {}
        self._lag_happenings: dict[str, Happening] = {}
        self._rows: dict[UUID, Seen] = {}
        self._uploads: dict[UUID, Happening] = {}
        self._rebuilds: dict[UUID, Happening] = {}
        self._newest_rebuild: datetime | None = None
        self._is_new = True

    def ask(self, followed: Collection[UUID]) -> Asked:
        """What the next look is to find."""
        if self._is_new:
            return Asked(followed=followed)
        known = [one for one, happening in self._rebuilds.items() if not happening.is_over]
        return Asked(self._positions, self._newest_rebuild, known, followed)

    def since(self) -> Since:
        """How far a listener has come who has read all this."""
        newest = self._newest_rebuild
        return Since(dict(self._positions), microseconds(newest) if newest else 0)

    def state(self) -> list[Happening]:
        """What is under way, and all lags."""
        rebuilds = [one for one in self._rebuilds.values() if not one.is_over]
        return [*self._uploads.values(), *rebuilds, *self._lag_happenings.values()]

    def notice(self, look: Look) -> list[Happening]:
        """What has happened since the last look, the facts of each dataset in their order; it is known from now on."""
        found = sorted(self._of_uploads(look), key=lambda one: (one.position is None, one.position))
        found += [*self._of_rebuilds(look), *self._of_lags(look)]
        self._is_new = False
        return found

    def _of_uploads(self, look: Look) -> Iterator[Happening]:
        rows, happenings = {}, {}
        for row in look.uploads:
            upload, dataset = row["id"], row["dataset"]
            if dataset not in look.lags:
                continue
            senders, is_whole = look.senders.get(upload, frozenset()), upload in look.rejected
            seen: Seen = (row, senders, is_whole)
            happening = self._uploads.get(upload)
            if self._rows.get(upload) != seen:
                after = self._positions.get(dataset, 0)
                reached = look.lags[dataset][1].position
                happening = upload_happening(row, after, reached, senders, look.rejected.get(upload))
                yield happening
            if happening is not None and not happening.is_over:
                rows[upload], happenings[upload] = (
                    seen,
                    msgspec.structs.replace(happening, name="progress", position=None),
                )
        self._rows, self._uploads = rows, happenings

    def _of_rebuilds(self, look: Look) -> Iterator[Happening]:
        found: dict[UUID, Happening] = {}
        for row in look.rebuilds:
            known = self._rebuilds.get(row["id"])
            found[row["id"]] = happening = known if known and known.is_over else rebuild_happening(row)
            if happening != known and not (self._is_new and happening.is_over):
                yield happening
        self._rebuilds = found
        self._newest_rebuild = look.newest_rebuild

    def _of_lags(self, look: Look) -> Iterator[Happening]:
        for dataset, (generation, lag) in look.lags.items():
            told = (generation, msgspec.structs.replace(lag, head_seen_at=None))
            self._positions[dataset] = max(lag.position, self._positions.get(dataset, 0))
            happening = lag_happening(dataset, generation, lag)
            if self._lags.get(dataset) != told:
                yield happening
            self._lags[dataset], self._lag_happenings[dataset] = told, happening
