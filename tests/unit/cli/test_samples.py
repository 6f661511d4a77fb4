"""The sample files are what they say they are: same bytes for same seed, right shapes, exact counts."""

from __future__ import annotations

import csv
import re
import resource
from collections import Counter
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from cli.samples import SAMPLES, SHAPES, write_accounts, write_debts, write_sales
from cli.samples.writing import BLOCK_ROWS
from shared.datasets.catalogue import load_catalogue
from tests.unit.datasets.files import read as parse_file

DATASETS = sorted(SAMPLES)
ROOT_LABELS = {
    "accounts": ["client reference no", "balance", "status", "consumer name", "consumer address", "ssn"],
    "debts": ["name", "governmentId", "email", "debtAmount", "debtDueDate", "debtId"],
}


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_every_dataset_of_the_catalogue_has_samples() -> None:
    assert set(load_catalogue()) == set(SAMPLES)


@pytest.mark.parametrize("dataset", DATASETS)
def test_one_seed_gives_the_same_bytes_and_another_seed_others(dataset: str, tmp_path: Path) -> None:
    bad = dict.fromkeys(SHAPES[dataset].kinds, 0.01)
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        SAMPLES[dataset](tmp_path / name, rows=2_000, seed=seed, bad=bad)
    first, again, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == again
    assert first != other


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_clean_file_has_as_many_rows_and_cells_as_asked_for(dataset: str, tmp_path: Path) -> None:
    planted = SAMPLES[dataset](tmp_path / "clean.csv", rows=1_500, seed=1)
    header, *rows = read(tmp_path / "clean.csv")
    assert header == list(SHAPES[dataset].labels)
    assert {len(row) for row in rows} == {len(header)}
    assert (planted.read, planted.accepted, len(rows)) == (1_500, 1_500, 1_500)
    assert planted.rejected == planted.duplicate == planted.blank == 0


@pytest.mark.parametrize("dataset", DATASETS)
def test_planted_dirt_adds_up_and_is_in_the_file(dataset: str, tmp_path: Path) -> None:
    shape = SHAPES[dataset]
    shares = {kind: 0.004 + 0.001 * place for place, kind in enumerate(shape.kinds)}
    planted = SAMPLES[dataset](tmp_path / "dirty.csv", rows=5_000, seed=2, bad=shares)
    rows = [line.split(",") for line in logical_lines(tmp_path / "dirty.csv")[1:]]
    assert planted.kinds == {kind: round(share * 5_000) for kind, share in shares.items()}
    assert planted.read == planted.accepted + planted.rejected + planted.duplicate + planted.blank == len(rows)
    assert planted.blank == sum(not any(row) for row in rows)
    for kind, (label, values) in shape.bad_cells.items():
        place = shape.labels.index(label)
        full = [row for row in rows if len(row) >= len(shape.labels) and any(row)]
        assert sum(row[place] in values for row in full) == planted.kinds[kind], kind


def logical_lines(path: Path) -> list[str]:
    """Records as text; the two lines of a quoted address are one, its comma no delimiter."""
    return re.sub(r'"[^"]*"', "quoted", path.read_text(encoding="utf-8")).removesuffix("\n").split("\n")


def test_duplicates_repeat_the_key_of_a_good_row(tmp_path: Path) -> None:
    planted = write_debts(tmp_path / "debts.csv", rows=3_000, seed=3, bad={"duplicate": 0.05, "bad-uuid": 0.05})
    keys = Counter(row[-1] for row in read(tmp_path / "debts.csv")[1:] if len(row[-1]) == 36 and row[-1][-1] != "g")
    assert keys.total() - len(keys) == planted.duplicate == 150
    assert planted.records == planted.accepted == len(keys) == 2_700


@pytest.mark.parametrize("dataset", DATASETS)
def test_bad_all_leaves_no_good_row(dataset: str, tmp_path: Path) -> None:
    planted = SAMPLES[dataset](tmp_path / "bad.csv", rows=1_003, seed=4, bad="all")
    assert (planted.rejected, planted.accepted, planted.records) == (1_003, 0, 0)
    assert max(planted.kinds.values()) - min(planted.kinds.values()) <= 1
    assert len(logical_lines(tmp_path / "bad.csv")) == 1_004


def test_rows_of_an_account_repeat_an_earlier_row_or_contradict_it(tmp_path: Path) -> None:
    shares = {"duplicate": 0.05, "conflict": 0.05}
    planted = write_accounts(tmp_path / "accounts.csv", rows=2_000, seed=9, bad=shares)
    first: dict[str, list[str]] = {}
    seen: set[tuple[str, ...]] = set()
    found = Counter[str]()
    for row in read(tmp_path / "accounts.csv")[1:]:
        agrees = first.setdefault(row[0], row)[1:3] == row[1:3]
        found["duplicate" if tuple(row) in seen else "good" if agrees else "conflict"] += 1
        seen.add(tuple(row))
    assert found == {"duplicate": 100, "conflict": 100, "good": planted.accepted}
    assert (planted.rejected, planted.duplicate, planted.records) == (100, 100, len(first))


