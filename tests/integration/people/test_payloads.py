"""What attackers put into parameters is text like any other: no 5xx, and nothing that PostgreSQL cannot parse."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cli.stack import Stack
from tests.steps import Api

CORPORA = Path(__file__).parents[4] / "shared" / "corpora"
DOCUMENTS = ("/schema/openapi.json", "/schema/commands/openapi.json")
EACH = 12
"""So many payloads for each parameter of each operation, others each time but the same in each run."""

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the repository")


def payloads() -> list[str]:
    """SQL, naughty strings, and what this system would trip over."""
    found = [
        "'",
        '"',
        "\\",
        "%",
        "_",
        "\0",
        "a\0b",
        "1e999",
        "-1",
        "0" * 400,
        "9" * 30,
        "٣",
        "\ud7ff",
        "%00",
        "..",
        "../" * 9,
    ]
    found += json.loads((CORPORA / "naughty-strings" / "blns.json").read_text())
    for path in sorted((CORPORA / "sqli").rglob("*")):
        if path.is_file():
            found += path.read_text(errors="replace").splitlines()
    return [one[:600] for one in found if one]


def operations(api: Api) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, described)
        for document in DOCUMENTS
        for path, methods in api.get(document)["paths"].items()
        for method, described in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


def test_no_payload_in_any_parameter_makes_a_server_fail(api: Api, stack: Stack) -> None:
    chosen, known = random.Random(5), payloads()
    logs = [path for path in stack.servers.folder.logs.iterdir() if "postgres" in path.name]
    before = {path: path.stat().st_size for path in logs}
    assert len(known) > 500
    assert logs
    asked = 0
    for method, path, described in operations(api):
        for parameter in described.get("parameters", ()):
            for payload in chosen.sample(known, EACH):
                encoded = quote(payload, safe="", errors="replace")
                in_path = parameter["in"] == "path"
                filled = path.replace(f"{{{parameter['name']}}}", encoded if in_path else "1")
                url = re.sub(r"\{\w+\}", "1", filled) + ("" if in_path else f"?{parameter['name']}={encoded}")
                if not in_path and parameter["in"] != "query":
                    continue
                answer = api.http.request(method, url, content=None if method in ("GET", "DELETE") else b"{}")
                assert answer.status_code < 500, (method, url, answer.text)
                asked += 1
    assert asked > 1000
    said = b"".join(path.read_bytes()[before[path] :] for path in logs)
    assert re.findall(rb"(?i)syntax error|unterminated|invalid byte sequence", said) == []


def test_no_payload_in_a_login_makes_a_server_fail(api: Api) -> None:
    chosen, known = random.Random(6), payloads()
    for payload in chosen.sample(known, 60):
        for body in ({"name": payload, "password": "x"}, {"refresh_token": payload}):
            path = "/tokens" if "name" in body else "/tokens/refresh"
            assert api.http.post(path, json=body).status_code in (400, 401, 429), payload
