"""People of a running Tablefold, each with a key or a login of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.steps import Api

PASSWORD = "four unlikely words here"


class People:
    """Makes users and clients that show what they have."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._clients: list[Api] = []

    def add(self, role: str = "viewer", **said: Any) -> str:
        """The name of a new user."""
        name = f"user-{uuid4().hex[:12]}"
        answer = self._api.http.post("/users", json={"name": name, "password": PASSWORD, "role": role, **said})
        assert answer.status_code == 201, answer.text
        return name

    def log_in(self, name: str, password: str = PASSWORD, **said: str) -> dict[str, Any]:
        """The tokens of a login that succeeds."""
        answer = self._api.http.post("/tokens", json={"name": name, "password": password, **said})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def client(self, token: str = "") -> Api:
        """A client that shows this token, or none."""
        client = Api(self._api.url, token)
        self._clients.append(client)
        return client

    def new(self, role: str = "viewer", **said: Any) -> Api:
        """A client of a new user who is logged in with all scopes that he has."""
        scope = " ".join(said.get("scopes", ()))
        return self.client(self.log_in(self.add(role, **said), scope=scope)["access_token"])

    def close(self) -> None:
        for client in self._clients:
            client.http.close()


@pytest.fixture
def people(api: Api) -> Iterator[People]:
    found = People(api)
    yield found
    found.close()
