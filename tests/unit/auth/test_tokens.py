"""Access tokens: only what we signed, for this API and in its time, is taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cli.servers.folder import ROOT
from shared.auth.tokens import ACCESS_S, COMMANDS, ISSUER, LEEWAY_S, QUERIES, TYPE, Signer, Verifier
from shared.errors import Unauthenticated

CORPORA = ROOT.parent / "shared" / "corpora"
KID = "2026"
KEY = Ed25519PrivateKey.generate()
USER, SESSION = UUID(int=7), UUID(int=8)
Words = dict[str, Any]


def verifier(audience: str = QUERIES) -> Verifier:
    found = Verifier(audience)
    found.use({KID: KEY.public_key()})
    return found


def token(header: Words | None = None, key: Any = KEY, algorithm: str = "EdDSA", **claims: Any) -> str:
    """A good token, but for what is given; a claim of None is left out."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": [COMMANDS, QUERIES], "sub": str(USER), "sid": str(SESSION), "jti": "1"}
    said = {**good, "iat": now, "exp": now + 60, **claims}
    headers = {"typ": TYPE, "kid": KID, **(header or {})}
    given = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(given, key, algorithm=algorithm, headers=headers)


def refuses(text: str) -> None:
    with pytest.raises(Unauthenticated):
        verifier().verify(text)


def test_a_token_says_who_and_with_which_scopes_to_both_apis() -> None:
    signer = Signer()
    signer.use(KID, KEY)
    signed = signer.sign(USER, SESSION, ("sensitive:read",))
    for audience in (COMMANDS, QUERIES):
        claims = verifier(audience).verify(signed)
        assert (claims.sub, claims.sid, claims.scopes) == (USER, SESSION, ("sensitive:read",))
        assert 0 < claims.exp - time.time() <= ACCESS_S <= 900


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": int(time.time()) - LEEWAY_S - 1},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"aud": "somewhere else"},
        {"aud": [COMMANDS]},
        {"iss": "somebody"},
        {"sub": "root"},
        {"scopes": "sensitive:read"},
        *({name: None} for name in ("exp", "iat", "iss", "aud", "sub", "sid", "jti")),
    ],
    ids=lambda claims: "-".join(claims),
)
def test_a_claim_that_is_wrong_or_missing_is_refused(claims: Words) -> None:
    verifier().verify(token())
    refuses(token(**claims))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"kid": "other"},
        {"kid": "../2026"},
        {"kid": "' OR 1=1 --"},
        {"kid": "/dev/null"},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "OKP"}},
        {"crit": ["exp"]},
    ],
    ids=str,
)
def test_a_header_that_says_anything_else_is_refused(header: Words) -> None:
    refuses(token(header))


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_no_other_algorithm_is_taken_whatever_it_is_signed_with() -> None:
    _, body, signature = token().split(".")
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    raw = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    for name in ("none", "None", "NONE", "HS256", "ES256", "Ed448", "EdDSA\0"):
        refuses(f"{encoded({'alg': name, 'typ': TYPE, 'kid': KID})}.{body}.{signature}")
    refuses(f"{encoded({'alg': 'none', 'typ': TYPE, 'kid': KID})}.{body}.")
    for secret in (pem, raw):
        head = encoded({"alg": "HS256", "typ": TYPE, "kid": KID})
        mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        refuses(f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")
    refuses(token(key=Ed25519PrivateKey.generate()))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-4],
        lambda text: text + "=",
        lambda text: f" {text}",
        lambda text: text.replace(".", "..", 1),
        lambda text: text + ".x",
        lambda _: "",
        lambda _: "a.b.c",
        lambda _: "é.é.é",
        lambda _: f"{'W1tb' * 900}.{'A' * 10}.{'A' * 10}",
        lambda text: text + "A" * 5000,
    ],
)
def test_a_token_that_is_not_whole_is_refused(change: Callable[[str], str]) -> None:
    refuses(change(token()))


def test_before_it_has_keys_a_verifier_refuses_all() -> None:
    with pytest.raises(Unauthenticated):
        Verifier(QUERIES).verify(token())


class AnyKid(dict[str, Ed25519PublicKey]):
    """Keys among which every KID finds ours, so that nothing is refused for its KID alone."""

    def get(self, *_: object) -> Ed25519PublicKey:
        return KEY.public_key()


def vectors() -> list[str]:
    """Every token of Wycheproof, the valid ones too: none of them is ours."""
    files = sorted((CORPORA / "wycheproof-jose" / "testvectors_v1").glob("json_web_*_test.json"))
    groups = [group for file in files for group in json.loads(file.read_text())["testGroups"]]
    found = [one.get("jws", one.get("jwe")) for group in groups for one in group["tests"]]
    return [one if isinstance(one, str) else json.dumps(one) for one in found]


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the repository")
def test_every_wycheproof_token_is_refused_as_it_is_and_under_a_header_of_ours() -> None:
    strict = Verifier(QUERIES)
    strict.use(AnyKid())
    good = token({"kid": "whatever"})
    assert strict.verify(good).sub == USER
    head, body, _ = good.split(".")
    known = vectors()
    assert len(known) > 600
    for text in known:
        parts = [part for part in text.split(".") if re.fullmatch(r"[\w-]+", part)]
        forged = [f"{head}.{part}.{signature}" for part in (body, *parts[1:2]) for signature in parts[-1:]]
        for one in (text, *forged):
            with pytest.raises(Unauthenticated):
                strict.verify(one)


@pytest.mark.parametrize("change", range(0, 64, 3))
def test_a_signature_that_differs_in_one_bit_is_refused(change: int) -> None:
    head, body, signature = token().split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[change] ^= 1
    refuses(f"{head}.{body}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}")
