"""One closed list of problems: what the code raises, what the table says, and what `docs/problems.md` tells people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from cli.servers.folder import ROOT
from shared.errors import BadFile, Refused, TablefoldError
from shared.http.problem_types import MEMBERS, PROBLEM_TYPES
from shared.http.problems import CODE, OF_FILES, OF_FRAMEWORK
from shared.http.told import EVERYWHERE, GUARDED, LIMITED

FILE_ERRORS = {"BadFile", "TooLarge", "WrongMediaType"}
ROW = re.compile(r"\| `([a-z-]+)` \| ([0-9, ]+) \| (.+) \| (.*) \|")


def calls(*names: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call in the services of a function or class with one of these names."""
    for package in ("shared", "command_api", "query_api"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                    yield node.func.id, node


def texts(node: ast.expr) -> list[str]:
    """The texts that an argument may be."""
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def test_every_error_about_a_file_has_a_type_with_its_status() -> None:
    statuses = {kind.__name__: status for kind, status in OF_FILES.items()}
    found = [(name, call.args[0]) for name, call in calls(*FILE_ERRORS) if isinstance(call.args[0], ast.Constant)]
    assert len(found) > 30
    for name, code in found:
        for text in texts(code):
            assert statuses[name] in PROBLEM_TYPES[text].statuses, (name, text)


def test_every_problem_that_is_made_by_hand_has_a_type_with_its_status() -> None:
    found = [call for _, call in calls("problem") if isinstance(call.args[2], ast.Constant)]
    assert len(found) >= 4
    assert {text for call in found for text in texts(call.args[2])} <= PROBLEM_TYPES.keys()


def test_every_error_of_ours_has_a_type_and_every_type_comes_from_somewhere() -> None:
    def below(kind: type[TablefoldError]) -> set[type[TablefoldError]]:
        return {kind, *(other for one in kind.__subclasses__() for other in below(one))}

    for kind in below(Refused) - below(BadFile):
        assert any(one in CODE for one in kind.__mro__), kind
    made = {text for _, call in calls("problem") for text in texts(call.args[2])}
    of_files = {code for code, one in PROBLEM_TYPES.items() if "labels" in one.members}
    assert PROBLEM_TYPES.keys() == {*CODE.values(), *OF_FRAMEWORK.values(), *made} | of_files


def test_what_every_route_can_answer_are_types() -> None:
    assert {*EVERYWHERE, *GUARDED, *LIMITED} < PROBLEM_TYPES.keys()


def test_members_that_types_tell_are_described() -> None:
    told = {name for one in PROBLEM_TYPES.values() for name in one.members}
    assert told == MEMBERS.keys()


def test_the_page_for_people_says_the_same_as_the_table() -> None:
    page = (ROOT / "docs" / "problems.md").read_text()
    rows = {code: (statuses, says, members) for code, statuses, says, members in ROW.findall(page)}
    assert rows == {
        code: (", ".join(map(str, one.statuses)), one.says, ", ".join(f"`{name}`" for name in one.members))
        for code, one in PROBLEM_TYPES.items()
    }
