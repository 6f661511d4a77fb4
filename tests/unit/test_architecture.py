"""The shape of the code: who may import whom, how large things may be, that every file says where it stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import get_args

import pytest

from cli.servers.folder import ROOT
from projector.folding import FOLDS
from shared.codec import VERSIONS
from shared.events import Fact

SERVICES = ("command_api", "projector", "query_api")
PACKAGES = (*SERVICES, "shared", "cli")
ALLOWED = {**{service: {service, "shared"} for service in SERVICES}, "shared": {"shared"}, "cli": set(PACKAGES)}
ONLY_IN = {
    "aio_pika": {"shared/event_log.py"},
    "litestar": {"shared/http", "command_api", "query_api"},
    "uvicorn": {"shared/http"},
}
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "base"}


def modules(*packages: str) -> list[Path]:
    """All modules of packages, as paths from the root."""
    return [path.relative_to(ROOT) for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    """The names of all modules that a module imports."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length in lines of every function in a module."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=str)
def test_a_module_imports_only_what_its_package_may(path: Path) -> None:
    ours = {name.split(".")[0] for name in imported(path)} & set(PACKAGES)

    assert ours <= ALLOWED[path.parts[0]]
    for library, places in ONLY_IN.items():
        if library in {name.split(".")[0] for name in imported(path)} and path.parts[0] != "cli":
            assert any(str(path).startswith(place) for place in places), library


@pytest.mark.parametrize("path", modules(*PACKAGES, "tests"), ids=str)
def test_a_module_is_small_and_says_what_it_is(path: Path) -> None:
    text = (ROOT / path).read_text()

    assert text.count("\n") <= 400
    assert path.stem not in FORBIDDEN_NAMES
    assert all(lines <= 60 for _, lines in functions(path)), [one for one in functions(path) if one[1] > 60]
    if path.name != "__init__.py":
        assert ast.get_docstring(ast.parse(text)), "the first line says where in the flow the file stands"


def test_modules_and_functions_are_short_as_a_rule() -> None:
    sizes = [len((ROOT / path).read_text().splitlines()) for path in modules(*PACKAGES) if path.name != "__init__.py"]
    lengths = [lines for path in modules(*PACKAGES) for _, lines in functions(path)]

    assert median(sizes) < 90
    assert median(lengths) <= 8


def test_every_public_function_and_class_says_what_it_guarantees() -> None:
    silent = [
        f"{path}:{node.lineno} {node.name}"
        for path in modules(*PACKAGES)
        for node in ast.iter_child_nodes(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_every_event_has_a_fold_and_a_version() -> None:
    facts = get_args(Fact)

    assert set(FOLDS) == set(facts)
    assert set(VERSIONS) == {fact.__struct_config__.tag for fact in facts}
