"""The books of projectors as others read them (command_api/migrations); read table -> *query*."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

datasets = sa.table("datasets", sa.column("dataset", sa.Text), sa.column("generation", sa.Integer), schema="read")

generations = sa.table(
    "generations",
    sa.column("dataset", sa.Text),
    sa.column("generation", sa.Integer),
    sa.column("state", sa.Text),
    sa.column("name", sa.Text),
    sa.column("fingerprint", sa.Text),
    schema="read",
)

checkpoints = sa.table(
    "checkpoints",
    sa.column("dataset", sa.Text),
    sa.column("generation", sa.Integer),
    sa.column("position", sa.BigInteger),
    sa.column("folded_at", sa.DateTime(timezone=True)),
    sa.column("head", sa.BigInteger),
    sa.column("head_seen_at", sa.DateTime(timezone=True)),
    sa.column("waiting_since", sa.DateTime(timezone=True)),
    sa.column("stopped_at", sa.DateTime(timezone=True)),
    sa.column("stopped_reason", sa.Text),
    schema="read",
)

segments = sa.table(
    "segments",
    sa.column("dataset", sa.Text),
    sa.column("generation", sa.Integer),
    sa.column("number", sa.Integer),
    sa.column("position", sa.BigInteger),
    sa.column("recorded_at", sa.DateTime(timezone=True)),
    sa.column("ended_position", sa.BigInteger),
    sa.column("ended_at", sa.DateTime(timezone=True)),
    sa.column("ended_kind", sa.Text),
    sa.column("ended_by", sa.Integer),
    sa.column("ended_actor", sa.Text),
    schema="read",
)

merges = sa.table(
    "merges",
    sa.column("dataset", sa.Text),
    sa.column("generation", sa.Integer),
    sa.column("sources", sa.ARRAY(sa.Integer)),
    sa.column("state", sa.Text),
    sa.column("swapped_at", sa.DateTime(timezone=True)),
    sa.column("dropped_at", sa.DateTime(timezone=True)),
    schema="read",
)

outcomes = sa.table(
    "outcomes",
    sa.column("dataset", sa.Text),
    sa.column("generation", sa.Integer),
    sa.column("position", sa.BigInteger),
    sa.column("code", sa.Text),
    sa.column("key", sa.Text),
    sa.column("version", sa.BigInteger),
    sa.column("record", sa.JSON),
    sa.column("detail", sa.JSON),
    schema="read",
)

parked = sa.table(
    "parked",
    sa.column("dataset", sa.Text),
    sa.column("generation", sa.Integer),
    sa.column("position", sa.BigInteger),
    sa.column("type", sa.Text),
    sa.column("keys", pg.ARRAY(sa.Text)),
    sa.column("state", sa.Text),
    sa.column("reason", sa.Text),
    sa.column("behind", sa.BigInteger),
    sa.column("upload_id", sa.Uuid),
    sa.column("actor", sa.Text),
    sa.column("recorded_at", sa.DateTime(timezone=True)),
    sa.column("ended_position", sa.BigInteger),
    sa.column("ended_at", sa.DateTime(timezone=True)),
    sa.column("ended_by", sa.Text),
    sa.column("ended_reason", sa.Text),
    schema="read",
)

projectors = sa.table("projectors", sa.column("seen_at", sa.DateTime(timezone=True)), schema="read")

uploads = sa.table(
    "uploads",
    sa.column("dataset", sa.Text),
    sa.column("generation", sa.Integer),
    sa.column("number", sa.Integer),
    sa.column("id", sa.Uuid),
    sa.column("state", sa.Text),
    sa.column("segment", sa.Integer),
    sa.column("received_position", sa.BigInteger),
    sa.column("published_position", sa.BigInteger),
    sa.column("source", sa.Text),
    sa.column("file_name", sa.Text),
    sa.column("blob_key", sa.Text),
    sa.column("text_key", sa.Text),
    sa.column("media_type", sa.Text),
    sa.column("sha256", sa.Text),
    sa.column("size_bytes", sa.BigInteger),
    sa.column("dialect", sa.JSON),
    sa.column("header", sa.JSON),
    sa.column("chunks", sa.Integer),
    sa.column("chunks_done", sa.Integer),
    sa.column("rows_read", sa.Integer),
    sa.column("rows_accepted", sa.Integer),
    sa.column("rows_rejected", sa.Integer),
    sa.column("rows_duplicate", sa.Integer),
    sa.column("rows_blank", sa.Integer),
    sa.column("records", sa.Integer),
    sa.column("records_superseded", sa.Integer),
    sa.column("failure", sa.JSON),
    sa.column("review", sa.Boolean),
    sa.column("approved", sa.Boolean),
    sa.column("on_error", sa.Text),
    sa.column("preview", sa.JSON),
    sa.column("previewed_position", sa.BigInteger),
    sa.column("failed_position", sa.BigInteger),
    sa.column("withdrawn_position", sa.BigInteger),
    sa.column("withdrawn_at", sa.DateTime(timezone=True)),
    sa.column("changed_position", sa.BigInteger),
    sa.column("withdrawn_by", sa.Text),
    sa.column("withdrawal", sa.JSON),
    sa.column("actor", sa.Text),
    sa.column("received_at", sa.DateTime(timezone=True)),
    sa.column("published_at", sa.DateTime(timezone=True)),
    sa.column("folded_at", sa.DateTime(timezone=True)),
    sa.column("chunks_loaded_at", sa.DateTime(timezone=True)),
    sa.column("indexed_at", sa.DateTime(timezone=True)),
    sa.column("attached_at", sa.DateTime(timezone=True)),
    schema="read",
)

chunks = sa.table(
    "chunks",
    sa.column("dataset", sa.Text),
    sa.column("generation", sa.Integer),
    sa.column("upload", sa.Integer),
    sa.column("number", sa.Integer),
    sa.column("offset", sa.BigInteger),
    sa.column("size_bytes", sa.Integer),
    sa.column("first_row", sa.Integer),
    sa.column("first_line", sa.Integer),
    sa.column("rows", sa.Integer),
    schema="read",
)
