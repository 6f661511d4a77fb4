"""Files of debts in which something lies exactly where the system cuts: at the edge of a chunk or of a block."""

from __future__ import annotations

from uuid import uuid4

from tests.files import DEBT_LABELS, debt, table

CHUNK_BYTES = 64 * 1024
"""Of the running stack; the first chunk is counted from the end of the header row."""
FIRST_BLOCK_BYTES = 2 * 1024**2
"""What is read before the dialect is settled, header included."""
FILLER_ROWS = 5


def header(end: str = "\n") -> str:
    """The header row of debts."""
    return table(DEBT_LABELS, [], end=end)


def lines(*rows: list[str], end: str = "\n") -> str:
    """Rows without a header."""
    return table(DEBT_LABELS, rows, end=end).removeprefix(header(end))


def filled(text: str, size: int, encoding: str = "utf-8") -> str:
    """The text with good rows after it, so that it has exactly `size` bytes."""
    octets = len(text.encode(encoding))
    unit = len("x".encode(encoding))
    row = lines(debt(str(uuid4()), name="Filler"))
    whole = (size - octets) // (len(row) * unit) - 1
    text += lines(*(debt(name="Filler") for _ in range(whole)))
    missing = (size - len(text.encode(encoding))) // unit - len(row)
    text += lines(debt(name="Filler" + "x" * missing))
    if len(text.encode(encoding)) != size:
        raise ValueError(f"No file of {size} bytes can be made.")
    return text


def across(name: str, before: int, edge: int, encoding: str = "utf-8") -> bytes:
    """A file with a row of this (quoted) name, `before` bytes of which lie before byte `edge` and the rest after it.

    The rows around it are called Filler and more; `edge` counts from the start of the encoded text.
    """
    text = filled(header(), edge - before - len('"'.encode(encoding)), encoding)
    row = lines(debt(name="PLACE")).replace("PLACE", f'"{name}"')
    return (text + row + lines(*(debt(name="Filler") for _ in range(FILLER_ROWS)))).encode(encoding)


def chunk_edge() -> int:
    """The byte of a UTF-8 file of debts at which its first chunk is full."""
    return len(header()) + CHUNK_BYTES
