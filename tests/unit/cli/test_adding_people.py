"""`./tablefold user add`, as the README writes it, on a Tablefold that runs."""

from __future__ import annotations

import subprocess
from uuid import uuid4

import httpx

from cli.servers.folder import ROOT
from cli.stack import Stack

PASSWORD = "four unlikely words here"


def add(stack: Stack, password: str, *said: str) -> subprocess.CompletedProcess[str]:
    program = [str(ROOT / "tablefold"), "user", "add", *said, "--data", str(stack.servers.folder.path)]
    return subprocess.run(program, input=f"{password}\n", capture_output=True, text=True, check=False, timeout=60)


def test_an_administrator_is_made_and_may_do_what_one_may(stack: Stack) -> None:
    name = f"ann-{uuid4().hex[:12]}"
    done = add(stack, PASSWORD, name, "--role", "administrator")
    assert (done.returncode, done.stdout) == (0, f"{name} is administrator. Log in with POST /tokens.\n")
    with httpx.Client(base_url=stack.url) as client:
        tokens = client.post("/tokens", json={"name": name, "password": PASSWORD}).json()
        listed = client.get("/users", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert listed.status_code == 200


def test_a_role_that_is_none_and_a_common_password_are_refused(stack: Stack) -> None:
    unknown = add(stack, PASSWORD, "bob", "--role", "emperor")
    common = add(stack, "010203040506", "bob", "--role", "viewer")
    assert unknown.returncode == 2
    assert "'administrator'" in unknown.stderr
    assert common.returncode != 0
    assert "Choose another one" in common.stderr
