"""The application around the application: made once for its start, and its streams told of its end."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from litestar import Litestar

from shared.datasets.catalogue import Catalogue, shipped
from shared.errors import BadSettings
from shared.http.ending import when_ending
from shared.http.redeclaring import Redeclaring

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


async def run(app: Redeclaring, while_it_runs: Any) -> list[str]:
    """What it says from its start to its end."""
    asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    said: list[str] = []

    async def send(message: Any) -> None:
        said.append(message["type"])
        if message["type"] == "lifespan.startup.complete":
            await while_it_runs()
            await asked.put({"type": "lifespan.shutdown"})

    await asked.put({"type": "lifespan.startup"})
    await app(cast(Any, {"type": "lifespan"}), cast(Any, asked.get), send)
    return said


async def test_it_is_made_once_to_start_and_its_streams_end_before_it_does() -> None:
    made, ended = [], []

    def make(catalogue: Catalogue) -> Litestar:
        made.append(catalogue)
        app = Litestar([], logging_config=None)
        when_ending(app, lambda: ended.append("told"))
        return app

    async def nothing() -> None:
        assert ended == []

    app = Redeclaring(make, shipped(), NOWHERE, "tests")
    assert len(made) == 1
    said = await run(app, nothing)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert len(made) == 1
    assert ended == ["told"]


async def test_whoever_serves_can_end_streams_first() -> None:
    ended = []

    def make(_: Catalogue) -> Litestar:
        app = Litestar([], logging_config=None)
        when_ending(app, lambda: ended.append("told"))
        return app

    app = Redeclaring(make, shipped(), NOWHERE, "tests")
    app.end_streams()
    assert ended == []

    async def end() -> None:
        app.end_streams()
        assert ended == ["told"]

    await run(app, end)


def test_what_is_wrong_with_settings_is_said_before_anything_starts() -> None:
    def make(_: Catalogue) -> Litestar:
        raise BadSettings("wrong")

    with pytest.raises(BadSettings, match="wrong"):
        Redeclaring(make, shipped(), NOWHERE, "tests")
