"""Medians, ratios and verdicts of the benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.bench.goals import BAD, BARE, INDEXED, TABLEFOLD, WAYS, Run, largest, summarize, verdicts
from cli.bench.ingest import _name, _turns, declare_debts
from cli.bench.resources import Usage
from shared.datasets.catalogue import load_catalogue

MB = 2**20


def runs(way: str, *seconds: float) -> list[Run]:
    return [Run(way, repeat, each, 2 * each, {"receive": each / 10}) for repeat, each in enumerate(seconds)]


ALL = [*runs(TABLEFOLD, 4.0, 3.0, 8.0), *runs(INDEXED, 20.0, 10.0, 16.0), *runs(BARE, 4.0), *runs(BAD, 8.0, 8.0)]


def test_a_summary_is_the_median_between_the_extremes() -> None:
    first, *others = summarize(ALL, rows=1_000)
    assert (first.median_s, first.least_s, first.most_s, first.cpu_s, first.rows_per_s) == (4.0, 3.0, 8.0, 8.0, 250)
    assert first.stages == {"receive": 0.4}
    assert [summary.way for summary in (first, *others)] == list(WAYS)


def test_ways_that_did_not_run_have_no_summary_and_no_verdict() -> None:
    assert [summary.way for summary in summarize(runs(BARE, 1.0), 10)] == [BARE]
    assert verdicts(summarize(runs(BARE, 1.0), 10), []) == []


def test_every_goal_says_what_was_measured_and_whether_it_was_reached() -> None:
    memory = largest([{"projector-1": Usage(301 * MB, 200 * MB, 1.0)}])
    found = verdicts(summarize(ALL, 1_000), memory)
    assert [(each.measured, each.goal, each.reached) for each in found] == [
        (0.25, 0.30, True),
        (1.0, 1.1, True),
        (2.0, 1.5, False),
        (301.0, 300, False),
    ]


def test_usage_is_the_largest_of_all_runs_by_name() -> None:
    first = {"gateway": Usage(10 * MB, 4 * MB, 1.0), "projector-1": Usage(90 * MB, 80 * MB, 1.0)}
    second = {"gateway": Usage(12 * MB, 3 * MB, 1.0)}
    found = [(use.process, use.resident_mb, use.private_mb, use.cpu_s) for use in largest([first, second])]
    assert found == [("projector-1", 90, 80, 1.0), ("gateway", 12, 4, 1.0)]


def test_every_repeat_runs_every_way_in_another_order() -> None:
    turns = list(_turns(["a", "b", "c"], 3))
    assert [way for way, repeat in turns if repeat == 0] == ["a", "b", "c"]
    assert [way for way, repeat in turns if repeat == 1] == ["b", "c", "a"]
    assert [way for way, repeat in turns if repeat == 2] == ["c", "a", "b"]


def test_every_upload_of_a_benchmark_has_a_dataset_of_its_own(tmp_path: Path) -> None:
    names = [_name(kind, repeat) for kind in ("clean", "bad") for repeat in range(2)]
    catalogue = load_catalogue(str(declare_debts(tmp_path / "datasets", names)))
    for name in names:
        assert catalogue[name].fields == catalogue["debts"].fields
        assert catalogue[name].key == "debt_id"


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_said_in_words(way: str) -> None:
    assert len(WAYS[way]) > len(way)
