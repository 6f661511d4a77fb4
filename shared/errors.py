"""Everything that Tablefold refuses or fails at, as one tree; beside the flow, known to every part of it.

    TablefoldError
    ├── BadSettings          the environment is wrong: the process does not start
    ├── Refused              the caller is answered, nothing has changed
    │   ├── Unauthenticated  nobody is known by what the request shows
    │   ├── Forbidden        the caller is known and may not do that
    │   ├── TooMany          it was asked too often
    │   │   └── OverQuota      too many bytes were sent today
    │   ├── BadPassword      a password that cannot be taken
    │   ├── NotFound
    │   │   └── NotFoldedYet   perhaps it is only too new
    │   ├── BadParameter     a query parameter (names it and the nearest known one)
    │   ├── BadFile          the file as a whole cannot be taken
    │   │   ├── TooLarge
    │   │   └── WrongMediaType
    │   ├── InvalidRecord    values that their dataset does not take, each with a pointer
    │   ├── Conflict         it does not fit what is there
    │   ├── Stale            the record has another version than the caller expects
    │   ├── KeyReused        an idempotency key that came with another request before
    │   ├── StillRunning     the first request with that idempotency key has no answer yet
    │   └── Disconnected     the client went away or sent less than it announced
    ├── Unavailable          a server that we need does not answer: try again
    │   ├── Behind           the read tables have not come as far as the caller asks
    │   └── Redeclared       another declaration is served by now than the one that was asked
    ├── Fenced               somebody else owns the work now: let go
    ├── LaneStopped          so many events cannot be applied that a person has to look
    ├── LogDiverged          the stream does not continue where the checkpoint stands
    ├── UnreadableEvent      the log has an event that this version does not know
    ├── BlobCorrupt          stored bytes are not the bytes that were received
    └── BadArchive           an archive of the log is not what was exported

The messages name the remedy. Only `shared.http` knows which status code each one becomes.
"""

from __future__ import annotations


class TablefoldError(Exception):
    """Whatever goes wrong in Tablefold by its own judgement."""


class BadSettings(TablefoldError):
    """A variable of the environment is missing or wrong; the message names it and what it should be."""


class Refused(TablefoldError):
    """The caller's request is answered with no; nothing has changed."""


class Unauthenticated(Refused):
    """Nobody is known by what the request shows; the message never says what is wrong with it."""


class Forbidden(Refused):
    """The caller may not do that; the message names the role or scope that may."""


class TooMany(Refused):
    """It was asked too often; the same request may succeed in `retry_after_s`."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class OverQuota(TooMany):
    """So many bytes may be sent in a day, and so many were; more may be in `retry_after_s`, when the day is over."""

    def __init__(self, quota_bytes: int, used_bytes: int, retry_after_s: int) -> None:
        says = f"You may send {quota_bytes} bytes in a day of UTC, and {used_bytes} are sent or being sent."
        super().__init__(f"{says} Wait for the next day, or ask an administrator for more.", retry_after_s)
        self.quota_bytes = quota_bytes
        self.used_bytes = used_bytes


class BadPassword(Refused):
    """A password is too short, too long, or one of the commonest; the message says which."""


class NotFound(Refused):
    """There is no such thing here."""


class NotFoldedYet(NotFound):
    """There is no such upload, or it is so new that its event is not folded yet."""

    retry_after_s = 1


class BadParameter(Refused):
    """A query parameter is unknown or its value cannot be read.

    `nearest` is the known name most like an unknown one, or None.
    """

    def __init__(self, parameter: str, detail: str, nearest: str | None = None) -> None:
        super().__init__(detail)
        self.parameter = parameter
        self.nearest = nearest


class BadFile(Refused):
    """A file cannot be taken as a whole.

    `code` is from the row error catalogue (`missing-label`, `encoding-error`, ...); `labels` are the labels meant.
    """

    def __init__(self, code: str, detail: str, labels: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.labels = labels


class TooLarge(BadFile):
    """A file, field or header passes a limit; the message names the limit."""


class WrongMediaType(BadFile):
    """The bytes are no table that Tablefold reads."""


class InvalidRecord(Refused):
    """Values or cells that their dataset does not take.

    `errors` has one entry for each: `pointer` (RFC 6901, into the body), `code` from the row error catalogue, `detail`.
    """

    def __init__(self, detail: str, errors: list[dict[str, str]]) -> None:
        super().__init__(detail)
        self.errors = errors


class Conflict(Refused):
    """What is asked for does not fit what is there: a key that is taken, an upload that is not in that state."""


class Stale(Refused):
    """The record has another version than the caller expects; `current` is the record now, `version` its version."""

    def __init__(self, detail: str, current: object, version: int | None) -> None:
        super().__init__(detail)
        self.current = current
        self.version = version


class KeyReused(Refused):
    """An idempotency key came with another request before."""


class StillRunning(Refused):
    """The first request with an idempotency key has no answer yet."""

    retry_after_s = 1


class Disconnected(Refused):
    """The client went away, or sent another number of bytes than it announced; nothing was kept."""


class Unavailable(TablefoldError):
    """A server that Tablefold needs does not answer; the same request may succeed in `retry_after_s`."""

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Replaced(Unavailable):
    """The tables of a generation are gone that was served when it was looked which one is; another is by now."""


class Behind(Unavailable):
    """The read tables lack `lag_events` events of what the caller asks them to contain."""

    def __init__(self, wanted: str, lag_events: int) -> None:
        super().__init__(f"{wanted} is not folded yet, {lag_events} events are missing; ask again.")
        self.lag_events = lag_events


class Redeclared(Unavailable):
    """Another declaration made what is served now: whoever answers has to read that first."""


class Fenced(TablefoldError):
    """A lease was lost or a checkpoint moved under us: roll back and let go."""


class LaneStopped(TablefoldError):
    """So many events of a dataset cannot be applied that its lane does not go on; the message names the way."""


class LogDiverged(TablefoldError):
    """The stream does not continue where the checkpoint stands: read it again from its first event."""


class UnreadableEvent(TablefoldError):
    """The log has an event of a type or version that this Tablefold does not know; the message tells no values."""


class BlobCorrupt(TablefoldError):
    """Stored bytes do not have the hash under which they were received."""


class BadArchive(TablefoldError):
    """An archive of the log is not what was exported; `file` names the part."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(f"{file} {why}. Nothing was imported: copy the archive again, or export again.")
        self.file = file
