"""Which sheets a workbook has and in which parts of its package they are; in the child."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Iterator
from typing import Final, NamedTuple
from zipfile import ZipFile

from command_api.archives.markup import Attributes, Handler, local, read_markup
from command_api.archives.package import blocks_of, parts_of
from shared.errors import BadFile, BadParameter

SHOWN_SHEETS: Final = 20


class Sheet(NamedTuple):
    """A worksheet: its name, its part of the package, whether people see it."""

    name: str
    part: str
    visible: bool


class Workbook(NamedTuple):
    """The worksheets in order, and the part that holds the shared strings."""

    sheets: tuple[Sheet, ...]
    strings_part: str | None

    def sheet(self, name: str | None) -> Sheet:
        """The sheet of that name, or the first visible one; raises BadParameter or BadFile."""
        if name is None:
            for sheet in self.sheets:
                if sheet.visible:
                    return sheet
            raise BadFile("empty-file", "The workbook has no visible worksheet. Name one with the parameter sheet.")
        for sheet in self.sheets:
            if sheet.name == name:
                return sheet
        names = [sheet.name for sheet in self.sheets]
        near = difflib.get_close_matches(name[:100], names, n=1, cutoff=0.5)
        shown = ", ".join(repr(each) for each in names[:SHOWN_SHEETS])
        says = f"The workbook has no sheet {name[:80]!r}. There are {shown}." if names else "It has no worksheets."
        raise BadParameter("sheet", says, near[0] if near else None)


def read_workbook(package: ZipFile) -> Workbook:
    """What the package says of its sheets; raises BadFile `archive-error` where it contradicts itself."""
    part = _target(_relations(package, ""), "/officeDocument") or "xl/workbook.xml"
    listed = _Listed()
    _read(package, part, listed)
    relations = _relations(package, part)
    sheets = []
    for name, identifier, state in listed.sheets:
        kind, target = relations.get(identifier, ("", ""))
        if not target:
            raise BadFile("archive-error", f"The workbook names no part for its sheet {name[:80]!r}. Save it anew.")
        if kind.endswith("/worksheet"):
            sheets.append(Sheet(name, target, state == "visible"))
    strings_part = _target(relations, "/sharedStrings")
    return Workbook(tuple(sheets), strings_part if strings_part and strings_part.lower() in parts_of(package) else None)


class _Listed(Handler):
    """Name, relationship and state of each sheet."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, str]] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if local(name) == "sheet":
            identifier = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            self.sheets.append((attributes.get("name", ""), identifier, attributes.get("state", "visible")))


class _Relations(Handler):
    """Kind and target by identifier."""

    def __init__(self, folder: str) -> None:
        self.found: dict[str, tuple[str, str]] = {}
        self._folder = folder

    def start(self, name: str, attributes: Attributes) -> None:
        if local(name) == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            path = posixpath.normpath(posixpath.join("/", self._folder, target)).lstrip("/")
            self.found[attributes.get("Id", "")] = (attributes.get("Type", ""), path if target else "")


def _relations(package: ZipFile, part: str) -> dict[str, tuple[str, str]]:
    folder, name = posixpath.split(part)
    found = _Relations(folder)
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    if path.lower() in parts_of(package):
        _read(package, path, found)
    return found.found


def _target(relations: dict[str, tuple[str, str]], kind: str) -> str | None:
    return next((target for each, target in relations.values() if each.endswith(kind) and target), None)


def _read(package: ZipFile, part: str, handler: Handler) -> None:
    read_markup(part_blocks(package, part), handler, part)


def part_blocks(package: ZipFile, part: str) -> Iterator[bytes]:
    """The bytes of a part; raises BadFile where it is missing."""
    entry = parts_of(package).get(part.lower())
    if entry is None:
        raise BadFile("archive-error", f"The workbook lacks its part {part[:80]}. Save it anew.")
    return blocks_of(package, entry)
