"""What no OpenAPI document can say: parameters that exclude each other, and text that only we can have written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import schemathesis

from shared.datasets.catalogue import shipped

KEY = "Idempotency-Key"
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


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Whether a request is one that the document's words, too, allow."""
    never = (is_file, is_for_another, is_bought_for_less_than_nothing, says_too_much)
    return not any(says(case) for says in never)


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """A key belongs to one request: a good one becomes one that no other has. There is no outcome to wait for."""
    headers = case.headers or {}
    headers["Prefer"] = "wait=0"
    if re.fullmatch("[!#-~]{1,255}", str(headers.get(KEY, ""))):
        headers[KEY] = uuid4().hex
