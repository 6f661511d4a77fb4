"""Ed25519 keys as files, one pair for each `kid`; beside the flow.

A folder holds `KID.pem`: one with the public keys, for every API; one with the private keys, for the command API. The
private key with the greatest KID signs. To change keys, add a pair, let every API start again, and remove the old pair
once the last token that it signed has expired.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.errors import BadSettings

PublicKeys = Mapping[str, Ed25519PublicKey]
Read = TypeVar("Read")

_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_public_keys(folder: str) -> PublicKeys:
    """All public keys by kid; raises BadSettings where the folder is missing, has none, or holds something else."""

    def load(pem: bytes) -> Ed25519PublicKey | None:
        key = load_pem_public_key(pem)
        return key if isinstance(key, Ed25519PublicKey) else None

    return _read(folder, "TABLEFOLD_PUBLIC_KEYS_FOLDER", load)


def read_signing_key(folder: str) -> tuple[str, Ed25519PrivateKey]:
    """The kid and the key that signs; raises BadSettings like `read_public_keys`."""

    def load(pem: bytes) -> Ed25519PrivateKey | None:
        key = load_pem_private_key(pem, password=None)
        return key if isinstance(key, Ed25519PrivateKey) else None

    keys = _read(folder, "TABLEFOLD_SIGNING_KEYS_FOLDER", load)
    kid = max(keys)
    return kid, keys[kid]


def make_keys(signing: Path, public: Path) -> str:
    """Add a pair and answer its kid. The public key is there first: no token is signed that nobody can verify."""
    kid = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    private_key = Ed25519PrivateKey.generate()
    public_pem = private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private_pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for folder, pem, mode in ((public, public_pem, 0o644), (signing, private_pem, 0o600)):
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"{kid}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(pem)
        fresh.rename(folder / f"{kid}.pem")
    return kid


def ensure_keys(signing: Path, public: Path) -> None:
    """Make the first pair where there is none."""
    if not list(signing.glob("*.pem")):
        make_keys(signing, public)


def _read(folder: str, variable: str, load: Callable[[bytes], Read | None]) -> dict[str, Read]:
    if not folder:
        raise BadSettings(f"{variable} is not set; `./tablefold up` makes keys and sets it.")
    found: dict[str, Read] = {}
    for path in sorted(Path(folder).glob("*.pem")):
        try:
            key = load(path.read_bytes())
        except (ValueError, TypeError, OSError) as error:
            raise BadSettings(f"{variable}: {path} cannot be read as a key: {error}") from error
        if key is None or not _KID.fullmatch(path.stem):
            raise BadSettings(f"{variable}: {path} is no such Ed25519 key, or its name is none.")
        found[path.stem] = key
    if not found:
        raise BadSettings(f"{variable}: {folder} has no keys (KID.pem); `python -m command_api migrate` makes a pair.")
    return found
