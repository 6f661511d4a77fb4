"""Records as bodies of requests, and what is asked of a running Tablefold with them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from tests.steps import Api

Json = dict[str, Any]


def debt(**fields: object) -> Json:
    """A debt that nobody has, with other values where they are given."""
    return {
        "debt_id": str(uuid4()),
        "name": "Ana Souza",
        "government_id": "08746286991",
        "email": "ana@example.org",
        "debt_amount": "12.50",
        "debt_due_date": "2026-03-31",
        **fields,
    }


def account(**fields: object) -> Json:
    """An account of one consumer."""
    return {
        "client_reference_no": str(uuid4()),
        "balance": "100.00",
        "status": "INACTIVE",
        "consumers": [{"name": "Jo Doe", "address": None, "ssn": "123-45-6789"}],
        **fields,
    }


def added(api: Api, dataset: str, body: Json) -> int:
    """Add a record; its version."""
    answer = api.http.post(f"/{dataset}", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["version"])


def read(api: Api, answer: httpx.Response, path: str) -> httpx.Response:
    """A read that is at least as new as the answer to a write."""
    return api.http.get(path, headers={"Read-After": answer.headers["Position"], "Prefer": "wait=10"})


def pointers(answer: httpx.Response) -> dict[str, str]:
    """The codes of a 422 by what they point to."""
    assert answer.status_code == 422, answer.text
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}
