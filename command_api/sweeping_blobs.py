"""Removes blobs that no event names: a client left halfway, or a crash came between blob and event; beside the flow."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from command_api.moving.connection import connected
from shared.blobs import Blobs
from shared.errors import Conflict

SAFE_S = 3600.0
"""What is younger may be about to be named: an append waits for `command_timeout_s` at most, not for an hour."""

NAMED = """
    SELECT data ->> 'blob_key' AS blob_key, data ->> 'text_key' AS text_key
    FROM store.events WHERE type = 'upload-received'
"""


class Swept(msgspec.Struct, frozen=True):
    """How many blobs there are, and how many of them were old and named by no event, with their size."""

    blobs: int
    unnamed: int
    size_bytes: int


async def sweep_blobs(
    database_url: str,
    blobs: Blobs,
    older_than_s: float,
    *,
    dry_run: bool = False,
    all_of_them: bool = False,
    tell: Callable[[str], object] = lambda _: None,
) -> Swept:
    """Remove the blobs that no event names, older than that and than SAFE_S; with `dry_run` only tell which.

    Events are looked at after the blobs are listed. Where no event names any blob the folder is that of another
    installation, and Conflict is raised unless `all_of_them` says that it is not.
    """
    listed = [one async for one in blobs.kept()]
    old = {one.key: one for one in listed if one.age_s > max(older_than_s, SAFE_S)}
    young = {one.key for one in listed} - old.keys()
    named = 0
    async with connected(database_url) as connection, connection.transaction(readonly=True):
        async for row in connection.cursor(NAMED):
            for key in {row["blob_key"], row["text_key"]}:
                named += old.pop(key, None) is not None or key in young
    if old and not (named or all_of_them):
        says = f"No event names any of the {len(listed):,} blobs: they may be those of another installation."
        raise Conflict(f"{says} Say --all-of-them if they are not.")
    for one in sorted(old.values(), key=lambda one: one.key):
        tell(f"{one.key}  {one.size_bytes:,} bytes, {one.age_s / 3600:,.0f} hours old")
        if not dry_run:
            await blobs.remove(one.key)
    return Swept(len(listed), len(old), sum(one.size_bytes for one in old.values()))
