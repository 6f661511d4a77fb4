"""The tables of docs/from-other-systems.md, and how a line of one is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from cli.samples import SAMPLES
from cli.servers.folder import ROOT
from tests.steps import Api
from tests.unit.datasets.files import SEEDS

GUIDE = (ROOT / "docs" / "from-other-systems.md").read_text()
WAITING = {"Prefer": "wait=10"}


class Line(NamedTuple):
    """What is asked in another system, and how it is asked here."""

    there: str
    here: str

    def __str__(self) -> str:
        return self.there


class Walk(NamedTuple):
    """One upload that is published, for all lines of a table: its report, and the file that was sent."""

    api: Api
    source: str
    report: dict[str, Any]
    content: bytes

    def ask(self, line: Line, *, of: str = "", json: object = None, content: bytes | None = None) -> httpx.Response:
        """Send a line as it stands in the guide; a list is of this walk's records, `of` stands for its `{id}`."""
        method, path = line.here.split(" ", 1)
        url = httpx.URL(path.format(id=of))
        if method == "POST" or (method == "GET" and "{id}" not in path and "/rankings/" not in path):
            url = url.copy_merge_params({"source": self.source})
        files = {"file": ("file.csv", content)} if content is not None else None
        return self.api.http.request(method, url, headers=WAITING, json=json, files=files)

    def got(self, line: Line, *, of: str = "") -> dict[str, Any]:
        """The JSON of a 200 answer."""
        answer = self.ask(line, of=of)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def sent(self, line: Line, content: bytes) -> dict[str, Any]:
        """The report of a file that is sent as a form, followed to its end."""
        answer = self.ask(line, content=content)
        assert answer.status_code in (200, 202), answer.text
        return self.api.follow(answer.json()["id"])


Steps = dict[str, Callable[[Walk, Line], None]]


def lines_of(system: str) -> list[Line]:
    """The table of one system."""
    section = GUIDE.partition(f"\n## {system}\n")[2].partition("\n## ")[0]
    return [Line(*found) for found in re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", section, re.MULTILINE)]


def real_or_sample(name: str, dataset: str, folder: Path, rows: int = 2000) -> bytes:
    """A real file of a system where it is at hand, or a generated one of its shape."""
    path = SEEDS / name
    if path.exists():
        return path.read_bytes()
    sample = folder / "sample.csv"
    SAMPLES[dataset](sample, rows=rows, seed=rows)
    return sample.read_bytes()
