"""How far what is inflated may grow, counted while it grows; between received bytes and text."""

from __future__ import annotations

from typing import Final

from shared.errors import TooLarge

FREE_BYTES: Final = 16 * 1024**2
"""So much may come out of anything, however small it is."""


class Growth:
    """Counts what comes out of compressed bytes. What an archive says of its own sizes counts for nothing."""

    def __init__(self, max_bytes: int, max_inflation: int, received_bytes: int = 0) -> None:
        self._max_bytes = max_bytes
        self._max_inflation = max_inflation
        self._received_bytes = received_bytes
        self._grown_bytes = 0

    def receive(self, size_bytes: int) -> None:
        """So many more compressed bytes are there."""
        self._received_bytes += size_bytes

    def grow(self, size_bytes: int) -> None:
        """So many more bytes came out of them; raises TooLarge."""
        self._grown_bytes += size_bytes
        if self._grown_bytes > self._max_bytes:
            says = f"What is compressed in the file is longer than {self._max_bytes} bytes. Send it in parts."
            raise TooLarge("format-error", says)
        if self._grown_bytes > max(FREE_BYTES, self._max_inflation * self._received_bytes):
            says = f"The file grows to more than {self._max_inflation} times its size. Send it uncompressed, as CSV."
            raise TooLarge("format-error", says)
