"""Delimited texts for property tests, and the comparison of two ways to read one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared.tabular import framing, plain, rows, tokens
from shared.tabular.dialect import Dialect
from shared.tabular.rows import Tokens

DIALECTS = {
    "lf": Dialect("utf-8", "detected", ",", "lf", 0),
    "crlf": Dialect("utf-8", "detected", ",", "crlf", 0),
    "cr": Dialect("utf-8", "detected", ",", "cr", 0),
    "semicolon": Dialect("utf-8", "detected", ";", "lf", 0),
    "pipe": Dialect("utf-8", "detected", "|", "lf", 0),
}
PIECES = (
    *("a", '"', ",", ";", "|", "\r", "\n", "\r\n", " ", "é", '""', '","', '"\n', '\n"', '"\r\n', ",\n", "\ufeff", "x^"),
    *("a,a\n", "a;a\n", '"a,b",c\n', '"x\ny",\n', '"",""\n', 'a"b,c\n', '"a"b,c\n', '"a\n'),
)

CELLS = (
    *("", "a", "é", " ", "\r", "a\r", "\ra", '5"', 'a""b', "\ufeff", "x^2", "\xa0", "\0", "\x1c", ";", "|", ",", "\n"),
    *('""', '"a"', '"a,b"', '"a;b"', '"a|b"', '"a""b"', '"\n"', '"a\r\nb"', '"\r"', '""""', '"""a"', '"a\r"', '" "'),
    *('"a', '"a"b', '"', '"""', '"a""', '"a" ', '""a', '"a\n', '"a\r'),
)
LINE_ENDS = ("\n", "\n", "\r\n", "\r", "\r\r\n", "\n\n", "", ",\n", ";\n")

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For machines that are busy with other things."""

dialects = st.sampled_from(sorted(DIALECTS)).map(DIALECTS.__getitem__)
widths = st.integers(1, 4)
_soups = st.lists(st.sampled_from([*(piece.encode() for piece in PIECES), b"\xff", b"\0"]), max_size=40).map(b"".join)


@st.composite
def _tables(draw: st.DrawFn) -> bytes:
    """Mostly rows of one width, with mostly the same line end."""
    delimiter, width = draw(st.sampled_from(",,,;|")), draw(widths)
    line_end = draw(st.sampled_from(LINE_ENDS))
    cells = st.sampled_from(draw(st.sampled_from([CELLS, CELLS[:18], CELLS[:31]])))
    lengths = st.sampled_from([width] * 8 + [width - 1, width + 1])
    rows = draw(
        st.lists(lengths.flatmap(lambda length: st.lists(cells, min_size=length, max_size=length)), max_size=12)
    )
    ends = [draw(st.sampled_from([line_end] * 8 + ["\n", "\r\n", ""])) for _ in rows]
    return "".join(delimiter.join(row) + end for row, end in zip(rows, ends, strict=True)).encode()


texts = st.one_of(_soups, _tables())


def assert_same(left: Tokens, right: Tokens) -> None:
    """Both hold the same rows, rejects and counts, and the counts add up."""
    assert left.frame.schema == right.frame.schema
    assert left.frame.rows() == right.frame.rows()
    assert left.rejected.schema == right.rejected.schema
    assert left.rejected.rows() == right.rejected.rows()
    assert (left.blank, left.rows) == (right.blank, right.rows)
    assert left.rows == left.frame.height + left.rejected.height + left.blank


@contextmanager
def short_stretches() -> Iterator[None]:
    """The framing goes back to its fast way after every record."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "STRETCH_BYTES", 1)
        yield


@contextmanager
def small_limits(field_bytes: int, field_lines: int) -> Iterator[None]:
    """Limits that short texts pass."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (plain, framing, rows, tokens):
            patch.setattr(module, "MAX_FIELD_BYTES", field_bytes)
        for module in (plain, framing):
            patch.setattr(module, "MAX_FIELD_LINES", field_lines)
        yield
