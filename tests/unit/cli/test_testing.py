"""`./tablefold test`: who shares the suite, and where its servers' folders lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import app
from cli.servers.folder import ROOT


class Started(Exception):
    """pytest would run now, with these arguments and this folder for what is temporary."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self.arguments = arguments[3:]
        self.folder = os.environ.get("TMPDIR")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Started]:
    """What the command starts in place of this process, where so much room is asked for in memory."""

    def start(_: str, arguments: list[str]) -> None:
        raise Started(arguments)

    def run(*arguments: str, room_bytes: int = 0, folder: str | None = None) -> Started:
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(os, "execv", start)
        monkeypatch.setattr(app, "IN_MEMORY", tmp_path)
        monkeypatch.setattr(app, "ROOM_BYTES", room_bytes)
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        monkeypatch.setenv("TMPDIR", folder or "")
        if folder is None:
            monkeypatch.delenv("TMPDIR")
        with pytest.raises(Started) as found:
            app.commands(["test", *arguments], standalone_mode=False)
        assert "PYTHONDONTWRITEBYTECODE" not in os.environ
        return found.value

    return run


@pytest.mark.parametrize("path", ["tests/laws", "tests/unit/cli/test_testing.py::test_a_name"])
def test_a_path_is_run_by_one_process_and_all_else_by_three(started: Callable[..., Started], path: str) -> None:
    assert started("-k", "debts").arguments == [*app.IN_THREE, "-k", "debts"]
    assert started("-x", path).arguments == ["-x", path]


def test_folders_lie_in_memory_where_there_is_room_and_nobody_says_otherwise(
    started: Callable[..., Started], tmp_path: Path
) -> None:
    assert started().folder == str(tmp_path)
    assert started(room_bytes=1 << 62).folder is None
    assert started(folder="/elsewhere").folder == "/elsewhere"
