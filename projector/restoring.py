"""What a withdrawal ends, brings back and keeps, as SQL over whole uploads; log -> *projection* -> read table.

Three tables of the transaction: `undone` has the keys whose live versions are the upload's, and where these began;
`step` the versions whose predecessors are looked for, `found` those predecessors.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import text

from projector.folds import Fold
from projector.segments import End, Segment, Segments
from projector.versions import all_columns, end_segment, end_versions
from shared.read_tables import OF_UPLOAD, OPEN_SEGMENT, Ending, Names, quoted

LISTED = 1000
"""Kept records that a withdrawal names; it counts all."""

IS_OF_UPLOAD = f"coalesce(record.change, 'uploaded') IN ({', '.join(repr(str(one)) for one in OF_UPLOAD)})"
CHANGED = ", ".join(repr(str(one)) for one in (Ending.SUPERSEDED, Ending.CORRECTED, Ending.REMOVED))

IS_WITHDRAWN = f"""
    ({IS_OF_UPLOAD} AND EXISTS (
        SELECT FROM read.uploads AS upload
        WHERE (upload.dataset, upload.generation, upload.number) = (:dataset, :generation, record.upload)
            AND upload.state = 'withdrawn'
    )) AS withdrawn
"""

ENDED_SEGMENTS = text("""
    SELECT number, position, ended_position FROM read.segments
    WHERE dataset = :dataset AND generation = :generation AND ended_position IS NOT NULL
""")


class Undone(msgspec.Struct, frozen=True):
    """A withdrawal under way of the upload `number`, whose records were published into `segment`."""

    to: Fold
    number: int
    segment: int

    @property
    def names(self) -> Names:
        return Names(self.to.dataset, self.to.generation)

    @property
    def key(self) -> str:
        return quoted(self.to.dataset.key or "row")

    @property
    def segments(self) -> Segments:
        return Segments(self.to.connection, self.to.dataset, self.to.generation)

    async def run(self, statement: str, **values: object) -> int:
        """Execute a statement; the number of rows of an INSERT."""
        return int((await self.to.connection.execute(text(statement), values)).rowcount)

    async def make(self, table: str, query: str, **values: object) -> int:
        """Make a table of the transaction anew; its number of rows."""
        await self.run(f"DROP TABLE IF EXISTS pg_temp.{table}")
        await self.run(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS {query}", **values)
        return int((await self.to.connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())

    def step(self, begun: str) -> str:
        """The query of what is looked for, of versions that began there.

        What a file replaced are not the versions of its keys, but all that ended when it began.
        """
        return f"SELECT DISTINCT position FROM ({begun}) AS begun" if self.to.dataset.replaces else begun

    async def own_segments(self) -> list[Segment]:
        """The live segments that hold versions of the upload."""
        holding = (OPEN_SEGMENT, *await self.segments.holding(self.number))
        return [one for one in await self.segments.live() if one.number in holding]


async def find_undone(undone: Undone) -> int:
    """Make the table of what is to be undone; how many."""
    parts = [
        f"SELECT {undone.key} AS key, coalesce(position, {segment.position}) AS position"
        f" FROM {undone.names.segment(segment.number)} AS record WHERE upload = {undone.number} AND {IS_OF_UPLOAD}"
        for segment in await undone.own_segments()
    ]
    return await undone.make("undone", " UNION ALL ".join(parts))


async def end_undone(undone: Undone, end: End) -> None:
    """End the versions of the upload: its segment as a whole, what lies in the open one or in merged ones by itself."""
    for segment in await undone.own_segments():
        if segment.number > OPEN_SEGMENT:
            await end_segment(undone.to.connection, undone.to.dataset, undone.to.generation, segment, end)
        else:
            source = f"(SELECT {undone.number} AS number) AS one"
            match = f"record.upload = one.number AND {IS_OF_UPLOAD}"
            await end_versions(undone.to.connection, undone.to.dataset, undone.names, segment, source, match, end)


async def restore(undone: Undone, end: End) -> int:
    """Bring back, as versions of the withdrawal's position, what the undone ones stood in place of; how many."""
    columns = all_columns(undone.to.dataset)
    values = {
        '"segment"': str(OPEN_SEGMENT),
        '"position"': str(end.position),
        '"recorded_at"': "CAST(:at AS timestamptz)",
    }
    brought_back = f"""
        INSERT INTO {undone.names.segment(OPEN_SEGMENT)} ({", ".join(columns)})
        SELECT {", ".join(values.get(column, column) for column in columns)} FROM found WHERE NOT withdrawn
    """
    restored = 0
    of = {"dataset": undone.to.dataset.name, "generation": undone.to.generation}
    await undone.make("step", undone.step("SELECT key, position FROM undone"))
    while await undone.make("found", await _predecessors(undone), **of):
        restored += await undone.run(brought_back, at=end.at)
        await undone.make("step", undone.step(f"SELECT {undone.key} AS key, position FROM found WHERE withdrawn"))
    return restored


async def _predecessors(undone: Undone) -> str:
    """The query of the versions that ended where those in `step` began."""
    columns = [f"record.{column}" for column in all_columns(undone.to.dataset)]
    joined = "JOIN step ON " + ("true" if undone.to.dataset.replaces else f"record.{undone.key} = step.key")
    history = undone.names.history
    parts = [
        (
            f"SELECT {', '.join(columns)}, {IS_WITHDRAWN} FROM {history} AS record {joined}"
            " AND record.ended_position = step.position"
        )
    ]
    of = {"dataset": undone.to.dataset.name, "generation": undone.to.generation}
    for number, position, ended in await undone.to.connection.execute(ENDED_SEGMENTS, of):
        began = f'coalesce(record."position", {position}) AS "position"'
        filled = [began if one == 'record."position"' else one for one in columns]
        parts.append(
            f"SELECT {', '.join(filled)}, {IS_WITHDRAWN} FROM {undone.names.segment(number)} AS record {joined}"
            f" AND step.position = {ended}"
        )
    return " UNION ALL ".join(parts)


async def count_kept(undone: Undone) -> object:
    """The records that live on although the upload once made them, with who has changed them since; some by name."""
    once = [
        (
            f"SELECT {undone.key} AS key FROM {undone.names.history} AS record"
            f" WHERE upload = {undone.number} AND {IS_OF_UPLOAD} AND ended_kind IN ({CHANGED})"
        )
    ]
    once += [
        f"SELECT {undone.key} AS key FROM {undone.names.segment(number)} AS record"
        f" WHERE upload = {undone.number} AND {IS_OF_UPLOAD}"
        for number in await undone.segments.holding(undone.number)
    ]
    kept = f"""
        SELECT DISTINCT CAST(key AS text) AS key, CASE WHEN {IS_OF_UPLOAD} THEN 'upload' ELSE 'person' END AS reason
        FROM ({" UNION ".join(once)}) AS once JOIN {undone.names.records} AS record ON record.{undone.key} = once.key
        WHERE record.segment = ANY(:live) AND NOT EXISTS (SELECT FROM undone WHERE undone.key = once.key)
    """
    live = {"live": [one.number for one in await undone.segments.live()]}
    counted = f"SELECT reason, count(*) FROM ({kept}) AS kept GROUP BY reason"
    counts: dict[str, int] = {row[0]: row[1] for row in await undone.to.connection.execute(text(counted), live)}
    person, upload = counts.get("person", 0), counts.get("upload", 0)
    named = await undone.to.connection.execute(text(f"{kept} ORDER BY 1 LIMIT {LISTED}"), live)
    listed = [dict(row) for row in named.mappings()]
    return {"count": person + upload, "person": person, "upload": upload, "records": listed}
