"""What the measurements of one run come to, held against our goals; beside the flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import msgspec

from cli.bench.resources import Usage

TABLEFOLD, INDEXED, BARE, BAD = "tablefold", "copy-indexed", "copy-bare", "tablefold-all-bad"

WAYS: dict[str, str] = {
    TABLEFOLD: "(a) Tablefold: POST through the gateway until a query sees a record",
    INDEXED: "(b) psql \\copy into the empty table with its four indexes",
    BARE: "(c) psql \\copy into the bare table, then four CREATE INDEX by hand",
    BAD: "(d) Tablefold: a file of as many rows of which every one is bad",
}


class Run(msgspec.Struct, frozen=True, tag="run"):
    """One way, once; `cpu_s` is the processor time of all servers and services, `stages` the seconds of its parts."""

    way: str
    repeat: int
    seconds: float
    cpu_s: float
    stages: dict[str, float]


class Summary(msgspec.Struct, frozen=True, tag="summary"):
    """One way, all its runs; seconds."""

    way: str
    median_s: float
    least_s: float
    most_s: float
    cpu_s: float
    rows_per_s: int
    stages: dict[str, float]


class ProcessUse(msgspec.Struct, frozen=True, tag="process"):
    """What processes of one name took at most in a run of `tablefold`: the largest one's memory, all their time."""

    process: str
    resident_mb: float
    private_mb: float
    cpu_s: float


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
    cpu_s = median(run.cpu_s for run in runs)
    middle = median(seconds)
    return Summary(runs[0].way, middle, min(seconds), max(seconds), cpu_s, round(rows / middle), stages)


def largest(runs: Sequence[Mapping[str, Usage]]) -> list[ProcessUse]:
    """The most of several runs by name of process, the largest first; MB are 1024 * 1024 bytes."""
    found = []
    for name in {name for each in runs for name in each}:
        own = [each[name] for each in runs if name in each]
        resident, private = max(one.resident_bytes for one in own), max(one.private_bytes for one in own)
        found.append(ProcessUse(name, resident / 2**20, private / 2**20, max(one.cpu_s for one in own)))
    return sorted(found, key=lambda use: (-use.resident_mb, use.process))


def verdicts(summaries: Sequence[Summary], processes: Sequence[ProcessUse]) -> list[Verdict]:
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
        *(_verdict(f"resident MB of {use.process}, the largest", use.resident_mb, 300) for use in processes[:1]),
    ]


def _verdict(name: str, measured: float, goal: float) -> Verdict:
    return Verdict(name, round(measured, 3), goal, measured <= goal)
