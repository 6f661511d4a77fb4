"""What a declaration says of its rankings: the first N groups, or the first N records; beside the flow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from shared.datasets.fields import Field, Kind

NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
OUTPUT = re.compile(r"[a-z][a-z0-9_]{0,19}")
"""Both short: the names of their tables hold a ranking's and an output's, and PostgreSQL's names hold 63 bytes."""

TAKEN = ("records", "segment")
"""Columns that group tables have for themselves."""


class Count(msgspec.Struct, frozen=True, tag=True):
    """How many records a group has; `where` counts only those in which a field has that value."""

    where: tuple[str, str] | None = None


class Sum(msgspec.Struct, frozen=True, tag=True):
    """The sum of a number over the records of a group, exact; a record without the number adds 0.

    `where` adds only records in which a field has that value; `absolute` adds numbers without their sign.
    """

    field: str
    where: tuple[str, str] | None = None
    absolute: bool = False


Measure = Count | Sum


class Shared(msgspec.Struct, frozen=True):
    """The values of a field that a listed group has and at least `by_at_least` of the listed ones have, sorted."""

    field: str
    by_at_least: int = 2


class Ranking(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The groups of records that come first by a measure, the largest first, ties in the order of the groups.

    `group`, `measures` and `extras` are named as they are shown; `group` maps to fields that every record has. `order`
    is one of the measures. With `per` each value of that field has a ranking of its own. `limit` is how many are listed
    unless asked otherwise. `also` is a second name that the list has in answers.

    The totals are kept with the rows, in the transaction that changes these, unless `kept` is False: then they are
    added up whenever somebody asks, which suits groups that are nearly as many as records.
    """

    name: str
    title: str
    group: dict[str, str]
    measures: dict[str, Measure]
    order: str
    per: str | None = None
    limit: int = 10
    extras: dict[str, Shared] = {}
    also: str | None = None
    kept: bool = True

    @property
    def keys(self) -> dict[str, str]:
        """What tells one total from another, as shown: the group and the value of `per`."""
        return {**self.group, **({self.per: self.per} if self.per else {})}


class RecordRanking(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The records that come first by a field, the largest first, ties in the order of their keys.

    `fields` are shown. With `per` each value of that field has a ranking of its own.
    """

    name: str
    title: str
    fields: tuple[str, ...]
    order: str
    per: str | None = None
    limit: int = 10
    also: str | None = None


AnyRanking = Ranking | RecordRanking


def faults_of_rankings(rankings: tuple[AnyRanking, ...], fields: Mapping[str, Field]) -> Iterator[str]:
    """What is wrong with the rankings of a dataset whose records have these fields, to stand behind its name."""
    names = [ranking.name for ranking in rankings]
    if len(set(names)) < len(names):
        yield "has two rankings of one name."
    for ranking in rankings:
        for fault in _faults(ranking, fields):
            yield f"has a ranking {ranking.name!r} {fault}"


def _faults(ranking: AnyRanking, fields: Mapping[str, Field]) -> Iterator[str]:
    if not NAME.fullmatch(ranking.name):
        yield "whose name is no short word of a-z, 0-9 and -."
    if not 1 <= ranking.limit <= 1000:
        yield "with a limit that is not from 1 to 1000."
    if ranking.per and _kind(fields, ranking.per) not in (Kind.TEXT, Kind.CHOICE):
        yield "per a field that is neither a choice nor a text."
    match ranking:
        case Ranking():
            yield from _faults_of_outputs(ranking)
            yield from _faults_of_groups(ranking, fields)
        case RecordRanking():
            shown = {*ranking.fields, ranking.order, *([ranking.per] if ranking.per else [])}
            if missing := [name for name in sorted(shown) if name not in fields]:
                yield f"of fields that are not there: {', '.join(missing)}."
            elif not fields[ranking.order].required:
                yield f"by {ranking.order!r}, which not every record has."


def _faults_of_outputs(ranking: Ranking) -> Iterator[str]:
    shown = [*ranking.keys, *ranking.measures, *ranking.extras]
    if len(set(shown)) < len(shown) or any(name in TAKEN or not OUTPUT.fullmatch(name) for name in shown):
        yield f"that shows two things by one name, or by one that is long or taken: {', '.join(shown)}."
    if ranking.order not in ranking.measures:
        yield f"by {ranking.order!r}, which is none of its measures."
    if ranking.extras and ranking.per:
        yield "with extras, which those per a field cannot have."
    if not ranking.kept and (ranking.per or ranking.extras):
        yield "that is not kept, which has neither extras nor a field that it is per."


def _faults_of_groups(ranking: Ranking, fields: Mapping[str, Field]) -> Iterator[str]:
    needed = [*ranking.keys.values(), *(extra.field for extra in ranking.extras.values())]
    if not ranking.group or any(name not in fields or _may_lack(fields[name]) for name in needed):
        yield f"of groups by what not every record has: {', '.join(needed)}."
    for name, measure in ranking.measures.items():
        if isinstance(measure, Sum) and _kind(fields, measure.field) not in (Kind.INTEGER, Kind.DECIMAL):
            yield f"whose {name} adds up {measure.field!r}, which is no number."
        if measure.where and _kind(fields, measure.where[0]) not in (Kind.TEXT, Kind.CHOICE):
            yield f"whose {name} has a condition on {measure.where[0]!r}, which is neither a choice nor a text."


def _may_lack(field: Field) -> bool:
    return not field.required and field.default is None


def _kind(fields: Mapping[str, Field], name: str) -> Kind | None:
    return fields[name].kind if name in fields else None
