"""Access tokens: JWTs signed with Ed25519 and nothing else, for the APIs of Tablefold alone; beside the flow."""

from __future__ import annotations

import re
import time
from typing import Final
from uuid import UUID, uuid4

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.auth.keys import PublicKeys
from shared.errors import BadSettings, Unauthenticated

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
ISSUER: Final = "tablefold"
COMMANDS: Final = "tablefold:commands"
QUERIES: Final = "tablefold:queries"

ACCESS_S: Final = 15 * 60
"""How long an access token lives."""

LEEWAY_S: Final = 5
"""How far the clocks of two machines may be apart."""

MAX_CHARACTERS: Final = 4096
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid", "jti"]


class Claims(msgspec.Struct, frozen=True):
    """What a verified access token says."""

    sub: UUID
    sid: UUID
    exp: int
    scopes: tuple[str, ...] = ()


class Signer:
    """Signs access tokens that live for `lives_s` seconds with one key, once it has it."""

    def __init__(self, lives_s: int = ACCESS_S) -> None:
        self._lives_s = lives_s
        self._kid = ""
        self._key: Ed25519PrivateKey | None = None

    def use(self, kid: str, key: Ed25519PrivateKey) -> None:
        """Sign with that key from now on."""
        self._kid, self._key = kid, key

    def sign(self, user_id: UUID, session: UUID, scopes: tuple[str, ...]) -> str:
        """A token that both APIs take for as long as it lives."""
        if self._key is None:
            raise BadSettings("There is no key to sign with.")
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": [COMMANDS, QUERIES],
            "sub": str(user_id),
            "sid": str(session),
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + self._lives_s,
            "scopes": list(scopes),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": self._kid})


class Verifier:
    """Verifies access tokens for one audience; before it has keys it refuses all."""

    def __init__(self, audience: str) -> None:
        self._keys: PublicKeys = {}
        self._audience = audience

    def use(self, keys: PublicKeys) -> None:
        """Take tokens that one of these keys signed, and no others."""
        self._keys = keys

    def verify(self, token: str) -> Claims:
        """What the token says; raises Unauthenticated for any that is not whole, ours, for this API and in its time."""
        if len(token) > MAX_CHARACTERS or not _FORM.fullmatch(token):
            raise refused()
        try:
            header = jwt.get_unverified_header(token)
            kid = header.pop("kid", None)
            key = self._keys.get(kid) if isinstance(kid, str) else None
            if header != {"alg": ALGORITHM, "typ": TYPE} or key is None:
                raise refused()
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": _REQUIRED},
            )
            return msgspec.convert(claims, Claims)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise refused() from error


def refused() -> Unauthenticated:
    """The same words, whatever is wrong with a token."""
    return Unauthenticated("The token is not valid, or not any more. Log in again: POST /tokens.")
