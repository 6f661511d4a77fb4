"""Settings: from variables and from files, and no service starts with a secret that everybody knows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.servers.folder import ROOT
from shared.errors import BadSettings
from shared.secrets import EXAMPLES, with_password
from shared.settings import read_settings

URL = "postgresql://somebody@127.0.0.1:5432/tablefold"
DATABASE = {"TABLEFOLD_DATABASE_URL": URL}
DOCUMENTS = [
    *(ROOT / "docs").glob("*.md"),
    *ROOT.glob("*/README.md"),
    *(ROOT / name for name in ("README.md", "docker-compose.yml", ".env.example", "shared/settings.py")),
]


def test_a_password_from_a_file_goes_into_the_urls_that_have_none(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss/w:rd long enough\n")
    settings = read_settings(
        {
            **DATABASE,
            "TABLEFOLD_DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
            "TABLEFOLD_READ_DATABASE_URL": "postgresql://somebody:own-one-here@replica/tablefold",
            "TABLEFOLD_AMQP_URL": "amqp://127.0.0.1/",
            "TABLEFOLD_AMQP_PASSWORD": "of nobody at all",
        }
    )
    assert settings.database_url == "postgresql://somebody:p%40ss%2Fw%3Ard%20long%20enough@127.0.0.1:5432/tablefold"
    assert settings.read_database_url == "postgresql://somebody:own-one-here@replica/tablefold"
    assert settings.amqp_url == "amqp://127.0.0.1/"


def test_a_url_is_left_as_it_is_where_there_is_no_password() -> None:
    for url in ("", "unused", URL, "amqp://user@[::1]:5672/%2F?heartbeat=5"):
        assert with_password(url, "") == url
    assert with_password("amqp://user@[::1]:5672/%2F?heartbeat=5", "x") == "amqp://user:x@[::1]:5672/%2F?heartbeat=5"


@pytest.mark.parametrize("content", [None, "", " \n", b"\xff"])
def test_a_file_that_says_nothing_is_refused_by_the_name_of_its_variable(
    tmp_path: Path, content: str | bytes | None
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadSettings, match=r"TABLEFOLD_CURSOR_KEY_FILE names .*"):
        read_settings({**DATABASE, "TABLEFOLD_CURSOR_KEY_FILE": str(file)})


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("TABLEFOLD_DATABASE_URL", "postgresql://tablefold:changeme@db/tablefold", "TABLEFOLD_DATABASE_PASSWORD_FILE"),
        ("TABLEFOLD_DATABASE_URL", "postgresql://x:%63hangeme@db/x", "TABLEFOLD_DATABASE_PASSWORD_FILE"),
        ("TABLEFOLD_READ_DATABASE_URL", "postgresql://x:Postgres@db/x", "TABLEFOLD_DATABASE_PASSWORD_FILE"),
        ("TABLEFOLD_AMQP_URL", "amqp://guest:guest@rabbitmq/", "TABLEFOLD_AMQP_PASSWORD_FILE"),
        ("TABLEFOLD_AMQP_PASSWORD", "secret", "TABLEFOLD_AMQP_PASSWORD_FILE"),
        ("TABLEFOLD_QUERY_DATABASE_PASSWORD", "password", "TABLEFOLD_QUERY_DATABASE_PASSWORD_FILE"),
        ("TABLEFOLD_CURSOR_KEY", "x" * 40, "TABLEFOLD_CURSOR_KEY_FILE"),
    ],
)
def test_a_secret_that_stands_in_examples_is_refused_with_what_to_do_and_not_repeated(
    name: str, value: str, remedy: str
) -> None:
    with pytest.raises(BadSettings) as refused:
        read_settings({**DATABASE, name: value})
    said = str(refused.value)
    assert name in said
    assert f"`openssl rand -hex 24`, keep it in a file and name that file in {remedy}." in said
    assert value not in said.replace(name, "")


def test_every_password_in_our_own_examples_is_refused() -> None:
    texts = {path: path.read_text() for path in DOCUMENTS}
    urls = [url for text in texts.values() for url in re.findall(r"\w+://[^\s`'\"]*@[^\s`'\"]*", text)]
    assert urls
    shown = {password for url in urls if (password := urlsplit(url).password)}
    assert shown <= EXAMPLES
    variables = re.findall(r"(?m)\w*(?:PASSWORD|KEY|SECRET)[=:] *[\"']?([^\s\"'#$|]+)", "\n".join(texts.values()))
    assert {one.lower() for one in variables} <= EXAMPLES


def test_what_a_service_needs_and_lacks_is_named() -> None:
    with pytest.raises(BadSettings, match="TABLEFOLD_DATABASE_URL is not set"):
        read_settings({})
    with pytest.raises(BadSettings, match="TABLEFOLD_AMQP_URL is not set"):
        read_settings({**DATABASE, "TABLEFOLD_BLOBS_URL": "file:///tmp"}, "amqp_url", "blobs_url")


@pytest.mark.parametrize("module", ["command_api", "projector", "query_api"])
def test_no_service_starts_with_an_example(module: str) -> None:
    given = {"TABLEFOLD_AMQP_URL": "amqp://127.0.0.1/", "TABLEFOLD_BLOBS_URL": "file:///tmp"}
    given["TABLEFOLD_DATABASE_URL"] = "postgresql://tablefold:secret@127.0.0.1:1/tablefold"
    outer = {name: value for name, value in os.environ.items() if not name.startswith("TABLEFOLD_")}
    command = [sys.executable, "-m", module]
    ended = subprocess.run(
        command, cwd=ROOT, env=outer | given, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("tablefold: TABLEFOLD_DATABASE_URL has a value that stands in examples.")
    assert "Traceback" not in ended.stderr
