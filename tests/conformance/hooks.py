"""What no OpenAPI document can say: parameters that exclude each other, and text that only we can have written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any
from uuid import uuid4

import schemathesis

from shared.datasets.catalogue import shipped
from shared.http.told import REQUEST_HEADERS

KEY = "Idempotency-Key"
POSITIONS = "Read-After"
NAMED = ("/users", "/tokens", "/users/{name}/password", "/datasets/{name}/rebuilds")
FILES = re.compile("/(uploads|fixes)$")
LOW_ENDS = re.compile(r"min_|_from$|^from$|^start_")


def low_and_high(query: Mapping[str, Any]) -> bool:
    """Whether a range may end before it begins: it is not one value."""
    lows = [name for name in query if LOW_ENDS.search(name)]
    highs = [re.sub("^min_", "max_", re.sub("from$", "to", re.sub("^start_", "end_", name))) for name in lows]
    return any(high in query and query[high] != query[low] for low, high in zip(lows, highs, strict=True))


def is_file(case: Any) -> bool:
    """Whether its body is said to be a table, and is any bytes."""
    return bool(FILES.search(case.path)) and case.method == "POST" and case.meta.generation.mode.is_positive


def is_for_another(case: Any) -> bool:
    """Whether a change of one record says a key, which may only be that of its path."""
    dataset = shipped().get(case.path.split("/")[1])
    body = case.body if isinstance(case.body, dict) else {}
    return "{key}" in case.path and dataset is not None and dataset.key in body


def is_bought_for_less_than_nothing(case: Any) -> bool:
    """The one rule of a field that counts beside another."""
    body = case.body if isinstance(case.body, dict) else {}
    return body.get("transaction_type") == "BUY" and str(body.get("amount", "")).startswith("-")


def says_too_much(case: Any) -> bool:
    """Whether its parameters exclude each other, or one lacks another."""
    query = dict(case.query or {})
    if "raw" in query and query.get("format") != "csv" and "errors.csv" not in case.path:
        return True
    sort = query.get("sort")
    named = [str(name).lstrip("-") for name in sort] if isinstance(sort, list) else []
    paged = query.get("format", "json") != "json" and bool({"offset", "count"} & set(query))
    if case.method == "PATCH" and set(query) == {"max_affected"}:
        return True
    return "cursor" in query or low_and_high(query) or len(set(named)) < len(named) or paged


def wishes_what_contradicts_itself(case: Any) -> bool:
    """Whether a rebuild lacks a name or has one too many, or ends at a position that the log may not have."""
    body = case.body if isinstance(case.body, dict) and case.path.endswith("/rebuilds") else {}
    is_as_of = body.get("purpose") == "as-of"
    return bool(body) and (is_as_of != (body.get("name") is not None) or body.get("until") is not None)


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Whether a request is one that the document's words, too, allow."""
    never = (is_file, is_for_another, is_bought_for_less_than_nothing, says_too_much, wishes_what_contradicts_itself)
    return not any(says(case) for says in never)


def _alone(case: Any) -> set[str]:
    """Parameters that go with hardly any other: of workbooks, of CSV, of rows that are no records.

    The first in every request, whatever else is wrong with it: edited here, it is judged anew.
    """
    found = {"sheet"}
    if not case.meta or not case.meta.generation.mode.is_positive:
        return found
    if (case.query or {}).get("format") != "csv" and "errors.csv" not in case.path:
        found.add("raw")
    if case.path == "/debts" and case.method in ("GET", "HEAD") and len(case.query or {}) > 1:
        found.add("status")
    return found


def lacks_authorization(case: Any) -> bool:
    """Whether a request is meant to show nothing, which the token for all requests would undo."""
    phase = case.meta.phase.data if case.meta else None
    return str(getattr(phase, "parameter", "")).lower() == "authorization"


@schemathesis.hook
def before_call(_context: Any, case: Any, kwargs: Any) -> None:
    """What belongs to one request becomes what no other has: keys, names, passwords, addresses from which one logs in.

    There is no outcome to wait for, nor will there be a position that is not folded yet.
    """
    headers = case.headers
    for name in _alone(case) & set(case.query or {}):
        del case.query[name]
    headers["Prefer"] = "wait=0"
    if re.fullmatch("[!#-~]{1,255}", str(headers.get(KEY, ""))):
        headers[KEY] = uuid4().hex
    if re.fullmatch(REQUEST_HEADERS[POSITIONS]["schema"]["pattern"], str(headers.get(POSITIONS, ""))):
        headers[POSITIONS] = "debts:0"
    if lacks_authorization(case):
        for sent in (headers, kwargs.get("headers") or {}):
            sent.pop("Authorization", None)
    if case.path == "/tokens":
        headers["X-Forwarded-For"] = str(IPv4Address(uuid4().int % 2**32))
    if case.path in NAMED and isinstance(case.body, dict):
        _make_unique(case.body)


def _make_unique(body: dict[str, Any]) -> None:
    """Another name and password where these are good."""
    name, password = body.get("name"), body.get("password")
    if isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        body["name"] = uuid4().hex
    if isinstance(password, str) and 12 <= len(password) <= 256:
        body["password"] = str(uuid4())
