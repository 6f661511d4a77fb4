"""What the demonstration checks, and that everything it asks for exists."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import msgspec
import pytest

from cli.demo import EXAMPLES, check, dirt
from cli.samples import SAMPLES, Planted
from cli.samples.sending import Report, RowCounts
from shared.datasets.catalogue import load_catalogue
from shared.errors import TablefoldError

PAGING = {"sort", "limit", "count"}
PLANTED = Planted(read=10, accepted=6, rejected=2, duplicate=1, blank=1, records=6, kinds={})
REPORT = Report(
    id="1", dataset="debts", number=1, state="published", rows=RowCounts(10, 6, 2, 1, 1), records=6, failure=None
)


def test_a_report_that_says_what_was_planted_passes() -> None:
    check(REPORT, PLANTED)


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (msgspec.structs.replace(REPORT, state="failed", failure="no disk"), "failed: no disk"),
        (msgspec.structs.replace(REPORT, rows=RowCounts(10, 6, 2, 1, 0)), "does not add up"),
        (msgspec.structs.replace(REPORT, rows=RowCounts(10, 7, 1, 1, 1)), "but the sample holds"),
        (msgspec.structs.replace(REPORT, records=7), "but the sample holds"),
    ],
)
def test_a_report_that_says_anything_else_is_an_error(report: Report, says: str) -> None:
    with pytest.raises(TablefoldError, match=says):
        check(report, PLANTED)


def test_every_dataset_is_shown_and_every_query_uses_declared_parameters() -> None:
    catalogue = load_catalogue()
    assert set(EXAMPLES) == set(catalogue)
    for name, example in EXAMPLES.items():
        fields = catalogue[name].file_fields
        known = (
            {field.parameter for field in fields} | {field.low for field in fields} | {field.high for field in fields}
        )
        for query in example.queries:
            assert {parameter for parameter, _ in parse_qsl(query)} <= known | PAGING, query
        assert catalogue[name].key == example.key


@pytest.mark.parametrize("dataset", EXAMPLES)
def test_every_sample_is_dirty_in_every_way(dataset: str, tmp_path: Path) -> None:
    rows = EXAMPLES[dataset].rows
    planted = SAMPLES[dataset](tmp_path / "sample.csv", rows=rows, seed=1, bad=dirt(dataset))
    assert min(planted.kinds.values()) > 0
    assert planted.accepted > 0.9 * rows
