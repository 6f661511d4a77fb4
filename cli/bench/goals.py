"""What the measurements of one run come to, held against our goals; beside the flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import msgspec

from cli.bench.memory import Peak

TABLEFOLD, INDEXED, BARE, BAD = "tablefold", "copy-indexed", "copy-bare", "tablefold-all-bad"

WAYS: dict[str, str] = {
    TABLEFOLD: "(a) Tablefold: POST through the gateway until a query sees a record",
    INDEXED: "(b) psql \\copy into the empty table with its four indexes",
    BARE: "(c) psql \\copy into the bare table, then four CREATE INDEX by hand",
    BAD: "(d) Tablefold: a file of as many rows of which every one is bad",
}


class Run(msgspec.Struct, frozen=True, tag="run"):
    """One way, once; `stages` are seconds of its parts as far as they are told."""

    way: str
    repeat: int
    seconds: float
    stages: dict[str, float]


class Summary(msgspec.Struct, frozen=True, tag="summary"):
    """One way, all its runs; seconds."""

    way: str
    median_s: float
    least_s: float
    most_s: float
    rows_per_s: int
    stages: dict[str, float]


class MemoryPeak(msgspec.Struct, frozen=True, tag="memory"):
    """The largest process of one name during the runs of `tablefold`."""

    process: str
    resident_mb: float
    private_mb: float


class Verdict(msgspec.Struct, frozen=True, tag="verdict"):
    """One goal: what was measured may be at most `goal`."""

    name: str
    measured: float
    goal: float
    reached: bool


def summarize(runs: Sequence[Run], rows: int) -> list[Summary]:
    """One summary for each way that ran, in the order of WAYS."""
    ways = [[run for run in runs if run.way == way] for way in WAYS]
    return [_summary(own, rows) for own in ways if own]


def _summary(runs: Sequence[Run], rows: int) -> Summary:
    seconds = [run.seconds for run in runs]
    stages = {name: median(run.stages[name] for run in runs if name in run.stages) for name in runs[0].stages}
    middle = median(seconds)
    return Summary(runs[0].way, middle, min(seconds), max(seconds), round(rows / middle), stages)


def largest(peaks: Sequence[Mapping[str, Peak]]) -> list[MemoryPeak]:
    """The largest of several runs by name of process, the largest first; MB are 1024 * 1024 bytes."""
    names = {name for each in peaks for name in each}
    found = [
        MemoryPeak(
            name,
            max(each[name].resident_bytes for each in peaks if name in each) / 2**20,
            max(each[name].private_bytes for each in peaks if name in each) / 2**20,
        )
        for name in names
    ]
    return sorted(found, key=lambda peak: (-peak.resident_mb, peak.process))


def verdicts(summaries: Sequence[Summary], memory: Sequence[MemoryPeak]) -> list[Verdict]:
    """Every goal whose measurements are there."""
    seconds = {summary.way: summary.median_s for summary in summaries}
    ratios = [
        ("time of Tablefold / \\copy into the indexed table", TABLEFOLD, INDEXED, 0.30),
        ("time of Tablefold / \\copy into the bare table, then CREATE INDEX", TABLEFOLD, BARE, 1.1),
        ("time of the file that is all bad / the clean one", BAD, TABLEFOLD, 1.5),
    ]
    found = [
        _verdict(name, seconds[one] / seconds[other], goal)
        for name, one, other, goal in ratios
        if one in seconds and other in seconds
    ]
    return [
        *found,
        *(_verdict(f"resident MB of {peak.process}, the largest", peak.resident_mb, 300) for peak in memory[:1]),
    ]


def _verdict(name: str, measured: float, goal: float) -> Verdict:
    return Verdict(name, round(measured, 3), goal, measured <= goal)
