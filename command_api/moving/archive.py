"""The form in which the truth leaves an installation: a folder of parts and a manifest; event -> *log* -> another log.

    manifest.json                     all parts with their hashes; written last, so a folder without one is not whole
    events/DATASET/FIRST-LAST.jsonl   the events of these positions, one a line, as they are stored
    claims/DATASET-HASH.jsonl         what may happen once only
    senders/DATASET-HASH.jsonl        who sent the bytes of somebody else's upload once more
    blobs-HASH.jsonl, blobs/KEY       received files and their texts, and a list of them with their hashes

Files of an archive have mode 0600: there are people in them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final, Self, TypeVar
from uuid import UUID

import msgspec

from shared.errors import BadArchive, Conflict

FORMAT: Final = "tablefold-log"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
PART_EVENTS: Final = 50_000
"""Events of one part at most."""

T = TypeVar("T")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an archive, by its path in the folder; `entries` counts its lines. Of events: the first position."""

    file: str
    size_bytes: int
    sha256: str
    entries: int
    first: int = 0

    @property
    def last(self) -> int:
        """The last position."""
        return self.first + self.entries - 1


class DatasetLog(msgspec.Struct, frozen=True, kw_only=True):
    """The log of one dataset up to `head`; `declared` tells the declaration by which it was folded, where it was."""

    name: str
    head: int
    declared: str | None
    events: list[Part]
    claims: Part
    senders: Part


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds; `blobs` is the list of blobs."""

    made_at: datetime
    datasets: list[DatasetLog]
    blobs: Part
    format: str = FORMAT
    version: int = VERSION

    @property
    def parts(self) -> list[Part]:
        """All parts but the blobs themselves."""
        return [*(part for one in self.datasets for part in (*one.events, one.claims, one.senders)), self.blobs]


class _Form(msgspec.Struct, frozen=True):
    format: str = ""
    version: int = 0


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    """One stored event."""

    position: int
    event_id: UUID
    type: str
    version: int
    actor: str
    correlation_id: UUID
    recorded_at: datetime
    data: msgspec.Raw


class ClaimLine(msgspec.Struct, frozen=True, kw_only=True):
    """One claim, idempotency keys included."""

    claim: str
    position: int
    upload_id: UUID | None
    fingerprint: str | None
    duplicate: bool


class SenderLine(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who sent the bytes of an upload once more."""

    actor: str
    upload_id: UUID


class BlobLine(msgspec.Struct, frozen=True, kw_only=True):
    """One blob."""

    key: str
    size_bytes: int
    sha256: str


class PartWriter:
    """Writes one file of an archive; it is there, whole and synced, once `finish` has returned, or not at all."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._part = folder / f"{name}.part"
        self._part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._hash, self.entries = sha256(), 0

    def line(self, entry: msgspec.Struct) -> None:
        """One more entry."""
        self.block(msgspec.json.encode(entry) + b"\n")
        self.entries += 1

    def block(self, block: bytes) -> None:
        """Some more bytes."""
        self._file.write(block)
        self._hash.update(block)

    def finish(self, name: str, first: int = 0) -> Part:
        """Keep it under that name, in which {hash} stands for the beginning of its hash."""
        self._file.flush()
        os.fsync(self._file.fileno())
        size_bytes, digest = self._file.tell(), self._hash.hexdigest()
        self._file.close()
        name = name.format(hash=digest[:16])
        self._part.rename(self._folder / name)
        return Part(file=name, size_bytes=size_bytes, sha256=digest, entries=self.entries, first=first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Nobody else writes or reads this archive; raises Conflict where somebody does."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"{folder} is in use by another export or import: wait until it has ended.") from None
        yield
    finally:
        os.close(lock)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a finished archive; raises BadArchive."""
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError:
        raise BadArchive(MANIFEST, "is not there: the export has not ended, run it again") from None
    try:
        form = msgspec.json.decode(content, type=_Form)
        if (form.format, form.version) != (FORMAT, VERSION):
            raise BadArchive(MANIFEST, f"is not of the form {FORMAT} {VERSION}: a newer Tablefold may read it")
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise BadArchive(MANIFEST, f"cannot be read ({error})") from None
    for part in manifest.parts:
        if part.file.startswith("/") or ".." in Path(part.file).parts:
            raise BadArchive(MANIFEST, f"names {part.file!r}, which is no part of an archive")
    return manifest


def check_part(folder: Path, file: str, size_bytes: int, digest: str) -> None:
    """Raise BadArchive unless a file has exactly the bytes that were written."""
    try:
        with (folder / file).open("rb") as opened:
            found_bytes = os.fstat(opened.fileno()).st_size
            found = file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise BadArchive(file, f"cannot be read ({error.strerror})") from None
    if found_bytes != size_bytes:
        raise BadArchive(file, f"has {found_bytes} bytes and not {size_bytes}")
    if found != digest:
        raise BadArchive(file, "has other bytes than were written")


def lines_of(folder: Path, part: Part, kind: type[T]) -> Iterator[T]:
    """The entries of a part; raises BadArchive at the first that cannot be read."""
    decoder = msgspec.json.Decoder(kind)
    with (folder / part.file).open("rb") as opened:
        for number, line in enumerate(opened, 1):
            try:
                yield decoder.decode(line)
            except msgspec.DecodeError:
                raise BadArchive(part.file, f"cannot be read in line {number}") from None
