"""`tablefold infer`: drafts that load, say what was seen, and accept the very file that they are made from."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.app import commands
from cli.infer.command import imported, infer_source
from cli.infer.naming import field_names
from cli.samples import SAMPLES
from cli.servers.folder import ROOT
from projector.parsing import Parsed
from shared.datasets.catalogue import load_catalogue
from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field, Kind
from shared.errors import BadFile, BadSettings
from tests.unit.datasets.files import SEEDS, read

CORPORA = ROOT.parent / "shared" / "corpora"
OF_ROWS = {"missing-cell", "extra-cell", "unclosed-quote", "nul-character", "encoding-error", "field-too-long"}
"""What is wrong with a row whatever is declared."""


def found(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in CORPORA.glob(pattern))


def draft(content: bytes | str, name: str = "things.csv") -> tuple[Dataset, str]:
    """The dataset that a draft declares, and its source."""
    source = infer_source(content if isinstance(content, bytes) else content.encode(), name)
    return imported(source), source


def draft_or_reason(content: bytes, name: str) -> Dataset | str:
    """The drafted dataset, or the code of the refusal."""
    try:
        return draft(content, name)[0]
    except BadFile as refused:
        return refused.code


def column(*cells: str, label: str = "thing") -> Field:
    """How a column is declared; another one keeps blank cells from being blank rows."""
    dataset, _ = draft(f"{label},filler\n" + "".join(f'"{cell}",x\n' for cell in cells))
    return dataset.fields[0]


def assert_accepted(parsed: Parsed) -> None:
    """Nothing but rows that no declaration could save is refused."""
    assert set(parsed.errors["code"]) <= OF_ROWS, parsed.errors.rows()[:3]


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*.csv")), ids=lambda path: path.name)
def test_a_draft_of_a_real_file_loads_from_a_folder_and_accepts_all_of_it(path: Path, tmp_path: Path) -> None:
    (tmp_path / "drafted.py").write_text(infer_source(path.read_bytes(), path.name, "drafted"), encoding="utf-8")
    dataset = load_catalogue(str(tmp_path))["drafted"]

    parsed = read(dataset, path.read_bytes())
    assert parsed.good.height > 90
    assert (parsed.rejects.height, parsed.blank) == (0, 0)


@pytest.mark.parametrize(
    "path",
    found("csv-spectrum/csvs/*.csv", "csvkit/examples/**/*.csv", "frictionless-data/data/**/*.csv", "hostile-*/*.csv"),
    ids=lambda path: path.name,
)
def test_a_draft_of_any_file_accepts_it_or_says_why_there_is_none(path: Path) -> None:
    content = path.read_bytes()
    dataset = draft_or_reason(content, path.name)
    if isinstance(dataset, Dataset):
        assert_accepted(read(dataset, content))
    else:
        assert dataset in {"duplicate-label", "missing-label", "empty-file", "format-error", "encoding-error"}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_draft_of_a_clean_sample_finds_the_key_and_the_kinds(name: str, tmp_path: Path) -> None:
    SAMPLES[name](tmp_path / "sample.csv", rows=1_000, seed=3)
    content = (tmp_path / "sample.csv").read_bytes()
    dataset, _ = draft(content, "sample.csv")
    shipped = load_catalogue()[name]

    assert dataset.key == (None if name == "accounts" else shipped.key)
    assert read(dataset, content).good.height == 1_000
    for field in shipped.fields:
        kind = {one.name: one.kind for one in dataset.fields}.get(field.name)
        if field.kind in (Kind.UUID, Kind.DATE, Kind.TIMESTAMP) and kind:
            assert kind is field.kind, field.name


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (("1", "-20", "0"), Kind.INTEGER),
        (("007", "12"), Kind.TEXT),
        (("1", "2.50"), Kind.DECIMAL),
        (("1e5", "2"), Kind.TEXT),
        (("9" * 19, "2"), Kind.TEXT),
        (("6f1a3c52-0d5c-4c0e-9a55-0b9a3c1f7a10",), Kind.UUID),
        (("2024-02-29", "2024-03-01"), Kind.DATE),
        (("2024-02-30", "2024-03-01"), Kind.TEXT),
        (("31.12.2024", "1.2.2024"), Kind.DATE),
        (("2024-02-29 10:00:00", "2024-03-01 10:00:00.5"), Kind.TIMESTAMP),
        (("2024-02-29", "2024-03-01 10:00:00"), Kind.TIMESTAMP),
        (("yes", "No") * 10, Kind.CHOICE),
        (("yes", "No"), Kind.TEXT),
        (("", ""), Kind.TEXT),
    ],
)
def test_a_kind_is_what_all_cells_are(cells: tuple[str, ...], kind: Kind) -> None:
    assert column(*cells).kind is kind


def test_a_column_is_required_if_no_cell_is_empty() -> None:
    assert column("1", "2").required
    assert not column("1", " ").required


def test_scale_choices_formats_and_patterns_are_those_that_were_seen() -> None:
    assert column("1.125", "2").scale == 3
    assert column(*["Red"] * 15, *["red", "BLUE"] * 5).choices == ("BLUE", "Red")
    assert column("12/31/2024", "1/2/2024").formats == ("%m/%d/%Y",)
    assert column("ann@example.com", "b@example.org").pattern is not None


def test_a_guess_between_two_formats_is_said_to_be_one() -> None:
    _, source = draft("day\n01/02/2024\n03/04/2024\n")
    assert "guess: %m/%d/%Y and %d/%m/%Y fit alike" in source


def test_personal_data_is_marked_and_never_copied_into_the_draft() -> None:
    rows = "".join(f"{place % 2 + 100}-45-6789,secret{place % 2},4111 1111\n" for place in range(40))
    dataset, source = draft(f"person,password,card number\n{rows}")
    assert [field.sensitive for field in dataset.fields] == [True, True, True]
    assert "6789" not in source
    assert "secret1" not in source


def test_digits_that_are_no_numbers_stay_texts() -> None:
    assert column("5551234567", "5557654321", label="Phone Number").kind is Kind.TEXT


def test_what_most_cells_are_is_said_where_a_few_spoil_it() -> None:
    _, source = draft("id,day\n" + "".join(f"{place},2024-01-{place:02}\n" for place in range(1, 31)) + "31,soon\n")
    assert "guess: 30 of 31 are dates written %Y-%m-%d" in source


def test_names_are_ascii_free_and_mean_one_column_each() -> None:
    labels = ["Order ID", "order-date ", "row", "класс", "class", "2nd", "column_4", "a" * 90, "Café", "min_x", "x", ""]
    names = field_names(labels[:-1])
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z][a-z0-9_]{0,39}", name) for name in names)
    assert names[:3] == ["order_id", "order_date", "row_2"]
    assert names[8] == "cafe"


def test_a_range_whose_parameter_is_taken_is_left_out() -> None:
    dataset, _ = draft("x,min_x\n1,2\n3,4\n")
    assert [(field.low, field.high) for field in dataset.fields] == [("", ""), ("min_min_x", "max_min_x")]


def test_a_file_in_a_code_page_says_which_and_is_read_again() -> None:
    content = "имя,город\nАнна,Москва\nИван,Казань\nОльга,Самара\n".encode("cp1251")
    dataset, source = draft(content)
    assert dataset.encodings == ("cp1251",)
    assert "The encoding is a guess" in source
    assert read(dataset, content).good.rows()[0][:2] == ("Анна", "Москва")


@pytest.mark.parametrize(
    "label", ['"""', "'; import os #", "\\", "{0}", "a\nb", "a\u2028import os", 'x" + str(1) + "', "%s", "\x00\x07b"]
)
def test_nothing_in_a_file_becomes_code(label: str) -> None:
    quoted = label.replace('"', '""')
    choices = "".join(f'"{quoted}{place % 2}",z{place}\n' for place in range(40))
    dataset, source = draft(f'"{quoted} b",other\n{choices}', f"{label}.csv")
    compile(source, "draft", "exec")
    assert {field.labels for field in dataset.fields} - {()} <= {(f"{label} b",), (f"{label.strip()} b",)}
    assert sum(line.startswith(("import ", "exec")) for line in source.splitlines()) == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("a,A\n1,2\n", "duplicate-label"),
        ("a b,a_b\n1,2\n", "duplicate-label"),
        ("", "empty-file"),
        ("-,_\n1,2\n", "missing-label"),
        ("PK\x03\x04", "format-error"),
    ],
)
def test_a_file_that_no_dataset_could_take_is_refused(content: str, code: str) -> None:
    with pytest.raises(BadFile) as refused:
        draft(content)
    assert refused.value.code == code


def test_a_name_that_is_taken_is_refused_and_a_file_of_that_name_gets_another() -> None:
    with pytest.raises(BadSettings, match="taken or reserved"):
        infer_source(b"a\n1\n", "x.csv", "debts")
    assert draft("a\n1\n", "debts.csv")[0].name == "debts_2"


def test_the_command_writes_a_new_file_only(tmp_path: Path) -> None:
    (tmp_path / "things.csv").write_text("id,size\n1,2\n2,3\n")
    output = tmp_path / "things.py"
    arguments = ["infer", str(tmp_path / "things.csv"), "--output", str(output)]
    assert CliRunner().invoke(commands, arguments).exit_code == 0
    assert load_catalogue(str(tmp_path))["things"].key == "id"
    again = CliRunner().invoke(commands, arguments)
    assert isinstance(again.exception, BadSettings)


def test_a_draft_passes_the_linter(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "Order ID,day,kind\n" + "".join(f"{n},2024-01-01,{'ab'[n % 2]}\n" for n in range(40))
    )
    source = infer_source((tmp_path / "a.csv").read_bytes(), "a.csv")
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--ignore", "ERA", "-"],
        input=source.encode(),
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout.decode()
