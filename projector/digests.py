"""What two generations of a dataset say, as rows that can be hashed and compared; *read table* -> projection.

How a generation stores something (in which segment, said once or for each record) must not matter, so every part is a
query of what it means. A hash of a row is PostgreSQL's own; the digest of many is the sum of theirs, in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Field
from shared.ranking_tables import RECORDS, kept_tables
from shared.read_tables import Names, quoted

BUCKETS = 4096
"""A power of two: rows are told apart by so many hashes of their identities before they are compared one by one."""

PROVENANCE = "record.upload, record.row, record.actor, coalesce(record.change, 'uploaded') AS change"
BEGUN = (
    "coalesce(record.position, segment.position) AS position, coalesce(record.recorded_at, segment.recorded_at) AS at"
)
ENDED = ("ended_position", "ended_at", "ended_kind", "ended_by", "ended_actor")

UPLOADS = """
    number, id, state, published_position, withdrawn_position, CAST(withdrawal AS text) AS withdrawal,
    CAST(failure AS text) AS failure, {}
"""
PARKED = """
    SELECT position, type, keys, state, reason, behind, upload_id, actor, recorded_at, ended_position, ended_at,
        ended_by, ended_reason
    FROM read.parked WHERE dataset = :dataset AND generation = {}
"""
COUNTED = (
    "rows_read",
    "rows_accepted",
    "rows_rejected",
    "rows_duplicate",
    "rows_blank",
    "records",
    "records_superseded",
)


class Part(msgspec.Struct, frozen=True):
    """Rows of one sort: `rows` is their query, `identity` (SQL) tells them apart.

    `by_value` says that several may share an identity: one that changes is then gone and new. The columns
    `hidden` count and are not shown: they may hold sensitive values, and not by the names of their fields.
    """

    name: str
    rows: str
    identity: str
    by_value: bool = False
    hidden: tuple[str, ...] = ()

    @property
    def hashed(self) -> str:
        """The query of identity, bucket and hash of each row, and the row as JSON."""
        hidden = f"{{{','.join(self.hidden)}}}"
        return f"""
            SELECT identity, hashtextextended(identity, 7) & {BUCKETS - 1} AS bucket,
                hashtextextended(CAST(this_row AS text), 0) AS hash,
                to_jsonb(this_row) - CAST('{hidden}' AS text[]) AS shown
            FROM (SELECT this_row, {self.identity} AS identity FROM ({self.rows}) AS this_row) AS identified
        """

    @property
    def digests(self) -> str:
        """The query of how many rows each bucket has, and of the sum of their hashes."""
        return f"""
            SELECT hashtextextended({self.identity}, 7) & {BUCKETS - 1} AS bucket, count(*) AS rows,
                CAST(sum(CAST(hashtextextended(CAST(this_row AS text), 0) AS numeric)) AS text) AS sum
            FROM ({self.rows}) AS this_row GROUP BY 1
        """


def parts_of(dataset: Dataset, generation: int, fields: Collection[str]) -> list[Part]:
    """All that a generation says, in these fields of its records; its queries have `:dataset` bound."""
    return [
        *_versions(dataset, generation, fields),
        *_of_files(dataset, generation),
        Part("parked", PARKED.format(generation), "CAST(this_row.position AS text)", hidden=("keys",)),
        *(_totals(dataset, generation, name) for name in (groups.name for groups in kept_tables(dataset))),
    ]


def _versions(dataset: Dataset, generation: int, fields: Collection[str]) -> list[Part]:
    names = Names(dataset, generation)
    members = [dataset.members.name] if dataset.members else []
    own = ", ".join(
        f"record.{quoted(one)}" for one in (*(each.name for each in dataset.fields), *members) if one in fields
    )
    own = f"{own}, {PROVENANCE}" if own else PROVENANCE
    records = f"""
        FROM {names.records} AS record JOIN read.segments AS segment ON segment.number = record.segment
        WHERE segment.dataset = :dataset AND segment.generation = {generation}
    """
    ended = ", ".join(f"segment.{one}" for one in ENDED)
    key = " || ':' || ".join(f"CAST(this_row.{quoted(one)} AS text)" for one in dataset.key_columns)
    key = _told(key, (field for field in dataset.fields if field.name == dataset.key))
    past = f"""
        SELECT {own}, {BEGUN}, {ended} {records} AND segment.ended_position IS NOT NULL
        UNION ALL
        SELECT {own}, record.position, record.recorded_at AS at, {", ".join(f"record.{one}" for one in ENDED)}
        FROM {names.history} AS record
    """
    return [
        Part("records", f"SELECT {own}, {BEGUN} {records} AND segment.ended_position IS NULL", key),
        Part("history", past, f"{key} || '@' || this_row.position"),
    ]


def _of_files(dataset: Dataset, generation: int) -> list[Part]:
    """Rejected rows and reports, as far as the log and not the moment says what is in them."""
    names = Names(dataset, generation)
    rejects = "upload, row, line, outcome, CAST(cells AS text) AS cells, key"
    book = f"read.uploads WHERE dataset = :dataset AND generation = {generation}"
    published = f"upload IN (SELECT number FROM {book} AND published_position IS NOT NULL)"
    counted = ", ".join(f"CASE WHEN published_position IS NOT NULL THEN {one} END AS {one}" for one in COUNTED)
    row = "this_row.upload || ':' || this_row.row"
    return [
        Part(
            "rejects",
            f"SELECT {rejects} FROM {names.rejects} WHERE {published}",
            row,
            hidden=("cells", "key"),
        ),
        Part("row_errors", f"SELECT * FROM {names.row_errors} WHERE {published}", row, by_value=True),
        Part(
            "uploads",
            f"SELECT {UPLOADS.format(counted)} FROM {book} AND state IN ('published', 'withdrawn', 'failed')",
            "CAST(this_row.id AS text)",
        ),
    ]


def _totals(dataset: Dataset, generation: int, name: str) -> Part:
    groups = next(one for one in kept_tables(dataset) if one.name == name)
    keys, columns = [*groups.keys], [*groups.keys, RECORDS, *groups.measures]
    identity = _told(" || ':' || ".join(f"CAST(this_row.{quoted(one)} AS text)" for one in keys), groups.keys.values())
    table = Names(dataset, generation).groups(name)
    return Part(name, f"SELECT {', '.join(quoted(one) for one in columns)} FROM {table}", identity)


def _told(identity: str, fields: Iterable[Field]) -> str:
    """An identity that may be told to everybody, because it is hashed where it is made of sensitive values."""
    return f"md5({identity})" if any(field.sensitive for field in fields) else identity
