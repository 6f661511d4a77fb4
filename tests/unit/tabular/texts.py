"""Delimited texts for property tests, and the comparison of two ways to read one."""

from __future__ import annotations

from hypothesis import strategies as st

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

dialects = st.sampled_from(sorted(DIALECTS)).map(DIALECTS.__getitem__)
texts = st.lists(st.sampled_from([*(piece.encode() for piece in PIECES), b"\xff", b"\0"]), max_size=40).map(b"".join)
widths = st.integers(1, 4)


def assert_same(left: Tokens, right: Tokens) -> None:
    """Both hold the same rows, rejects and counts, and the counts add up."""
    assert left.frame.schema == right.frame.schema
    assert left.frame.rows() == right.frame.rows()
    assert left.rejected == right.rejected
    assert (left.blank, left.rows) == (right.blank, right.rows)
    assert left.rows == left.frame.height + len(left.rejected) + left.blank
