"""What stages and projectors cost, worked out of looks at processes."""

from __future__ import annotations

import pytest

from cli.bench.resources import Usage
from cli.bench.scale import Measured, StageCost, by_part, differences, over
from cli.samples.sending import Progress, Report


def report(state: str, chunks_done: int) -> Report:
    return Report("1", "debts", 1, state, Progress(chunks=3, chunks_done=chunks_done))


@pytest.mark.parametrize(
    ("state", "chunks_done", "wanted"),
    [
        ("loading", 2, []),
        ("loading", 3, ["load"]),
        ("loaded", 3, ["load", "index"]),
        ("published", 3, ["load", "index", "publish"]),
        ("failed", 1, []),
    ],
)
def test_a_report_says_which_stages_are_over(state: str, chunks_done: int, wanted: list[str]) -> None:
    assert over(report(state, chunks_done)) == wanted


def test_processes_are_added_up_by_part_of_the_installation() -> None:
    usage = {
        "projector-1": Usage(cpu_s=1.0),
        "projector-2": Usage(cpu_s=0.5),
        "postgres session": Usage(cpu_s=2.0),
        "postgres checkpointer": Usage(cpu_s=0.25),
        "rabbitmq: beam.smp": Usage(cpu_s=0.125),
    }
    spent = by_part(usage)
    assert (spent["projectors"], spent["postgresql"], spent["rabbitmq"], spent["gateway"]) == (1.5, 2.25, 0.125, 0.0)


def test_a_stage_costs_what_was_taken_since_the_one_before_for_each_million_rows() -> None:
    seen = [("receive", 11.0, {"postgresql": 1.0}), ("load", 13.5, {"postgresql": 4.0})]
    assert differences((10.0, {"postgresql": 0.5}), seen, 500_000) == [
        StageCost("receive", 1.0, {"postgresql": 1.0}),
        StageCost("load", 2.5, {"postgresql": 6.0}),
    ]


def test_the_ratio_is_that_of_all_stages_together() -> None:
    stages = [
        StageCost("load", 1.0, {"projectors": 1.0, "postgresql": 1.0}),
        StageCost("index", 1.0, {"postgresql": 3.0}),
    ]
    assert Measured(stages, [], []).projectors_per_postgresql_core == 0.25
