"""Sends a sample through the gateway and waits for what becomes of it; *HTTP -> command*, seen from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec

from shared.errors import TablefoldError

BLOCK_BYTES = 1024 * 1024
ENDED = frozenset({"published", "failed"})


class Receipt(msgspec.Struct, frozen=True):
    """What the command API answers to a file; `duplicate` where the same bytes had come before."""

    id: str
    duplicate: bool = False


class RowCounts(msgspec.Struct, frozen=True):
    """What became of the rows of a file."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    blank: int = 0

    @property
    def add_up(self) -> bool:
        """Whether read = accepted + rejected + duplicate + blank."""
        return self.read == self.accepted + self.rejected + self.duplicate + self.blank


class Progress(msgspec.Struct, frozen=True):
    """How much of a file is loaded."""

    chunks: int = 0
    chunks_done: int = 0
    rows_loaded: int = 0


class Report(msgspec.Struct, frozen=True):
    """An upload as the query API shows it; `timings` are seconds by stage, as far as they are told."""

    id: str
    dataset: str
    number: int
    state: str
    progress: Progress = Progress()
    rows: RowCounts = RowCounts()
    records: int | None = None
    failure: object = None
    timings: dict[str, float | None] | None = None


def connect(url: str, token: str = "") -> httpx.Client:
    """A client of the gateway at `url` that shows an access token or API key, if it has one."""
    shown = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=url, headers=shown, timeout=httpx.Timeout(300, connect=5), trust_env=False)


def send(client: httpx.Client, dataset: str, path: Path, on_block: Callable[[int], object] = lambda _: None) -> Receipt:
    """POST a CSV file from disk as it is; `on_block` gets the bytes of each block sent. Raises TablefoldError."""
    headers = {"Content-Type": "text/csv", "Content-Length": str(path.stat().st_size)}
    answer = client.post(
        f"/{dataset}/uploads", params={"file_name": path.name}, headers=headers, content=_blocks(path, on_block)
    )
    if answer.status_code not in (200, 202):
        raise TablefoldError(f"{path.name} was refused with {answer.status_code}: {answer.text}")
    return msgspec.json.decode(answer.content, type=Receipt)


def follow(
    client: httpx.Client,
    upload_id: str,
    *,
    poll_s: float = 0.05,
    deadline_s: float = 300,
    on_report: Callable[[Report], object] = lambda _: None,
) -> Report:
    """Ask until the upload is published or failed; raises TablefoldError when it takes longer than `deadline_s`."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        answer = client.get(f"/uploads/{upload_id}")
        if answer.status_code == 200:
            report = msgspec.json.decode(answer.content, type=Report)
            on_report(report)
            if report.state in ENDED:
                return report
        elif answer.status_code not in (404, 503):
            raise TablefoldError(f"GET /uploads/{upload_id} said {answer.status_code}: {answer.text}")
        time.sleep(poll_s)
    raise TablefoldError(
        f"Upload {upload_id} was not published within {deadline_s:g} s: see the logs of the projectors."
    )


def get(client: httpx.Client, path: str, *, accept: str = "application/json") -> bytes:
    """The body of a 200 answer; raises TablefoldError for any other."""
    answer = client.get(path, headers={"Accept": accept})
    if answer.status_code != 200:
        raise TablefoldError(f"GET {path} said {answer.status_code}: {answer.text}")
    return answer.content


def _blocks(path: Path, on_block: Callable[[int], object]) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
            on_block(len(block))
