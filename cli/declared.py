"""`./tablefold datasets`: lists the declarations, and what is wrong with broken ones; beside the flow, for people."""

from __future__ import annotations

import sys

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.inspecting import Inspected, inspect

WIDTH = 120
"""Columns of output at least; a narrow terminal wraps it as it likes."""


@click.command()
@click.option("--folder", envvar="TABLEFOLD_DATASETS_FOLDER", default="", help="A folder with further declarations.")
def datasets(folder: str) -> None:
    """List all declarations and check them; exit code 1 if one is broken."""
    sys.exit(show_declarations(folder))


def show_declarations(folder: str) -> int:
    """Print all declarations as a table, then what is wrong with the broken ones; the exit code."""
    found = inspect(folder)
    console = Console(highlight=False, soft_wrap=True, width=max(Console().width, WIDTH))
    table = Table("name", "title", "key", "fields", "declared in", "", box=None, header_style="dim", pad_edge=False)
    for one in found:
        table.add_row(*(escape(cell) for cell in _cells(one)))
    console.print(table)
    broken = [one for one in found if one.fault]
    for one in broken:
        console.print(f"\n[red]broken[/red] {escape(one.where)}: {escape(one.fault)}")
    return 1 if broken else 0


def _cells(one: Inspected) -> tuple[str, ...]:
    state = "broken" if one.fault else "good"
    if one.dataset is None:
        return ("", "", "", "", one.where, state)
    dataset = one.dataset
    fields = f"{len(dataset.fields)}" + (f" + {len(dataset.members.fields)}" if dataset.members else "")
    return (dataset.name, dataset.title, dataset.key or "(upload, row)", fields, one.where, state)
