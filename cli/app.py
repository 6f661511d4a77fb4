"""The command line `./tablefold`; beside the flow, the only part that knows all others."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil
import rich_click as click

from cli import demo as demonstration
from cli.bench.command import bench
from cli.declared import datasets
from cli.infer.command import infer
from cli.moving import digests, export, sweep, take
from cli.people import user
from cli.rebuilding import rebuild, verify
from cli.servers.folder import ROOT
from cli.servers.secrets import make_for_containers
from cli.services import migrate as migrate_database
from cli.stack import Stack
from shared.errors import TablefoldError
from shared.settings import read_settings

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOCK = (
    "pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header"
    " --no-annotate --quiet --upgrade requirements.in --output-file requirements.lock"
)

IN_THREE = ("--numprocesses=3", "--dist=loadfile", "--no-loadscope-reorder")
"""Each process has servers of its own; tests often wait, so two cores are shared by three. Short files come last, so
all end together."""

IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 8 * 1024**3
"""So much has to be free there, and of memory: the servers of a test run write some 3 GiB, in thousands of files."""

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / ".data",
    help="Folder of this installation; starting over the same one continues.",
)
port_option = click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: a free one."
)
projectors_option = click.option("--projectors", type=click.IntRange(min=1), default=2, show_default=True)


@click.group()
@click.version_option("0.1.0", prog_name="tablefold")
def commands() -> None:
    """Take the tables that partners send, say what is wrong with every row, answer questions about the rest."""


@commands.command()
@data_option
@port_option
@projectors_option
def up(data: Path, port: int, projectors: int) -> None:
    """Start everything on private servers and stay until Ctrl-C.

    TABLEFOLD_DATABASE_URL, TABLEFOLD_AMQP_URL and TABLEFOLD_BLOBS_URL put real servers in place of private ones.
    """
    _end_on_signals()
    with Stack(data, port, projectors, _caller_settings()) as stack:
        _stay(stack, "make an administrator: ./tablefold user add NAME --role administrator" + _data_of(data))


@commands.command()
@data_option
@port_option
@projectors_option
@click.option("--once", is_flag=True, help="End after the demonstration instead of staying.")
def demo(data: Path, port: int, projectors: int, once: bool) -> None:
    """Start everything, upload a sample of every dataset, show the answers, and stay until Ctrl-C."""
    _end_on_signals()
    with Stack(data, port, projectors, _caller_settings()) as stack:
        demonstration.run(stack, once=once)
        if not once:
            _stay(stack)


@commands.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> NoReturn:
    """Run the test suite; everything after `test` goes to pytest. Without a path, three processes share the files."""
    os.chdir(ROOT)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Services start by the dozen: they are compiled once.
    if _has_room_in_memory():
        os.environ.setdefault("TMPDIR", str(IN_MEMORY))  # What is killed there is a process, never the machine.
    shared = () if any((ROOT / one.partition("::")[0]).exists() for one in arguments) else IN_THREE
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *shared, *arguments])


@commands.command()
def migrate() -> None:
    """Bring the schema of TABLEFOLD_DATABASE_URL up to date."""
    read_settings(os.environ)
    migrate_database(_caller_settings())


@commands.command()
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=ROOT / "secrets")
def secrets(folder: Path) -> None:
    """Make the passwords and keys that docker-compose.yml takes from ./secrets, where they are missing."""
    make_for_containers(folder)
    print(f"{folder} has a file for each secret. Keep it out of backups that others can read.")


@commands.command()
def lock() -> None:
    """Make requirements.lock anew from requirements.in, with the newest versions and all their hashes."""
    done = subprocess.run([sys.executable, "-m", "uv", *LOCK.split()], cwd=ROOT, check=False)
    sys.exit(done.returncode)


commands.add_command(bench)
commands.add_command(datasets)
commands.add_command(digests)
commands.add_command(export)
commands.add_command(infer)
commands.add_command(rebuild)
commands.add_command(sweep)
commands.add_command(take)
commands.add_command(user)
commands.add_command(verify)


def main() -> None:
    """Run one command; what Tablefold refuses or fails at becomes one message and exit code 1."""
    try:
        commands(prog_name="tablefold")
    except TablefoldError as error:
        print(f"tablefold: {error}", file=sys.stderr)
        sys.exit(1)


def _caller_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("TABLEFOLD_")}


def _data_of(data: Path) -> str:
    return "" if data == ROOT / ".data" else f" --data {data}"


def _has_room_in_memory() -> bool:
    return (
        os.access(IN_MEMORY, os.W_OK | os.X_OK)
        and min(shutil.disk_usage(IN_MEMORY).free, psutil.virtual_memory().available) >= ROOM_BYTES
    )


def _end_on_signals() -> None:
    def end(number: int, _: FrameType | None) -> None:
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)  # A second Ctrl-C must not cut the orderly end.
        sys.exit(128 + number)

    for ending in ENDINGS:
        signal.signal(ending, end)


def _stay(stack: Stack, hint: str = "") -> None:
    print(f"ready: {stack.url}", flush=True)
    if hint:
        print(hint, flush=True)
    with suppress(SystemExit):  # From here on a signal is the way to end well.
        while True:
            time.sleep(0.5)
            for name in stack.revive():
                print(f"{name} ended by itself and was started again", flush=True)
