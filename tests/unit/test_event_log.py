"""A broker that is away."""

from __future__ import annotations

import gc

import aio_pika
import pytest

from shared.errors import Unavailable
from shared.event_log import connected


async def test_a_connection_that_never_came_about_is_closed_like_any_other() -> None:
    """Left to itself it closes when it is forgotten, for which no loop may be running."""
    with pytest.raises(Unavailable, match="RabbitMQ does not answer") as refused:
        async with connected("amqp://nobody@127.0.0.1:1", "tests"):
            pass
    assert refused.value.__cause__  # Its frames know the connection.
    known = [one for one in gc.get_objects() if isinstance(one, aio_pika.Connection)]

    assert known
    assert all(one.is_closed for one in known)
