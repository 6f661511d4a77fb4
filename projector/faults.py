"""Whether something that failed may succeed later, and what may be told of why it failed; beside the *projection*."""

from __future__ import annotations

import traceback
from pathlib import Path

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.database import OUTAGES
from shared.errors import Fenced, LaneStopped, LogDiverged, TablefoldError, Unavailable

PASSING = ("08", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATEs that come and go: connections, serialization, resources, locks, administrators, the disk."""

LOST = (Unavailable, Fenced, LogDiverged, LaneStopped, MemoryError, PoolTimeoutError, *OUTAGES)

OURS = Path(__file__).parent.parent


def passes(error: Exception) -> bool:
    """Whether it is worth trying again: what failed is a server, the machine or a rival, and not what was tried."""
    cause = _cause(error)
    if isinstance(cause, ValueError):
        return False  # What asyncpg cannot send is among its errors of an interface.
    if isinstance(error, DBAPIError | asyncpg.PostgresError):
        state = _state(error)
        return not state or state[:2] in PASSING
    return isinstance(error, LOST)


def told(error: Exception) -> str:
    """What failed and where in our code, without any value: messages of others may have some."""
    if isinstance(error, TablefoldError):
        return str(error)
    cause = _cause(error)
    constraint = getattr(cause, "constraint_name", None)
    details = [one for one in (_state(error), constraint) if one]
    name = f"{type(cause).__name__} ({', '.join(details)})" if details else type(cause).__name__
    frames = [one for one in traceback.extract_tb(error.__traceback__) if _is_ours(one.filename)]
    return f"{name} at {_place(frames[-1])}" if frames else name


def _cause(error: Exception) -> BaseException:
    """What asyncpg said, of what SQLAlchemy makes of it."""
    raised = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return raised.__cause__ if raised is not error and raised.__cause__ else raised


def _state(error: Exception) -> str:
    raised = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(raised, "sqlstate", None) or "")


def _is_ours(file_name: str) -> bool:
    path = Path(file_name)
    return path.is_relative_to(OURS) and ".venv" not in path.parts


def _place(frame: traceback.FrameSummary) -> str:
    return f"{Path(frame.filename).relative_to(OURS)}:{frame.lineno}"
