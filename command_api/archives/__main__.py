"""`python -m command_api.archives ORDER`: the child that opens one archive, from standard input to standard output.

It answers with a line of JSON and the text, or says on standard error why not and ends with 1. It limits itself before
it looks at the first byte; what goes beyond that ends it, and nothing else.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from command_api.archives.orders import Opened, Order, Refusal
from command_api.archives.package import blocks_of, inflate_all, is_workbook, only_file, open_package
from command_api.archives.sheets import open_sheet, sheet_text
from command_api.growth import Growth
from shared.errors import BadParameter, Refused, TooLarge


def main() -> int:
    """Open the archive; the exit code."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    _limit(order)
    try:
        for block in _answer(sys.stdin.buffer, order):
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
    except Refused as error:
        return _refuse(error)
    except MemoryError:
        says = f"The archive needs more than {order.memory_bytes} bytes of memory to be read. Send it as CSV."
        return _refuse(TooLarge("format-error", says))
    return 0


def _answer(file: BinaryIO, order: Order) -> Iterator[bytes]:
    package = open_package(file)
    received_bytes = file.seek(0, 2)
    if not is_workbook(package):
        if order.sheet is not None:
            raise BadParameter("sheet", "The file is no workbook and has no sheets. Leave the parameter out.")
        entry = only_file(package)
        yield _line(Opened(None))
        yield from _counted(blocks_of(package, entry), order, received_bytes)
        return
    inflate_all(package, Growth(order.max_bytes, order.max_inflation, received_bytes))
    sheet, scan = open_sheet(package, order)
    yield _line(Opened(sheet.name))
    file.seek(0)
    yield from _counted(sheet_text(file, sheet, scan, order), order, received_bytes)


def _counted(blocks: Iterator[bytes], order: Order, received_bytes: int) -> Iterator[bytes]:
    growth = Growth(order.max_bytes, order.max_inflation, received_bytes)
    for block in blocks:
        growth.grow(len(block))
        yield block


def _line(opened: Opened) -> bytes:
    return msgspec.json.encode(opened) + b"\n"


def _refuse(error: Refused) -> int:
    sys.stderr.buffer.write(msgspec.json.encode(Refusal.of(error)))
    return 1


def _limit(order: Order) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (order.memory_bytes, order.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (order.cpu_s, order.cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
