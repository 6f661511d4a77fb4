"""`Idempotency-Key`: the same request twice is one command; *HTTP -> command*.

A key counts for one caller, method and path. It is claimed in the transaction that appends the event, with a
fingerprint of everything that the request asked for.
"""

from __future__ import annotations

import hashlib
import re

from shared.errors import BadParameter
from shared.event_store import Idempotency
from shared.http.problems import AnyRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_CHARACTERS = 255
_KEY = re.compile(rf"[!#-~]{{1,{KEY_CHARACTERS}}}")
_QUOTED = re.compile(r'"([ !#-\[\]-~]*)"')
"""A string as structured fields have it, without escapes."""


def read_claim(request: AnyRequest, actor: str) -> str | None:
    """Under which name a request claims its key, or None where it has none; raises BadParameter for a bad key."""
    given = request.headers.getall(HEADER, [])
    if not given:
        return None
    key = _QUOTED.fullmatch(given[0].strip())
    name = key[1] if key else given[0].strip()
    if len(given) > 1 or not _KEY.fullmatch(name):
        says = f"{HEADER}: one key of 1 to {KEY_CHARACTERS} printable ASCII characters without blanks, such as a UUID."
        raise BadParameter(HEADER, says)
    return f"key:{_hash(actor, request.method, request.scope['path'], name)}"


def read_idempotency(request: AnyRequest, actor: str, *asked: str | bytes | None) -> Idempotency | None:
    """The key of a request with the fingerprint of its query and of what else it `asked`; raises BadParameter."""
    claim = read_claim(request, actor)
    return None if claim is None else Idempotency(claim, fingerprint(request, *asked))


def fingerprint(request: AnyRequest, *asked: str | bytes | None) -> str:
    """What tells a request from others with the same key: its query and all that it asked for, such as its body."""
    return _hash(request.scope["query_string"], *asked)


def _hash(*parts: str | bytes | None) -> str:
    found = hashlib.sha256()
    for part in parts:
        content = part.encode(errors="surrogateescape") if isinstance(part, str) else part or b""
        found.update(b"%d:" % (-1 if part is None else len(content)))
        found.update(content)
    return found.hexdigest()
