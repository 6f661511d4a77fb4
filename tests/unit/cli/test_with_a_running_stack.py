"""The demonstration and the parts of the benchmark, on a Tablefold that runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cli import demo
from cli.bench.ingest import upload
from cli.bench.rivals import Rival
from cli.bench.scale import STAGES, stage_costs
from cli.samples import write_debts
from cli.stack import Stack
from shared.datasets.debts import dataset as debts
from shared.errors import TablefoldError, Unavailable


def test_the_demo_shows_every_dataset_and_recognises_its_files_again(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.run(stack, once=True)
    first = capsys.readouterr().out
    demo.run(stack, once=True)
    second = capsys.readouterr().out
    for dataset in demo.EXAMPLES:
        assert f"/{dataset}/uploads" in first
        assert f"of {dataset}: published after" in first
        assert f"of {dataset}: these bytes are already here; nothing was changed." in second
    assert "20,000  19,280    560       80         80     19,280" in first


def test_every_line_of_curl_in_the_demo_gives_the_answer_that_stands_below_it(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.run(stack, once=True)
    said = capsys.readouterr().out.splitlines()
    lines = [line[2:] for line in said if line.startswith("$ curl -s ")]
    (token,) = [line for line in said if line.startswith("TOKEN=")]
    assert len(lines) == sum(3 + len(one.queries) + bool(one.key) for one in demo.EXAMPLES.values())
    for line in lines:
        done = subprocess.run(
            ["/bin/sh", "-c", f"{token}; {line.replace('curl -s', 'curl -sf')}"], capture_output=True, check=False
        )
        assert done.stdout, line


def test_a_measured_upload_has_a_time_for_every_stage(stack: Stack, token: str, tmp_path: Path) -> None:
    path = tmp_path / "debts.csv"
    write_debts(path, rows=3_000, seed=71)
    stages = upload(stack.url, token, "debts", path, 3_000)
    assert {"total", "receive", "load", "index", "publish"} <= set(stages)
    assert 0 < stages["receive"] < stages["total"]


def test_a_measured_upload_that_counts_otherwise_is_an_error(stack: Stack, token: str, tmp_path: Path) -> None:
    path = tmp_path / "debts.csv"
    write_debts(path, rows=500, seed=72, bad="all")
    assert upload(stack.url, token, "debts", path, 500, rejected=500)["total"] > 0
    with pytest.raises(TablefoldError, match="instead of"):
        upload(stack.url, token, "debts", path, 500, rejected=499)


def test_every_stage_of_a_measured_file_has_its_processor_time(stack: Stack, token: str, tmp_path: Path) -> None:
    path = tmp_path / "debts.csv"
    write_debts(path, rows=20_000, seed=75)
    costs = stage_costs(stack, token, "debts", path, 20_000)
    assert [one.stage for one in costs] == list(STAGES)
    spent = {part: sum(one.cpu_s_per_million[part] for one in costs) for part in costs[0].cpu_s_per_million}
    assert min(spent["projectors"], spent["postgresql"], spent["command-api"]) > 0
    with pytest.raises(TablefoldError, match="instead of 3"):
        stage_costs(stack, token, "debts", path, 3)


def test_a_rival_loads_the_same_file_both_ways_and_leaves_nothing_behind(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "debts.csv"
    write_debts(path, rows=2_000, seed=73)
    rival = Rival(stack.postgres, debts, "rival_of_a_test")
    indexed, bare = rival.copy_indexed(path), rival.copy_bare(path)
    assert indexed["index"] == 0 < indexed["copy"] <= indexed["total"]
    assert bare["copy"] + bare["index"] <= bare["total"]
    stack.postgres.create_database("rival_of_a_test")
    stack.postgres.drop_database("rival_of_a_test")


def test_a_rival_refuses_what_postgresql_refuses(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "debts.csv"
    write_debts(path, rows=100, seed=74, bad={"bad-date": 0.01})
    with pytest.raises(Unavailable, match=r"invalid input syntax for type date|date/time field value out of range"):
        Rival(stack.postgres, debts, "rival_of_a_test").copy_bare(path)
