"""Tells answers that never end by themselves that their application does; *HTTP* -> command or query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from litestar import Litestar

KEY: Final = "tablefold_ending"


def when_ending(app: Litestar, end: Callable[[], None]) -> None:
    """Have `end` called, once or more, when the application is about to end and waits for open answers."""
    app.state.setdefault(KEY, []).append(end)


def end_streams(app: Litestar) -> None:
    """Call all of them; open answers end soon after."""
    for end in app.state.get(KEY, ()):
        end()
