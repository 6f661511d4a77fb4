"""What tests do to a running Tablefold, as a user would: through the gateway."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx

from tests.documents import check_of_origin

ENDED = ("published", "failed", "withdrawn")
PLAIN_HTTP = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing is asked over TLS; without this every client would read all certificates of this machine."""
SOON_S, LATER_S = 0.025, 0.1
"""How long it is waited between two looks, at first and at most."""
PACE_S = 0.04
"""How long whoever reads or writes all the time waits in between, so that what is tested gets a processor as well."""
T = TypeVar("T")


class Api:
    """A client of one running stack.

    Every answer is held against the OpenAPI documents, every upload that it follows to the law of the counts.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.token = token
        self.http = httpx.Client(
            base_url=url,
            headers=bearer(token),
            timeout=60,
            trust_env=False,
            verify=PLAIN_HTTP,
            event_hooks={"response": [check_of_origin]},
        )

    def send(self, dataset: str, content: bytes | Iterator[bytes], **wishes: str) -> httpx.Response:
        """POST a file as the raw body."""
        headers = {"Content-Type": "text/csv"}
        return self.http.post(f"/{dataset}/uploads", content=content, params=wishes, headers=headers)

    def upload(self, dataset: str, content: bytes | Iterator[bytes], **wishes: str) -> dict[str, Any]:
        """Send a file that is accepted and follow it to its end."""
        answer = self.send(dataset, content, **wishes)
        assert answer.status_code in (200, 202), answer.text
        return self.follow(answer.json()["id"])

    def follow(self, upload_id: str, timeout_s: float = 60) -> dict[str, Any]:
        """The report of an upload that is published, failed or withdrawn."""
        report = self.until(upload_id, *ENDED, timeout_s=timeout_s)
        rows = report["rows"]
        if report["state"] == "published":
            assert rows["read"] == rows["accepted"] + rows["rejected"] + rows["duplicate"] + rows["blank"], rows
        return report

    def until(self, upload_id: str, *states: str, timeout_s: float = 60) -> dict[str, Any]:
        """The report of an upload as soon as it is in one of these states."""

        def arrived() -> dict[str, Any] | None:
            answer = self.http.get(f"/uploads/{upload_id}")
            assert answer.status_code in (200, 404, 503), answer.text
            report: dict[str, Any] = answer.json()
            return report if report.get("state") in states else None

        return eventually(arrived, timeout_s)

    def withdraw(self, upload_id: str) -> dict[str, Any]:
        """Withdraw an upload; the answer tells what became of it."""
        answer = self.http.delete(f"/uploads/{upload_id}", headers={"Prefer": "wait=10"})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON of a 200 answer."""
        answer = self.http.get(path, params=parameters or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def records(self, dataset: str, **filters: str | int) -> list[dict[str, Any]]:
        """All records of a selection: a page in its order, or an export in any where there are more."""
        page = self.get(f"/{dataset}", **{"limit": 1000, "count": "none", **filters})
        found: list[dict[str, Any]] = page["results"]
        if not page["next"]:
            return found
        answer = self.http.get(f"/{dataset}", params={**filters, "format": "ndjson"})
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.split("\n") if line]

    def count(self, dataset: str, **filters: str | int) -> int:
        """How many records a selection has, exactly."""
        page = self.get(f"/{dataset}", **{"limit": 1, "count": "exact", **filters})
        return int(page["count"]["value"])

    def errors(self, report: Mapping[str, Any], **filters: str) -> list[dict[str, Any]]:
        """All row errors of an upload."""
        page = self.get(f"/uploads/{report['id']}/errors", limit=1000, outcome="all", **filters)
        found: list[dict[str, Any]] = page["results"]
        while page["next"]:
            page = self.get(page["next"])
            found += page["results"]
        return found


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token, or none."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def eventually(found: Callable[[], T | None], timeout_s: float = 30) -> T:
    """What `found` answers as soon as that is not None; fails after `timeout_s`."""
    deadline, pause_s = time.monotonic() + timeout_s, SOON_S
    while (answer := found()) is None:
        assert time.monotonic() < deadline, f"nothing after {timeout_s} s"
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, LATER_S)
    return answer