def test_unknown_dirt_and_too_much_of_it_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bad-colour"):
        write_debts(tmp_path / "a.csv", rows=10, seed=1, bad={"bad-colour": 0.1})
    with pytest.raises(ValueError, match="lower them"):
        write_debts(tmp_path / "a.csv", rows=10, seed=1, bad={"bad-date": 0.6, "blank-row": 0.6})


def test_debts_have_the_six_columns_of_their_root_and_about_122_bytes_each(tmp_path: Path) -> None:
    write_debts(tmp_path / "debts.csv", rows=20_000, seed=5)
    header, *rows = read(tmp_path / "debts.csv")
    assert header == ROOT_LABELS["debts"]
    assert len({UUID(row[5]) for row in rows}) == 20_000
    assert {UUID(row[5]).version for row in rows[:500]} == {4}
    assert {len(row[1]) for row in rows} == {11}
    assert min(Decimal(row[3]) for row in rows) >= 1000
    assert 115 <= (tmp_path / "debts.csv").stat().st_size / 20_000 <= 130


def test_accounts_share_rows_agree_and_always_break_the_address(tmp_path: Path) -> None:
    planted = write_accounts(tmp_path / "accounts.csv", rows=1_000, seed=6)
    header, *rows = read(tmp_path / "accounts.csv")
    assert header == ROOT_LABELS["accounts"]
    assert all(row[4].count("\n") == 1 for row in rows)
    assert (tmp_path / "accounts.csv").read_text().count("\n") == 2_001
    per_account = Counter(row[0] for row in rows)
    assert planted.records == len(per_account) == 763
    assert 2 <= max(per_account.values()) <= 5
    assert len({(row[0], row[1], row[2]) for row in rows}) == 763
    assert all(re.fullmatch(r"9\d\d-\d\d-\d{4}", row[5]) for row in rows)


def test_sales_mix_their_dates_and_leave_spaces_behind_countries(tmp_path: Path) -> None:
    write_sales(tmp_path / "sales.csv", rows=10_000, seed=7)
    header, *rows = read(tmp_path / "sales.csv")
    sales = [dict(zip(header, row, strict=True)) for row in rows]
    assert len(header) == 14
    assert len({sale["Order ID"] for sale in sales}) == 10_000
    assert all(re.fullmatch(r"\d{9}", sale["Order ID"]) for sale in sales)
    assert any(sale["Order Date"].startswith("0") for sale in sales)
    assert any(re.match(r"[1-9]/", sale["Order Date"]) for sale in sales)
    assert 300 < sum(sale["Country"].endswith(" ") for sale in sales) < 550
    for sale in sales[:200]:
        assert Decimal(sale["Total Revenue"]) - Decimal(sale["Total Cost"]) == Decimal(sale["Total Profit"])
        assert Decimal(sale["Unit Price"]) * int(sale["Units Sold"]) == Decimal(sale["Total Revenue"])


def test_transactions_are_of_clients_in_the_sample_and_a_negative_purchase_is_one(tmp_path: Path) -> None:
    SAMPLES["clients"](tmp_path / "clients.csv", rows=1_000, seed=1)
    bad = {"negative-purchase": 0.1}
    planted = SAMPLES["transactions"](tmp_path / "transactions.csv", rows=1_000, seed=2, bad=bad)
    clients = {row[0] for row in read(tmp_path / "clients.csv")[1:]}
    transactions = read(tmp_path / "transactions.csv")[1:]
    assert {row[1] for row in transactions} <= clients
    negative = [row for row in transactions if row[2].lower() == "buy" and Decimal(row[4]) < 0]
    assert len(negative) == planted.rejected == 100
    assert min(row[3] for row in transactions) < "2010" < "2024" < max(row[3] for row in transactions)


@pytest.mark.parametrize("dataset", ["clients", "deals", "teams", "transactions"])
def test_validation_finds_in_a_sample_what_was_planted(dataset: str, tmp_path: Path) -> None:
    bad = dict.fromkeys(SHAPES[dataset].kinds, 0.01)
    planted = SAMPLES[dataset](tmp_path / "dirty.csv", rows=3_000, seed=5, bad=bad)
    parsed = parse_file(load_catalogue()[dataset], (tmp_path / "dirty.csv").read_bytes())
    assert (parsed.rejects.height, parsed.blank) == (planted.rejected, planted.blank)
    assert parsed.good.height == planted.accepted + planted.duplicate


def test_a_long_file_is_written_block_by_block_in_constant_memory(tmp_path: Path) -> None:
    write_debts(tmp_path / "short.csv", rows=BLOCK_ROWS, seed=8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    planted = write_debts(tmp_path / "long.csv", rows=8 * BLOCK_ROWS, seed=8, bad={"bad-date": 0.00001})
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert planted.kinds == {"bad-date": 4}
    assert grown_kib < 64 * 1024
