"""The audit: who did what to users and keys, and who read sensitive values; rows are added, never changed."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

ADD = text("""
    INSERT INTO store.audit (actor, action, subject, correlation_id) VALUES (:actor, :action, :subject, :correlation_id)
""")


async def audit(
    connection: AsyncConnection, actor: str, action: str, subject: str, correlation_id: UUID | None = None
) -> None:
    """Add a row in the transaction of what was done; a read has none, and `connection` may commit by itself."""
    said = {"actor": actor, "action": action, "subject": subject, "correlation_id": correlation_id}
    await connection.execute(ADD, said)
