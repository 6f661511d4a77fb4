"""Files that are refused as a whole, each with the answer that it must get."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from typing import NamedTuple

from tests.files import DEBT_LABELS, debt, debts, table

MIB = 1024**2
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Refusal(NamedTuple):
    """What is sent to debts, and status and code of the answer; `says` is part of its detail."""

    content: bytes
    status: int
    code: str
    says: str
    labels: tuple[str, ...] = ()
    wishes: tuple[tuple[str, str], ...] = ()


def labelled(*labels: str) -> bytes:
    """A file of one row under these labels."""
    return table(labels, [["x"] * len(labels)]).encode()


def without(*labels: str) -> bytes:
    """A file that lacks these labels of debts."""
    return labelled(*(label for label in DEBT_LABELS if label not in labels))


def archive(name: str, content: bytes) -> bytes:
    """A ZIP archive of one file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        opened.writestr(name, content)
    return stream.getvalue()


def good() -> bytes:
    """A file with which nothing is wrong, and which is new."""
    return debts(debt())


def wished(code: str, says: str, **wishes: str) -> Refusal:
    """A good file that is to be read in a way in which none can be."""
    return Refusal(good(), 422, code, says, wishes=tuple(wishes.items()))


MANDATORY = ("debt_id", "name", "government_id", "email", "debt_amount", "debt_due_date")

NO_HEADER = {
    "an empty file": Refusal(b"", 422, "empty-file", "The file is empty"),
    "blank lines": Refusal(b"\n\r\n \n\t\n" * 50, 422, "empty-file", "no header row"),
    "blank cells": Refusal(b",,,,,\n , ,\t,,,\n", 422, "empty-file", "no header row"),
    "a byte order mark": Refusal(b"\xef\xbb\xbf", 422, "empty-file", "no header row"),
    "a UTF-16 mark": Refusal(b"\xff\xfe", 422, "empty-file", "no header row"),
    "rows without header": Refusal(
        debts(debt()).split(b"\n", 1)[1], 422, "missing-label", "does not look like a header: 'Ann Example'", MANDATORY
    ),
    "text": Refusal(b"Dear Sir or Madam\n", 422, "missing-label", "does not look like a header", MANDATORY),
}

LABELS = {
    "one label missing": Refusal(without("debtAmount"), 422, "missing-label", "'debt_amount'", ("debt_amount",)),
    "a label misspelt": Refusal(
        labelled(*DEBT_LABELS[1:], "nmae"), 422, "missing-label", "Is 'nmae' meant to be 'name'?", ("name",)
    ),
    "two labels missing": Refusal(
        without("email", "debtId"), 422, "missing-label", "'debt_id', 'email'", ("debt_id", "email")
    ),
    "a label twice": Refusal(
        labelled(*DEBT_LABELS, "Name"), 422, "duplicate-label", "'name' and 'Name'", ("name", "Name")
    ),
    "two labels of one field": Refusal(
        labelled(*DEBT_LABELS, "debt-ID"), 422, "duplicate-label", "all mean debt_id", ("debtId", "debt-ID")
    ),
    "a header with an open quote": Refusal(b'name,"email\n1,2\n', 422, "unclosed-quote", "header row"),
    "a header of 1 MiB": Refusal(b",".join([*map(str.encode, DEBT_LABELS), b"x" * MIB]), 413, "format-error", "1 MiB"),
    "a line without end": Refusal(b"x" * (5 * MIB), 413, "format-error", "1 MiB"),
    "16,385 columns": Refusal(labelled(*["x"] * 16_385), 413, "format-error", "16385 columns"),
    "a header in another encoding": Refusal(
        b"name,\xff\n", 422, "encoding-error", "header row", wishes=(("encoding", "utf-8"),)
    ),
}

NO_TEXT = {
    "an archive of a program": Refusal(archive("debts.csv", b"\x7fELF" + bytes(60)), 415, "format-error", "program"),
    "a workbook without sheets": Refusal(archive("xl/workbook.xml", b"<workbook/>"), 422, "empty-file", "worksheet"),
    "a binary workbook": Refusal(archive("xl/workbook.bin", b""), 415, "format-error", ".xlsb"),
    "an OpenDocument": Refusal(archive("content.xml", b""), 415, "format-error", ".ods"),
    "gzip data of gzip data": Refusal(gzip.compress(gzip.compress(good())), 415, "format-error", "archive"),
    "bzip2 data": Refusal(bz2.compress(good()), 415, "format-error", "bzip2"),
    "xz data": Refusal(lzma.compress(good()), 415, "format-error", "xz"),
    "a PDF document": Refusal(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", 415, "format-error", "PDF"),
    "a program": Refusal(b"\x7fELF\x02\x01\x01" + bytes(57), 415, "format-error", "program"),
    "an image": Refusal(b"\x89PNG\r\n\x1a\n" + bytes(57), 415, "format-error", "PNG"),
    "an old document": Refusal(OLE + bytes(57), 415, "format-error", ".xls"),
    "an encrypted workbook": Refusal(
        OLE + bytes(57) + "EncryptedPackage".encode("utf-16-le"), 415, "format-error", "without a password"
    ),
    "a bitmap": Refusal(b"BM\0\1\2" * 50, 415, "format-error", "binary"),
    "every byte there is": Refusal(bytes(range(256)) * 10, 422, "encoding-error", "utf-8, cp1252"),
    "a photograph": Refusal(
        b"\xff\xd8\xff\xe0" + bytes(range(200, 256)), 422, "missing-label", "not look like a header", MANDATORY
    ),
    "a row of 20 MiB": Refusal(good() + b"x" * (20 * MIB), 413, "field-too-long", "16 MiB"),
}

WISHES = {
    "an encoding that is none": wished("encoding-error", "'klingon' is not known", encoding="klingon"),
    "an encoding that is no text": wished("encoding-error", "'base64' is not taken", encoding="base64"),
    "an encoding with states": wished("encoding-error", "'utf-7' is not taken", encoding="utf-7"),
    "an encoding with a NUL": wished("encoding-error", "is not known", encoding="utf-8\0"),
    "a delimiter of two": wished("format-error", "',,' cannot be a delimiter", delimiter=",,"),
    "a delimiter beyond ASCII": wished("format-error", "'€' cannot be a delimiter", delimiter="€"),
    "a quote as delimiter": wished("format-error", "cannot be a delimiter", delimiter='"'),
    "a line end as delimiter": wished("format-error", "cannot be a delimiter", delimiter="\n"),
    "a NUL as delimiter": wished("format-error", "cannot be a delimiter", delimiter="\0"),
    "a delimiter that is not there": Refusal(
        good(), 422, "missing-label", "does not look like a header", MANDATORY, (("delimiter", "~"),)
    ),
}

REFUSALS = {**NO_HEADER, **LABELS, **NO_TEXT, **WISHES}
