"""Which failures pass by themselves, and what may be told of the others; beside the *projection*."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from projector.faults import passes, told
from shared.errors import Fenced, LogDiverged, Unavailable, UnreadableEvent

SECRET = "123-45-6789"


class Adapted(Exception):
    """What SQLAlchemy makes of an error of asyncpg."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.__cause__ = cause
        self.sqlstate = getattr(cause, "sqlstate", None)


def raised(cause: Exception) -> DBAPIError:
    """An error of asyncpg as it comes out of a statement."""
    return DBAPIError("INSERT", None, Adapted(cause))


PASSES = [
    Unavailable("away"),
    Fenced("slept"),
    LogDiverged("gap"),
    OSError(28, "disk full"),
    MemoryError(),
    TimeoutError(),
    PoolTimeoutError(),
    asyncpg.ConnectionDoesNotExistError("x"),
    raised(asyncpg.ConnectionDoesNotExistError("x")),
    raised(asyncpg.InterfaceError("connection is closed")),
    raised(asyncpg.SerializationError("x")),
    raised(asyncpg.DeadlockDetectedError("x")),
    raised(asyncpg.DiskFullError("x")),
    raised(asyncpg.OutOfMemoryError("x")),
    raised(asyncpg.LockNotAvailableError("x")),
    raised(asyncpg.AdminShutdownError("x")),
    raised(asyncpg.TooManyConnectionsError("x")),
]
STAYS = [
    UnreadableEvent("debts:7 cannot be read"),
    KeyError(SECRET),
    ValueError(SECRET),
    TypeError(SECRET),
    RecursionError(),
    asyncpg.UniqueViolationError(SECRET),
    raised(asyncpg.UniqueViolationError(SECRET)),
    raised(asyncpg.NumericValueOutOfRangeError(SECRET)),
    raised(asyncpg.UndefinedTableError(SECRET)),
    raised(asyncpg.DataError(f"invalid input for query argument $1: {SECRET} (value out of int32 range)")),
]


@pytest.mark.parametrize("error", PASSES, ids=repr)
def test_what_a_server_or_the_machine_lacks_passes(error: Exception) -> None:
    assert passes(error)


@pytest.mark.parametrize("error", STAYS, ids=repr)
def test_what_is_wrong_with_an_event_or_with_us_stays(error: Exception) -> None:
    assert not passes(error)


@pytest.mark.parametrize("error", STAYS, ids=repr)
def test_what_is_told_of_it_has_no_values(error: Exception) -> None:
    assert SECRET not in told(error)


def test_it_tells_what_failed_and_where_in_our_code() -> None:
    with pytest.raises(KeyError) as failed:
        fold_of_nothing()
    assert told(failed.value).startswith("KeyError at tests/unit/projector/test_faults.py:")
    unique = asyncpg.UniqueViolationError(SECRET)
    unique.constraint_name = "uploads_id_generation_key"
    assert told(raised(unique)) == "UniqueViolationError (23505, uploads_id_generation_key)"
    assert told(UnreadableEvent("debts:7 cannot be read")) == "debts:7 cannot be read"


def fold_of_nothing() -> None:
    """Fails by a fault of ours."""
    raise KeyError(SECRET)
