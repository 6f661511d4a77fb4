"""Free TCP ports on loopback; beside the flow."""

from __future__ import annotations

import random
import socket
from collections.abc import Container

from shared.errors import Unavailable

RANGE = range(15_000, 32_000)
"""Below the ports that outgoing connections get, so that a server finds its own again after a restart."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(without: Container[int] = ()) -> int:
    """A port that nobody listens on and that is not among `without`."""
    for port in random.sample(RANGE, 1000):
        if port not in without and is_free(port):
            return port
    raise Unavailable("No free port on 127.0.0.1 between 15000 and 32000: end some servers.")


def answers(port: int, request: bytes = b"", *, starts: bytes = b"", timeout_s: float = 1.0) -> bool:
    """Whether 127.0.0.1:port accepts a connection and answers `request` with bytes that start with `starts`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            if request:
                connection.sendall(request)
            return not starts or connection.recv(len(starts)) == starts
    except OSError:
        return False
