"""Keys in folders: the newest signs, all verify, and what is wrong with a folder is said at the start."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from shared.auth.keys import ensure_keys, make_keys, read_public_keys, read_signing_key
from shared.auth.tokens import QUERIES, Signer, Verifier
from shared.errors import BadSettings


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "signing", tmp_path / "public"


def test_the_newest_key_signs_and_the_older_ones_still_verify(folders: tuple[Path, Path]) -> None:
    signing, public = folders
    verifier, signer = Verifier(QUERIES), Signer()
    kids, tokens = [], []
    for _ in range(2):
        kids.append(make_keys(signing, public))
        signer.use(*read_signing_key(str(signing)))
        tokens.append(signer.sign(UUID(int=1), UUID(int=2), ()))
    assert read_signing_key(str(signing))[0] == kids[1]
    verifier.use(read_public_keys(str(public)))
    assert all(verifier.verify(token) for token in tokens)


def test_private_keys_are_for_their_owner_alone_and_never_lie_with_the_public_ones(folders: tuple[Path, Path]) -> None:
    signing, public = folders
    kid = make_keys(signing, public)
    assert (signing / f"{kid}.pem").stat().st_mode & 0o077 == 0
    assert "PRIVATE" not in (public / f"{kid}.pem").read_text()
    with pytest.raises(BadSettings, match="TABLEFOLD_PUBLIC_KEYS_FOLDER"):
        read_public_keys(str(signing))


def test_a_first_pair_is_made_once(folders: tuple[Path, Path]) -> None:
    ensure_keys(*folders)
    ensure_keys(*folders)
    assert [len(list(folder.iterdir())) for folder in folders] == [1, 1]


def test_a_folder_that_is_missing_empty_or_wrong_is_named(tmp_path: Path) -> None:
    for folder in ("", str(tmp_path), str(tmp_path / "none")):
        with pytest.raises(BadSettings, match="TABLEFOLD_PUBLIC_KEYS_FOLDER"):
            read_public_keys(folder)
    (tmp_path / "a.pem").write_text("no key")
    with pytest.raises(BadSettings, match=r"a\.pem cannot be read"):
        read_public_keys(str(tmp_path))
