"""Passwords: which are taken, how they are kept, and how many are hashed at once."""

from __future__ import annotations

import asyncio

import pytest

from command_api.passwords import COMMON, MOST_WAITING, Passwords
from shared.errors import BadPassword, Unavailable


def test_common_short_and_endless_passwords_and_the_own_name_are_refused() -> None:
    passwords = Passwords()
    common = COMMON.read_text().split()
    assert len(common) > 250
    assert min(map(len, common)) >= 12
    for bad in (*common, common[0].upper(), "short", "x" * 11, "x" * 257, "", "ann-of-the-hills"):
        with pytest.raises(BadPassword):
            passwords.check(bad, "ann-of-the-hills")
    assert COMMON.with_name("common_passwords.LICENSE.txt").exists()


@pytest.mark.parametrize("good", ["twelve chars", "x" * 256, "пароль из слов", "🐎 battery staple", "trailing space "])
async def test_a_password_is_kept_as_argon2id_and_compared_exactly(good: str) -> None:
    passwords = Passwords()
    passwords.check(good, "ann")
    kept = await passwords.hash(good)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(good, kept)
    assert not await passwords.verify(good + "x", kept)
    assert not await passwords.verify(good.strip()[:-1], kept)
    assert not passwords.is_outdated(kept)


async def test_where_there_is_no_user_nothing_matches() -> None:
    passwords = Passwords()
    assert not await passwords.verify("nobody has this password", None)
    assert not await passwords.verify("a password of mine", "no hash at all")


async def test_only_so_many_wait_for_their_hash() -> None:
    passwords = Passwords()
    found = await asyncio.gather(
        *(passwords.hash("a password of mine") for _ in range(MOST_WAITING + 3)), return_exceptions=True
    )
    assert [type(one) for one in found if not isinstance(one, str)] == [Unavailable] * 3
