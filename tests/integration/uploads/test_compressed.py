"""`POST /{dataset}/uploads` with gzip and ZIP archives: as if the file inside had been sent, with the same limits."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from cli.servers.folder import ROOT
from cli.stack import Stack
from tests.files import DEBT_LABELS, debt, debts, table
from tests.integration.uploads.test_send import blobs
from tests.steps import Api
from tests.workbooks import packed, workbook

MIB = 1024**2
CORPORA = ROOT.parent / "shared" / "corpora"


def zipped(content: bytes) -> bytes:
    """An archive of one file."""
    return packed({"march/": "", "march/debts.csv": content, "__MACOSX/._debts.csv": "x"})


def send_coded(api: Api, content: bytes, coding: str = "gzip", **wishes: str) -> httpx.Response:
    """Send a body that says that it is compressed."""
    headers = {"Content-Type": "text/csv", "Content-Encoding": coding}
    return api.http.post("/debts/uploads", content=content, params=wishes, headers=headers)


PACKINGS: list[Callable[[bytes], bytes]] = [gzip.compress, zipped]


@pytest.mark.parametrize("pack", PACKINGS, ids=["gzip", "zip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_packed_file_gives_what_the_file_gives(
    api: Api, source: str, pack: Callable[[bytes], bytes], encoding: str
) -> None:
    rows = [debt(name="Zoë\nExample"), *(debt() for _ in range(2000)), debt(debtAmount="x"), [""] * 6]
    plain = table(DEBT_LABELS, rows, end="\r\n").encode(encoding)
    received = pack(plain)
    report = api.upload("debts", received, source=source)

    assert report["rows"] == {"read": 2003, "accepted": 2001, "rejected": 1, "duplicate": 0, "blank": 1}
    assert [(one["row"], one["line"]) for one in api.errors(report)] == [(2003, 2004)]
    assert "Zoë\nExample" in {one["name"] for one in api.records("debts", source=source)}
    assert api.http.get(f"/uploads/{report['id']}/file").content == received
    assert report["file"]["size_bytes"] == len(received)
    again = api.send("debts", received, source=source)
    assert (again.status_code, again.json()["id"]) == (200, report["id"])
    assert api.upload("debts", plain, source=source)["id"] != report["id"]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
def test_a_body_that_says_that_it_is_gzip_is_the_same_file(api: Api, source: str, coding: str) -> None:
    received = gzip.compress(debts(debt()))
    first = send_coded(api, received, coding, source=source)
    again = api.send("debts", received, source=source)

    assert api.follow(first.json()["id"])["rows"]["accepted"] == 1
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


def test_gzip_in_a_form_and_in_members_is_one_file(api: Api, source: str) -> None:
    first, *rest = debts(*(debt() for _ in range(100))).splitlines(keepends=True)
    content = gzip.compress(first) + b"".join(map(gzip.compress, rest))
    answer = api.http.post("/debts/uploads", files={"file": ("debts.txt", content)}, params={"source": source})

    assert api.follow(answer.json()["id"])["rows"]["accepted"] == 100


@pytest.mark.parametrize("pack", PACKINGS, ids=["gzip", "zip"])
def test_a_file_of_many_blocks_is_read_whole(api: Api, source: str, pack: Callable[[bytes], bytes]) -> None:
    key = uuid4()
    content = debts(*(debt(name="x" * 190) for _ in range(30_000)), debt(key, name="The last"))
    assert len(content) > 7 * MIB
    report = api.upload("debts", pack(content), source=source)

    assert report["rows"]["accepted"] == 30_001
    assert api.get(f"/debts/{key}")["name"] == "The last"


def good() -> bytes:
    """A file with which nothing is wrong."""
    return debts(debt())


REFUSED = {
    "gzip of gzip": (gzip.compress(gzip.compress(good())), 415, "format-error", "inside the archive"),
    "gzip of a ZIP archive": (gzip.compress(zipped(good())), 415, "format-error", "inside the archive"),
    "gzip of a workbook": (gzip.compress(workbook([["name"]])), 415, "format-error", "inside the archive"),
    "a ZIP archive of one": (zipped(zipped(good())), 415, "format-error", "inside the archive"),
    "a ZIP archive of a workbook": (zipped(workbook([["name"]])), 415, "format-error", "inside the archive"),
    "gzip of a program": (gzip.compress(b"\x7fELF" + bytes(60)), 415, "format-error", "a program"),
    "gzip of nothing": (gzip.compress(b""), 422, "empty-file", "The file is empty"),
    "a ZIP archive of nothing": (zipped(b""), 422, "empty-file", "The file is empty"),
    "half of gzip": (gzip.compress(good())[:-9], 422, "archive-error", "ends too early"),
    "gzip and more": (gzip.compress(good()) + b"more", 422, "archive-error", "is damaged"),
    "the first bytes of gzip": (b"\x1f\x8b", 422, "archive-error", "ends too early"),
    "half of a ZIP archive": (zipped(good())[:-30], 422, "archive-error", "is damaged"),
    "two files": (packed({"a.csv": good(), "b.csv": good()}), 422, "archive-error", "holds 2 files"),
    "no file": (packed({}), 422, "archive-error", "holds no files"),
    "a gzip bomb": (gzip.compress(good() + b"\n" * 40 * MIB), 413, "format-error", "100 times its size"),
    "a ZIP bomb": (zipped(good() + b"\n" * 40 * MIB), 413, "format-error", "100 times its size"),
    "a packed file without columns": (gzip.compress(b"name,colour\nx,y\n"), 422, "missing-label", "'debt_id'"),
}


@pytest.mark.parametrize(("content", "status", "code", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_unpacked_is_refused(
    api: Api, stack: Stack, content: bytes, status: int, code: str, says: str
) -> None:
    before = blobs(stack)
    answer = api.send("debts", content)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert says in answer.json()["detail"]
    assert blobs(stack) == before


def test_a_body_that_only_says_that_it_is_gzip_is_refused(api: Api) -> None:
    answer = send_coded(api, good())
    assert (answer.status_code, answer.json()["code"]) == (422, "format-error")
    assert send_coded(api, b"").json()["code"] == "empty-file"


def test_a_form_that_is_compressed_as_a_whole_is_refused(api: Api) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=edge", "Content-Encoding": "gzip"}
    answer = api.http.post("/debts/uploads", content=gzip.compress(b"--edge--\r\n"), headers=headers)
    assert (answer.status_code, "in it instead" in answer.json()["detail"]) == (415, True)


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the bad-input corpora are not beside the repository")
def test_packed_files_of_others_are_read_or_refused(api: Api, stack: Stack) -> None:
    paths: list[Path] = [path for kind in ("gz", "zip") for path in sorted(CORPORA.rglob(f"*.{kind}"))]
    assert len(paths) > 10
    before = blobs(stack)
    codes = {path.name: api.send("books", path.read_bytes()).json()["code"] for path in paths}

    assert codes["table-multiple-files.zip"] == codes["package.zip"] == "archive-error"
    assert {codes[name] for name in ("table.csv.gz", "table.csv.zip", "53-csv-gz-bomb-200MB.csv.gz")} == {
        "missing-label"
    }
    assert blobs(stack) == before
