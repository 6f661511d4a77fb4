"""A worksheet to CSV text, row by row, where two readers agree on it; in the child: *workbook -> text*."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final
from zipfile import ZipFile

from python_calamine import CalamineError, CalamineWorkbook

from command_api.archives.cells import Value, cell_text, is_blank_value
from command_api.archives.orders import Order
from command_api.archives.scanning import Scan, scan_sheet
from command_api.archives.workbook import SHOWN_SHEETS, Sheet, Workbook, read_workbook
from shared.errors import BadFile, TooLarge
from shared.tabular.header import is_blank, match_header
from shared.tabular.row_errors import ERROR_MARK

CELL_BYTES: Final = 64
"""What the first reader needs for each cell of the sheet's area, empty or not, at the least."""
BATCH_ROWS: Final = 1000
Row = list[Value]


def open_sheet(package: ZipFile, order: Order) -> tuple[Sheet, Scan]:
    """The sheet that is wanted, as the second reader sees it; raises BadFile, BadParameter, TooLarge."""
    workbook = read_workbook(package)
    sheet = workbook.sheet(order.sheet)
    scan = scan_sheet(package, workbook, sheet)
    if not scan.height:
        raise BadFile("empty-file", f"The sheet {sheet.name[:80]!r} is empty. {_others(workbook, sheet)}")
    if scan.height * scan.width * CELL_BYTES > order.memory_bytes:
        says = f"The sheet spans {scan.height} rows and {scan.width} columns, more than can be read. Send it as CSV."
        raise TooLarge("format-error", says)
    return sheet, scan


def _others(workbook: Workbook, sheet: Sheet) -> str:
    others = ", ".join(repr(each.name[:80]) for each in workbook.sheets[:SHOWN_SHEETS] if each is not sheet)
    return f"Name another with the parameter sheet: {others}." if others else "Send a header row and data rows."


def sheet_text(file: BinaryIO, sheet: Sheet, scan: Scan, order: Order) -> Iterator[bytes]:
    """The rows of the sheet from its first to its last that is not blank, all as wide, each ended with CR.

    Blank rows are kept, so the number of a record is that of its row. Raises BadFile where the readers disagree.
    """
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r")
    formats: Sequence[str | None] | None = None
    for number, values in enumerate(_compared(_values(file, sheet, scan), scan)):
        notes = scan.notes.get(number)
        if formats is None:
            cells = _texts(values, [None] * scan.width, notes)
            formats = None if is_blank(cells) else _formats(cells, order)
        else:
            cells = _texts(values, formats, notes)
        writer.writerow(cells)
        if number % BATCH_ROWS == 0:
            yield lines.getvalue().encode("utf-8", "replace")
            lines.seek(0)
            lines.truncate()
    yield lines.getvalue().encode("utf-8", "replace")


def _values(file: BinaryIO, sheet: Sheet, scan: Scan) -> Iterator[Row]:
    """What the first reader sees: rows from the sheet's first on, cells from column A on."""
    try:
        found = CalamineWorkbook.from_filelike(file).get_sheet_by_name(sheet.name)
    except CalamineError as error:
        says = f"The workbook cannot be read ({str(error)[:200]}). Save it anew, or send a CSV."
        raise BadFile("archive-error", says) from error
    before: Row = [""] * (found.start[1] if found.start else 0)
    for cells in found.iter_rows():
        row = before + cells
        yield row + [""] * (scan.width - len(row))


def _compared(rows: Iterator[Row], scan: Scan) -> Iterator[Row]:
    """`scan.height` rows, each of which both readers see filled in as many cells."""
    for number in range(scan.height):
        row = next(rows, None) or [""] * scan.width
        _hold(row, number, scan)
        yield row[: scan.width]
    for number, row in enumerate(rows, scan.height):
        _hold(row, number, scan)


def _hold(row: Row, number: int, scan: Scan) -> None:
    seen = sum(not is_blank_value(value) for value in row)
    for column, text in scan.notes.get(number, {}).items():
        seen += (text[0] != ERROR_MARK) - (not is_blank_value(row[column]))
    expected = scan.filled[number] if number < len(scan.filled) else 0
    if seen != expected:
        says = (
            f"Two readers of the workbook disagree: row {number + 1} has {seen} filled cells for one and {expected} for"
            " the other. Save it anew, or send a CSV."
        )
        raise BadFile("archive-error", says)


def _texts(values: Row, formats: Sequence[str | None], notes: dict[int, str] | None) -> list[str]:
    texts = [
        value if type(value) is str and "\r" not in value else cell_text(value, form)
        for value, form in zip(values, formats, strict=True)
    ]
    for column, text in (notes or {}).items():
        texts[column] = text
    return texts


def _formats(cells: Sequence[str], order: Order) -> list[str | None]:
    """How each column writes dates, by the header row; where that is no header, whoever cuts the text will say so."""
    try:
        fields = match_header(cells, order.labels).fields
    except BadFile:
        fields = (None,) * len(cells)
    return [order.formats.get(field) if field else None for field in fields]
