"""What the benchmark of logins says of its goals."""

from __future__ import annotations

from cli.bench.logins import CORRECTION, LOGGING_IN, QUIET, READ, Called, goals


def test_calls_beside_logins_may_take_twice_as_long_and_no_longer() -> None:
    runs = [
        Called(READ, QUIET, 100, 2.0, 10.0, 0),
        Called(CORRECTION, QUIET, 100, 10.0, 20.0, 0),
        Called(READ, LOGGING_IN, 100, 4.0, 21.0, 90),
        Called(CORRECTION, LOGGING_IN, 100, 15.0, 30.0, 90),
    ]
    assert [(one.measured, one.reached) for one in goals(runs)] == [(2.0, True), (2.1, False), (1.5, True), (1.5, True)]
