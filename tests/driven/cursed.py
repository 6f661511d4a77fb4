"""Events that no fold takes until somebody mends it; *test* -> projection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import msgspec
import pytest
from hypothesis import strategies as st

from projector import parking
from projector.folding import FOLDS, Apply
from projector.folds import Fold
from shared.datasets.declaration import Dataset
from shared.events import ParkedDiscarded, ParkedRetried, RecordedEvent, UploadPublished
from tests.driven.driver import Driver
from tests.driven.happenings import Command, Settle, Step, steps
from tests.driven.play import Play

CURSE = UUID("00000000-0000-4000-8000-00000000dead")
"""The correlation of events that cannot be applied."""


class CannotBeApplied(Exception):
    """What a fold raises at an event that it was not made for."""


class Cursed:
    """Which events cannot be applied: those with the correlation CURSE, and publications of `uploads`."""

    def __init__(self) -> None:
        self.uploads: set[UUID] = set()
        self.mended: set[str] = set()

    def strikes(self, event: RecordedEvent) -> bool:
        """Whether an event cannot be applied now."""
        published = isinstance(event.data, UploadPublished) and event.data.upload_id in self.uploads
        return (event.correlation_id == CURSE or published) and event.dataset not in self.mended


@contextmanager
def cursed_folds() -> Iterator[Cursed]:
    """Folds that take no cursed event, and lanes that stop at no number of them."""
    cursed = Cursed()
    known: dict[Apply, Apply] = {}

    def striking(apply: Apply) -> Apply:
        async def apply_unless_cursed(to: Fold, events: Sequence[RecordedEvent]) -> None:
            await apply(to, events)
            if any(cursed.strikes(event) for event in events):
                raise CannotBeApplied("123-45-6789")

        return known.setdefault(apply, apply_unless_cursed)

    with pytest.MonkeyPatch.context() as patch:
        for fact, apply in FOLDS.items():
            patch.setitem(FOLDS, fact, striking(apply))
        patch.setattr(parking, "BURST", 1000)
        yield cursed


class Curse(msgspec.Struct, frozen=True):
    """A command of which nothing can be made until it is mended."""

    command: Command


class Mend(msgspec.Struct, frozen=True):
    """From now on every event can be applied."""


class Retry(msgspec.Struct, frozen=True):
    """A person wants to have an event applied that waits; counted round and round, one of them never was there."""

    which: int


class Discard(msgspec.Struct, frozen=True):
    """A person does not want to have an event applied any more, counted like those of `Retry`."""

    which: int


CursedStep = Step | Curse | Mend | Retry | Discard


def cursed_steps(dataset: Dataset) -> st.SearchStrategy[list[CursedStep]]:
    """What may happen to a dataset when some of it cannot be applied, perhaps mended in the end."""
    decisions = [st.builds(Retry, st.integers(0, 9)), st.builds(Discard, st.integers(0, 9))]

    def some_cursed(happens: list[Step]) -> st.SearchStrategy[list[CursedStep]]:
        each = [_perhaps_cursed(step) for step in happens]
        return st.tuples(*each, *decisions, st.just(Settle(5)), st.just(Mend()), *decisions, *decisions).map(list)

    work: st.SearchStrategy[list[CursedStep]] = steps(dataset).flatmap(some_cursed)
    between = st.lists(st.tuples(st.integers(0, 40), st.one_of(*decisions, *decisions)), max_size=8)
    return st.builds(_inserted, work, between)


def _perhaps_cursed(step: Step) -> st.SearchStrategy[CursedStep]:
    if not isinstance(step, Command):
        return st.just(step)
    return st.sampled_from((step, step, step, Curse(step)))


def _inserted(happens: list[CursedStep], more: list[tuple[int, CursedStep]]) -> list[CursedStep]:
    found = [*happens]
    for at, step in more:
        found.insert(min(at, len(found)), step)
    return found


class CursedPlay(Play):
    """A driven dataset with its model, some of whose events cannot be applied."""

    def __init__(self, driver: Driver, cursed: Cursed) -> None:
        super().__init__(driver)
        self.cursed = cursed

    async def all(self, happens: Iterable[CursedStep]) -> None:
        """Let all this happen; compare whenever all is quiet."""
        for step in happens:
            await self.cursed_step(step)
        await self.settle(100)

    async def cursed_step(self, step: CursedStep) -> None:
        """Let one thing happen."""
        match step:
            case Curse(command=command):
                self.driver.correlation_id = CURSE
                await self.step(command)
                self.driver.correlation_id = None
            case Mend():
                self.cursed.mended.add(self.driver.dataset.name)
            case Retry(which=which):
                await self.driver.append(ParkedRetried(parked_position=self.one(which)), actor="pat")
            case Discard(which=which):
                said = ParkedDiscarded(parked_position=self.one(which), reason="It is not wanted.")
                await self.driver.append(said, actor="pat")
            case _:
                await self.step(step)

    def one(self, which: int) -> int:
        """The position of an event that waits or has waited, or one that never did."""
        rows = self.model.waiting.rows
        known = [at for at, row in rows.items() if row.ended is None] or [*rows] or [1_000_000]
        return known[which % len(known)] if which < 9 else 1_000_000

    async def compare(self) -> None:
        """Hold what waits to the model as well; nothing waits that could have been applied."""
        await super().compare()
        rows = self.model.waiting.rows
        assert await self.driver.read.parked() == [
            (at, row.keys, row.state, row.reason, row.behind, row.ended, row.ended_by, row.ended_reason)
            for at, row in sorted(rows.items())
        ]
        for event in await self.driver.place.store.read(self.driver.dataset.name, 0, 10_000):
            is_parked = event.position in self.model.waiting.facts
            if is_parked and isinstance(event.data, ParkedRetried):
                event = rows[event.data.parked_position].event  # What could not be applied again.
            published = isinstance(event.data, UploadPublished) and event.data.upload_id in self.cursed.uploads
            assert not is_parked or event.correlation_id == CURSE or published
