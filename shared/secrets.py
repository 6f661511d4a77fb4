"""Passwords and keys among the settings: where they belong in a URL, and which of them are none; beside the flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from shared.errors import BadSettings

WORDS: Final = """
    admin adminpass123! administrator change-me change_me changeit changeme default demo example guest letmein p4ssw0rd
    pass passw0rd password postgres rabbitmq root s3cret secret tablefold test
"""
EXAMPLES: Final = frozenset(WORDS.split())
"""Passwords that stand in documentation, in images and in examples, ours among them; by small letters."""

DISTINCT: Final = 8
"""So many different characters a key has at least; what people type to fill a field has fewer."""


def with_password(url: str, password: str) -> str:
    """A URL with the password of the user whom it names; unchanged where it has one or names nobody."""
    parts = urlsplit(url)
    if not password or parts.username is None or parts.password is not None:
        return url
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.rstrip(':')}:{quote(password, safe='')}{at}{host}").geturl()


def refuse_examples(settings: Mapping[str, object]) -> None:
    """Raise BadSettings where a password or key is one of those that everybody knows; it names the variable."""
    for field, value in settings.items():
        secret = _secret_of(field, str(value))
        if secret and (secret.lower() in EXAMPLES or (field.endswith("_key") and len(set(secret)) < DISTINCT)):
            name = f"TABLEFOLD_{field.upper()}"
            instead = f"TABLEFOLD_{_field_of_password(field).upper()}_FILE"
            raise BadSettings(
                f"{name} has a value that stands in examples. Make one with `openssl rand -hex 24`, keep it in a file"
                f" and name that file in {instead}."
            )


def _secret_of(field: str, value: str) -> str:
    if field.endswith(("_password", "_key")):
        return value
    return unquote(urlsplit(value).password or "") if field.endswith("_url") else ""


def _field_of_password(field: str) -> str:
    if not field.endswith("_url"):
        return field
    return "amqp_password" if field.startswith("amqp") else "database_password"
