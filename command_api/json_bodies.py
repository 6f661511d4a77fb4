"""A JSON body as plain data: *HTTP -> command*. Numbers stay as they were written, names given twice are noticed."""

from __future__ import annotations

import json
from collections import Counter
from typing import NoReturn

import msgspec

from shared.checking import Number
from shared.errors import Refused, WrongMediaType
from shared.http.problems import AnyRequest

BODY_BYTES = 1024 * 1024
"""The longest body of a command that is no file."""

JSON = ("application/json",)
MERGE_PATCH = ("application/merge-patch+json", "application/json")


class Repeating(dict[str, object]):
    """An object in which names were given more than once; the last value counts."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.repeated = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)


def read_json(request: AnyRequest, body: bytes, media_types: tuple[str, ...]) -> object:
    """What a body says; objects are dicts, Repeating where they must be, numbers are Number.

    Raises WrongMediaType for one that says it is something else, Refused for what is no JSON.
    """
    said = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if said and said not in media_types:
        raise WrongMediaType("format-error", f"The body is {said[:80]!r}. Send it as {' or '.join(media_types)}.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise WrongMediaType("format-error", "The body is compressed. Send it as it is.")
    return decode(body)


def decode(body: bytes) -> object:
    """What JSON says; raises Refused."""
    try:
        if b"\\u" in body:
            msgspec.json.decode(body)  # Refuses half a surrogate pair, which is no text that could be kept.
        return _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        says = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refused(f"The body is no JSON in UTF-8: {says}. Send an object of fields.") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeating(pairs)


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=_constant)
