"""`If-Match`: which versions of a record a change is meant for; *HTTP -> command*."""

from __future__ import annotations

import re

from shared.errors import BadParameter
from shared.http.problems import AnyRequest

HEADER = "If-Match"
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"[\s,]*+{_TAG}(?:\s*+,[\s,]*+{_TAG})*+[\s,]*+")
_VERSION = re.compile(r'(?<!W/)"([1-9][0-9]{0,17})"')


def expected_versions(request: AnyRequest) -> tuple[int, ...] | None:
    """The versions that strong tags of `If-Match` name; None where there is none or `*`; raises BadParameter.

    Weak tags, and those that are no version, match nothing: with them alone no version is expected, and none fits.
    """
    given = request.headers.getall(HEADER, [])
    if not given:
        return None
    text = ", ".join(given)
    if text.strip() == "*":
        return None
    if not _TAGS.fullmatch(text):
        says = f'{HEADER}: {text[:80]!r} is no list of entity tags, as "57" or "56", "57"; nor is it *.'
        raise BadParameter(HEADER, says)
    return tuple(int(version) for version in _VERSION.findall(text))
