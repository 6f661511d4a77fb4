"""`./tablefold export-log`, `import-log`, `digests`, `sweep-blobs`: the truth of an installation, beside the flow."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from cli.people import database_of
from cli.servers.folder import ROOT
from command_api.moving.archive import DatasetLog
from command_api.moving.exporting import export_log
from command_api.moving.importing import import_log
from command_api.sweeping_blobs import sweep_blobs
from projector.served_digests import digests_of
from shared.blobs import Blobs, open_blobs
from shared.datasets.catalogue import load_catalogue
from shared.errors import BadSettings

HOUR_S = 3600.0

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / ".data",
    help="Folder of the installation; TABLEFOLD_DATABASE_URL and TABLEFOLD_BLOBS_URL name another one instead.",
)
folder_argument = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.command("export-log")
@folder_argument
@click.option("--dataset", "datasets", multiple=True, help="Only this dataset; may be given more than once.")
@data_option
def export(folder: Path, datasets: tuple[str, ...], data: Path) -> None:
    """Write all events and the files that they name into FOLDER, in one snapshot, while everything runs.

    Run it again to go on after it was ended, or to bring the folder up to date. Users and their keys are not in it, but
    what files say of people is: its files have mode 0600.
    """
    with _truth_of(data) as (url, blobs):
        manifest = asyncio.run(export_log(url, blobs, folder, datasets, _say))
    print(f"{folder} holds {len(manifest.datasets)} datasets, up to {_heads(manifest.datasets)}.")


@click.command("import-log")
@folder_argument
@data_option
def take(folder: Path, data: Path) -> None:
    """Take the log in FOLDER into an installation that has no events of its datasets, or only first ones of them.

    Every hash is checked before anything changes. Run it again to go on after it was ended.
    """
    with _truth_of(data) as (url, blobs):
        manifest = asyncio.run(import_log(url, blobs, folder, _say))
    print("The log is here; its services fold it when they run. Compare: ./tablefold digests.")
    known = load_catalogue(os.environ.get("TABLEFOLD_DATASETS_FOLDER", ""))
    for log in manifest.datasets:
        if log.name not in known:
            print(f"{log.name} is not declared here: put its declaration into TABLEFOLD_DATASETS_FOLDER.")
        elif log.declared not in (None, known[log.name].fingerprint):
            print(f"{log.name} was folded by another declaration there: its digests may differ.")


@click.command()
@click.argument("names", metavar="[DATASET]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="JSON lines instead of a table.")
@data_option
def digests(names: tuple[str, ...], as_json: bool, data: Path) -> None:
    """Show one value for all that each table of a dataset says: the same log gives the same, wherever it is folded."""
    catalogue = load_catalogue(os.environ.get("TABLEFOLD_DATASETS_FOLDER", ""))
    if unknown := set(names) - catalogue.keys():
        raise BadSettings(f"There is no dataset {min(unknown)!r}.")
    with database_of(data) as url:
        found = asyncio.run(digests_of(url, [catalogue[name] for name in sorted(names or catalogue)]))
    if as_json:
        for one in found:
            print(msgspec.json.encode(one).decode())
        return
    table = Table("dataset", "position", "table", "rows", "digest", box=None, pad_edge=False)
    for one in found:
        for name, digest in one.tables.items():
            table.add_row(one.dataset, f"{one.position:,}", name, f"{digest.rows:,}", digest.digest)
    Console(highlight=False, soft_wrap=True).print(table)


@click.command("sweep-blobs")
@click.option("--older-than", "hours", type=click.FloatRange(min=1), default=24.0, show_default=True, help="Hours.")
@click.option("--dry-run", is_flag=True, help="Only tell which.")
@click.option("--all-of-them", is_flag=True, help="Even where no event names any blob at all.")
@data_option
def sweep(hours: float, dry_run: bool, all_of_them: bool, data: Path) -> None:
    """Remove received files that no event names, left by clients that went away and by crashes."""
    with _truth_of(data) as (url, blobs):
        swept = asyncio.run(
            sweep_blobs(url, blobs, hours * HOUR_S, dry_run=dry_run, all_of_them=all_of_them, tell=_say)
        )
    verb = "would be removed" if dry_run else "removed"
    print(f"{swept.unnamed:,} of {swept.blobs:,} blobs {verb}, {swept.size_bytes:,} bytes.")


@contextmanager
def _truth_of(data: Path) -> Iterator[tuple[str, Blobs]]:
    """The database and the blobs of an installation."""
    given = os.environ.get("TABLEFOLD_BLOBS_URL")
    if "TABLEFOLD_DATABASE_URL" in os.environ and not given:
        raise BadSettings("TABLEFOLD_BLOBS_URL is not set, though TABLEFOLD_DATABASE_URL is: name both or none.")
    with database_of(data) as url:
        yield url, open_blobs(given or (data.absolute() / "blobs").as_uri())


def _say(line: str) -> None:
    print(line, flush=True)


def _heads(datasets: Iterable[DatasetLog]) -> str:
    return ", ".join(f"{one.name}:{one.head}" for one in datasets) or "nothing"
