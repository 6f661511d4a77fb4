"""`Prefer: wait=5` and `Prefer: respond-async` (RFC 7240): how long a caller waits; *HTTP* -> command or query."""

from __future__ import annotations

import re

WAIT_S = 2
MAX_WAIT_S = 10
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?([0-9]{1,4})\"?\s*(?:$|[,;])", re.IGNORECASE)
_ASYNC = re.compile(r"(?:^|[,;])\s*respond-async\s*(?:$|[,;=])", re.IGNORECASE)


def wait_s(prefer: str) -> int:
    """The patience that a `Prefer` header asks for, in seconds, from 0 to 10; 2 where it does not."""
    found = _WAIT.search(prefer)
    return min(int(found[1]), MAX_WAIT_S) if found else WAIT_S


def responds_async(prefer: str) -> bool:
    """Whether the caller does not want to wait at all."""
    return _ASYNC.search(prefer) is not None
