"""The README says what is: every setting, command, code and word; every path in it exists."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest
from litestar import Litestar

from cli.app import commands
from command_api.app import make_app as make_command_api
from query_api.app import make_app as make_query_api
from shared import settings
from shared.datasets.catalogue import load_catalogue
from shared.settings import Settings
from shared.tabular.row_errors import CODES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
WORDS = """
    command, event, event store, stream, position, lane, lease, epoch, checkpoint, projector, projection, read table,
    staging, segment, compaction, publish, withdraw, generation, rebuild, replay, flip, as of, digest, verify,
    catch up, lag, dataset, declaration, label, field, row, record, key, row error, upload, ranking, parked
"""


def settings_table() -> list[str]:
    """A line for each setting: variable, default, what its docstring says."""
    tree = ast.parse(Path(settings.__file__).read_text())
    (declared,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    lines = []
    for node, said in zip(declared.body, declared.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(said, ast.Expr):
            default = f"`{ast.unparse(node.value)}`" if node.value else "required"
            text = " ".join(str(ast.literal_eval(said.value)).split())
            lines.append(f"| `TABLEFOLD_{node.target.id.upper()}` | {default} | {text} |")
    return lines


def codes_table() -> list[str]:
    """All error codes with what they mean, two to a line."""
    cells = [f"`{code}` | {says}" for code, says in CODES.items()]
    return [f"| {left} | {right} |" for left, right in itertools.zip_longest(cells[::2], cells[1::2], fillvalue=" | ")]


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def command_names(group: click.Group, prefix: str = "./tablefold") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from command_names(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """Every method and path of both services, as regular expressions; nothing is connected."""
    blobs = tmp_path_factory.mktemp("blobs").as_uri()
    given = Settings(
        database_url="postgresql://nobody@127.0.0.1/none",
        amqp_url="amqp://127.0.0.1",
        blobs_url=blobs,
        cursor_key="0" * 32,
    )
    apps = (make(given, load_catalogue()) for make in (make_command_api, make_query_api))
    return {route for app in apps for route in routes_of(app)}


def routes_of(app: Litestar) -> Iterator[tuple[str, str]]:
    for route in app.routes:
        for method in getattr(route, "methods", ()):
            yield method, re.sub(r"\{[^}]*\}", "[^/]+", route.path)


def is_served(routes: set[tuple[str, str]], method: str, path: str) -> bool:
    return any(method == known and re.fullmatch(pattern, path) for known, pattern in routes)


def test_the_flow_line_heads_it_and_it_is_short() -> None:
    assert "HTTP -> command -> event -> log -> projection -> read table -> query -> HTTP" in README[:400]
    assert len(README.splitlines()) <= 200


def test_the_table_of_settings_is_the_one_derived_from_the_code() -> None:
    expected = settings_table()
    assert len(expected) == len(msgspec.structs.fields(Settings))
    assert [line for line in CONFIGURATION.splitlines() if "| `TABLEFOLD_" in line] == expected


def test_the_table_of_codes_is_the_one_derived_from_the_code() -> None:
    assert [
        line for line in section("What happens to bad rows").splitlines() if line.startswith("| `")
    ] == codes_table()


def test_every_command_has_its_line_and_no_other_has() -> None:
    rows = re.findall(r"^\| (`\./tablefold [^|]*) \|", section("Configuration"), flags=re.MULTILINE)
    said = [name for row in rows for name in re.findall(r"`(\./tablefold [a-z -]+)`", row)]
    assert sorted(said) == sorted(command_names(commands))


def test_every_word_is_explained_once() -> None:
    explained = [
        word
        for line in re.findall(r"^\| ([a-z ,]+) \|", section("Words"), flags=re.MULTILINE)
        for word in line.split(", ")
    ]
    known = [word.strip() for word in WORDS.split(",")]
    assert sorted(explained) == sorted([*known, "word"])


def test_every_path_in_the_table_of_endpoints_is_served(routes: set[tuple[str, str]]) -> None:
    found = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`? ]*)`", README)
    assert len(found) >= 10
    missing = [
        f"{method} {path}"
        for method, path in found
        if not is_served(routes, method, path.replace("{dataset}", "debts").replace("{id}", "1").replace("{key}", "1"))
    ]
    assert not missing


def test_every_curl_line_asks_for_what_is_served(routes: set[tuple[str, str]]) -> None:
    lines = re.findall(r"^.*curl .*$", README.replace("\\\n", " "), flags=re.MULTILINE)
    assert len(lines) >= 8
    for line in lines:
        path = re.search(r"http://127\.0\.0\.1:8000(/[^'? ]*)", line)
        assert path, line
        method = "POST" if re.search(r" (-F|--data-binary) ", line) else "GET"
        assert is_served(routes, method, path[1]), line


def test_every_file_that_it_names_is_there() -> None:
    named = set(re.findall(r"`((?:tests|shared|cli|rabbitmq|gateway)/[^` ]*)`", README))
    named |= set(re.findall(r"\]\(([A-Z][^)]*)\)", README))
    assert len(named) >= 6
    assert not [name for name in named if not (ROOT / name).exists()]
