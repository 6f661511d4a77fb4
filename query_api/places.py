"""Rows of files by the number of their upload and their own, as a table to join with; *query* -> read table."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

Place = tuple[int, int]
"""The number of an upload and a row of its file."""


def place_table(places: Collection[Place]) -> sa.TableValuedAlias:
    """The places, at least one, with columns `upload` and `row`."""
    arrays = (sa.literal(list(one), sa.ARRAY(sa.Integer)) for one in zip(*places, strict=True))
    return sa.func.unnest(*arrays).table_valued("upload", "row", name="place").render_derived()
