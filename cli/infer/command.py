"""`./tablefold infer FILE`: a draft of the declaration that would take a file; beside the flow, for people."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import rich_click as click

from cli.infer.drafting import draft_of
from cli.infer.naming import identifier
from cli.infer.reading import read_file
from cli.infer.source import written
from cli.inspecting import fault_of
from shared.datasets.catalogue import fault_of_name, read_declaration, shipped
from shared.datasets.declaration import Dataset
from shared.errors import BadSettings


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="", help="Of the dataset; made of the file's name unless said.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="A new file; standard output unless said."
)
@click.option("--encoding", help="Of FILE; found unless said.")
@click.option("--delimiter", help="Of FILE; found unless said.")
def infer(file: Path, name: str, output: Path | None, encoding: str | None, delimiter: str | None) -> None:
    """Draft the declaration of a dataset that takes a CSV file, for a person to review.

    The draft accepts FILE itself. Put it into the folder of TABLEFOLD_DATASETS_FOLDER once it is reviewed.
    """
    source = infer_source(file.read_bytes(), file.name, name, encoding=encoding, delimiter=delimiter)
    if output is None:
        sys.stdout.write(source)
        return
    if output.exists():
        raise BadSettings(f"{output} is there already; name a new file.")
    output.write_text(source, encoding="utf-8")
    print(f"Review {output}, then start with TABLEFOLD_DATASETS_FOLDER={output.resolve().parent}.", file=sys.stderr)


def infer_source(
    content: bytes, file_name: str, name: str = "", *, encoding: str | None = None, delimiter: str | None = None
) -> str:
    """The draft as Python source.

    Raises BadFile where no dataset could take the file, BadSettings for a name that cannot be taken.
    """
    chosen = name or free_name(file_name)
    if wrong := fault_of_name(chosen, shipped()):
        raise BadSettings(f"--name: {wrong}")
    seen = read_file(content, encoding, delimiter)
    source = written(draft_of(seen), seen, chosen, file_name)
    if fault := fault_of(imported(source)):
        raise BadSettings(f"The draft would be broken: {fault}")
    return source


def imported(source: str) -> Dataset:
    """The dataset that a draft declares; raises BadSettings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draft.py"
        path.write_text(source, encoding="utf-8")
        return read_declaration(path)


def free_name(file_name: str) -> str:
    """A name for the dataset of a file that none of the shipped ones has."""
    name = identifier(Path(file_name).stem) or "rows"
    return f"{name}_2" if fault_of_name(name, shipped()) else name
