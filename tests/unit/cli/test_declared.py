"""`tablefold datasets`: lists the declarations, and says what is wrong with a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.app import commands
from cli.inspecting import inspect
from cli.servers.folder import ROOT
from shared.datasets.catalogue import load_catalogue
from shared.errors import BadSettings

DECLARATION = '''"""A declaration."""
from __future__ import annotations
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Format, Ge, MaxLength, Parameter, Pattern, Range, Refers

class Thing(Record, frozen=True, kw_only=True):
    """One thing."""

    number: int
    {field}

dataset = declare({name!r}, Thing, title="Things", key={key!r})
'''


def declared(folder: Path, field: str = "size: int", name: str = "things", key: str = "number") -> Path:
    (folder / "things.py").write_text(DECLARATION.format(field=field, name=name, key=key))
    return folder


def test_all_that_ship_and_those_of_a_folder_are_good() -> None:
    found = inspect(str(ROOT / "tests" / "declared"))
    assert {one.dataset.name for one in found if one.dataset} == {*load_catalogue(), "books", "trades"}
    assert [one for one in found if one.fault] == []


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("size: float", "cannot be of type <class 'float'>"),
        ("size: int 3", "SyntaxError"),
        ("size: Unknown", "NameError"),
        ("source: str", "which every record has"),
        ("position: int", "which every record has"),
        ("limit: int", "limit"),
        ("size: Annotated[int, Parameter('number')]", "two parameters 'number'"),
        ('size: Annotated[str, Pattern("(?=x)", "x")]', "look-around"),
        ("size: Annotated[int, Ge(1)] = 0", "default '0' of 'size' breaks the rules"),
        ('size: Literal["a", "b"] = "c"', "default 'c' of 'size' breaks the rules"),
        ('size: Annotated[int, Refers("nothing")]', "refers to 'nothing'"),
        ('size: Annotated[int, Refers("teams")]', "refers to 'teams', which is no dataset with a key"),
    ],
)
def test_a_broken_declaration_is_reported_with_what_is_wrong(field: str, says: str, tmp_path: Path) -> None:
    answer = CliRunner().invoke(commands, ["datasets", "--folder", str(declared(tmp_path, field))])
    assert answer.exit_code == 1
    assert says in answer.output
    assert "things.py" in answer.output
    assert answer.output.count(" good") == len(load_catalogue())


@pytest.mark.parametrize(
    ("name", "key", "says"),
    [
        ("debts", "number", "'debts' is taken"),
        ("uploads", "number", "'uploads' is taken or reserved"),
        ("two words", "number", "choose another identifier"),
        ("things", "nothing", "the key 'nothing', which is none of its fields"),
    ],
)
def test_a_name_or_key_that_cannot_be_is_reported(name: str, key: str, says: str, tmp_path: Path) -> None:
    (fault,) = [one.fault for one in inspect(str(declared(tmp_path, name=name, key=key))) if one.fault]
    assert says in fault
    with pytest.raises(BadSettings, match=says):
        load_catalogue(str(tmp_path))


def test_a_file_that_declares_nothing_and_a_folder_that_is_none_are_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("")
    (fault,) = [one.fault for one in inspect(str(tmp_path)) if one.fault]
    assert "declares no `dataset`" in fault
    with pytest.raises(BadSettings, match="is no folder"):
        inspect(str(tmp_path / "nowhere"))


def test_the_command_lists_and_ends_well(tmp_path: Path) -> None:
    answer = CliRunner().invoke(commands, ["datasets"], env={"TABLEFOLD_DATASETS_FOLDER": str(declared(tmp_path))})
    assert answer.exit_code == 0
    assert "transaction_id" in answer.output
    assert "(upload, row)" in answer.output
    assert "things" in answer.output
    assert "broken" not in answer.output
