"""API keys: random secrets for machines, kept as a hash; beside the flow."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

import msgspec

PREFIX: Final = "tfk_"
_FORM = re.compile(r"tfk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class ApiKey(msgspec.Struct, frozen=True):
    """The id of a key, which is no secret, and the hash of its secret part."""

    key_id: str
    secret_hash: bytes


def new_api_key() -> tuple[str, ApiKey]:
    """A key with 256 random bits, as its owner gets it and as it is kept."""
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    return f"{PREFIX}{key_id}_{secret}", ApiKey(key_id, hash_of(secret))


def read_api_key(text: str) -> ApiKey | None:
    """The id and hash of a key that somebody shows, or None where it is none by its form."""
    found = _FORM.fullmatch(text)
    return ApiKey(found[1], hash_of(found[2])) if found else None


def hash_of(secret: str) -> bytes:
    """SHA-256: enough for a secret that is random."""
    return hashlib.sha256(secret.encode()).digest()
