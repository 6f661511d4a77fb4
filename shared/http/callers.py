"""The caller of a request, once it is known; HTTP -> *command or query*."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from litestar.connection import ASGIConnection
from litestar.types import Scope

from shared.auth.callers import Caller
from shared.errors import Unauthenticated

Connection = ASGIConnection[Any, Any, Any, Any]
KEY = "tablefold_caller"
MOST_KEPT = 1024
"""So many addresses are read once."""

WHO = "Say who you are: `Authorization: Bearer` with a token from POST /tokens, or a key."

_CREDENTIALS = re.compile(r"(?:Bearer|Token) +([!-~]{1,8192})", re.IGNORECASE)


def header_of(scope: Scope, name: bytes) -> str | None:
    """The first header of a request with that name in lower case, without a table of them all, which few need."""
    for own, text in scope["headers"]:
        if own == name:
            return text.decode("latin-1")
    return None


def credential_of(connection: Connection) -> str:
    """The token or key that a request shows; raises Unauthenticated."""
    credentials = _CREDENTIALS.fullmatch(header_of(connection.scope, b"authorization") or "")
    if credentials is None:
        raise Unauthenticated(WHO)
    return credentials[1]


def keep_caller(connection: Connection, caller: Caller) -> None:
    """Note who calls, for the handler."""
    connection.scope["state"][KEY] = caller


def caller_or_nobody(connection: Connection) -> Caller | None:
    """Who calls; None on an open route where nobody said."""
    found: Caller | None = connection.scope["state"].get(KEY)
    return found


def caller_of(connection: Connection) -> Caller:
    """Who calls; raises Unauthenticated where that is not known."""
    caller = caller_or_nobody(connection)
    if caller is None:
        raise Unauthenticated(WHO)
    return caller


def address_of(scope: Scope) -> str:
    """Where a request comes from: the last of `X-Forwarded-For`, which the gateway adds, whatever callers make up.

    Of IPv6 the network of 64 bits: whoever has one such address has them all.
    """
    forwarded = (header_of(scope, b"x-forwarded-for") or "").rpartition(",")[2].strip()
    client = scope.get("client")
    return _caller_at(forwarded[:64] or (client[0] if client else "unknown"))


@lru_cache(MOST_KEPT)
def _caller_at(said: str) -> str:
    try:
        address = IPv6Address(said)
        return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))
    except ValueError:
        return said
