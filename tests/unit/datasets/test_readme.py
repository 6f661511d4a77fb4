"""The README of the datasets says what is: every dataset that ships with its labels, every marker."""

from __future__ import annotations

import re
from typing import get_args

from cli.servers.folder import ROOT
from shared.datasets.catalogue import shipped
from shared.datasets.fields import Marker

README = (ROOT / "shared" / "datasets" / "README.md").read_text()


def first_cells(title: str) -> list[str]:
    """The first cell of each row of the table below a title."""
    section = README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (`[^|]*`) \|", section, flags=re.MULTILINE)


def test_every_dataset_that_ships_has_its_row() -> None:
    assert [name.strip("`") for name in first_cells("What ships")] == sorted(shipped())


def test_every_marker_has_its_row() -> None:
    named = {name for cell in first_cells("Types and markers") for name in re.findall(r"`([A-Z][A-Za-z]+)", cell)}
    assert named == {marker.__name__ for marker in get_args(Marker)}
