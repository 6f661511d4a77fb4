"""The query string, checked against the parameters that an endpoint declares; *HTTP -> query*."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from urllib.parse import parse_qsl, urlencode

import msgspec

from shared.datasets.fields import Kind
from shared.errors import BadParameter
from shared.selection.values import Value, read_choice, read_value

MAX_PARAMETERS = 100
_PLAIN = re.compile(r"[0-9A-Za-z_.~-]*")

SHORT_BYTES = 512
"""A longer query string is split each time."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One query parameter; OpenAPI is derived from it.

    `minimum` and `maximum` (of integers) are inclusive. `listed` are the names that a comma-separated list may hold.
    """

    name: str
    kind: Kind
    description: str
    choices: tuple[str, ...] = ()
    repeatable: bool = False
    listed: tuple[str, ...] = ()
    default: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    remedy: str = ""
    """What to do where a value is out of bounds."""

    @cached_property
    def unless_given(self) -> Value | None:
        """The value of the default."""
        return None if self.default is None else self.read(self.default)

    def read(self, text: str) -> Value:
        """The value of one occurrence; raises BadParameter that says what was expected."""
        try:
            value = read_choice(text, self.choices) if self.choices else read_value(self.kind, text)
        except ValueError as error:
            raise BadParameter(self.name, f"{self.name}: {short(text)} is not {error}.") from None
        if isinstance(value, int):
            self._check_bounds(value)
        return value

    def _check_bounds(self, value: int) -> None:
        low, high = self.minimum, self.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            says = f"{self.name}: {value} is not from {low} to {high}"
            raise BadParameter(self.name, f"{says}; {self.remedy}." if self.remedy else f"{says}.")


Parameters = Mapping[str, Parameter]
Pairs = tuple[tuple[str, str], ...]


class Query(msgspec.Struct, frozen=True, dict=True):
    """A path with the query parameters that came with it, all of them known to the endpoint."""

    path: str
    pairs: Pairs
    known: Parameters

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, text in self.pairs:
            found.setdefault(name, []).append(text)
        return found

    def all(self, name: str) -> list[Value]:
        """Every value of a parameter; raises BadParameter."""
        return [self.known[name].read(text) for text in self._texts.get(name, ())]

    def one(self, name: str) -> Value | None:
        """The value of a parameter or its default; raises BadParameter."""
        if name in self._texts:
            return self.all(name)[0]
        return self.known[name].unless_given

    def integer(self, name: str) -> int:
        """The value of an integer parameter that has a default; raises BadParameter."""
        value = self.one(name)
        if not isinstance(value, int):
            raise TypeError(f"{name} has no default.")
        return value

    def listed(self, name: str) -> tuple[str, ...] | None:
        """The names in a list separated by commas, None where it is not given; raises BadParameter."""
        text = self.one(name)
        if text is None:
            return None
        known, found = self.known[name].listed, tuple(part.strip() for part in str(text).split(","))
        for part in found:
            if part not in known:
                raise unknown("field", part, known, name)
        if len(set(found)) < len(found):
            raise BadParameter(name, f"{name} names a field twice; name it once.")
        return found

    def has(self, name: str) -> bool:
        return name in self._texts

    def link(self, **replaced: str) -> str:
        """This path with these parameters but those that tell the page, which `replaced` gives."""
        others = ("cursor", "offset", *replaced)
        kept = [pair for pair in self.pairs if pair[0] not in others]
        said = "&".join([_encoded(*pair) for pair in (*kept, *replaced.items())])
        return f"{self.path}?{said}".removesuffix("?")


def _encoded(name: str, text: str) -> str:
    """One parameter of a URL; most need no escaping, which costs less to find out than to do."""
    return f"{name}={text}" if _PLAIN.fullmatch(text) else urlencode([(name, text)])


def split_query(raw: bytes) -> Pairs:
    """Names and texts of a query string, those that were asked for last from memory; raises ValueError for too many."""
    return _split(raw) if len(raw) <= SHORT_BYTES else _split.__wrapped__(raw)


@lru_cache(1024)
def _split(raw: bytes) -> Pairs:
    decoded = raw.decode(errors="surrogateescape")
    if b"%" in raw or b"+" in raw or raw.count(b"&") >= MAX_PARAMETERS:
        return tuple(parse_qsl(decoded, True, errors="surrogateescape", max_num_fields=MAX_PARAMETERS))
    named = [one.partition("=") for one in decoded.split("&") if one]  # Nothing is escaped: it is as it is.
    return tuple([(name, text) for name, _, text in named])


def read_query(path: str, raw: bytes, known: Parameters) -> Query:
    """Split a query string; raises BadParameter for a name that is unknown, given twice, or no UTF-8."""
    try:
        pairs = split_query(raw)
    except ValueError:
        raise BadParameter("", f"A query has at most {MAX_PARAMETERS} parameters.") from None
    seen: set[str] = set()
    for name, text in pairs:
        _check_utf8(name, text)
        if name not in known:
            raise unknown("parameter", name, tuple(known), name)
        if name in seen and not known[name].repeatable:
            raise BadParameter(name, f"{name} is given twice; give it once.")
        seen.add(name)
    return Query(path, pairs, known)


def unknown(what: str, name: str, known: tuple[str, ...], parameter: str) -> BadParameter:
    """The error for a name that is none of `known`, with the one most like it."""
    near = difflib.get_close_matches(name[:100], known, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"There is {', '.join(known)}." if known else "There is none."
    return BadParameter(parameter, f"There is no {what} {short(name)} here. {remedy}", near[0] if near else None)


def short(text: str) -> str:
    """A caller's text as it may stand in a message."""
    return repr(text if len(text) <= 80 else f"{text[:80]}...")


def _check_utf8(name: str, text: str) -> None:
    try:
        f"{name}{text}".encode()
    except UnicodeEncodeError:
        shown = name.encode(errors="replace").decode()
        raise BadParameter(shown, f"{shown}: the value is not UTF-8 with percent escapes.") from None
