"""The second reader of a worksheet: streams its XML and says which cells are filled; in the child.

It also knows what the first reader loses: errors, formulas without a value, and numbers as they are written.
"""

from __future__ import annotations

import re
from array import array
from typing import Final
from zipfile import ZipFile

from command_api.archives.markup import Attributes, Handler, local, read_markup
from command_api.archives.strings import SharedStrings, contradiction, whole
from command_api.archives.workbook import Sheet, Workbook, part_blocks
from shared.tabular.row_errors import ERROR_MARK

MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
_PLAIN = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
"""A number that a float keeps; any other is kept as it is written."""
_LETTERS = re.compile(r"[A-Z]{1,3}", re.ASCII)


class Scan:
    """What the XML of a sheet holds, by rows from 0.

    `filled` counts each row's cells with a value, errors not among them; `notes` are the texts of cells that stand for
    what the first reader says. `width` is the number of columns up to the last one with anything in it.
    """

    def __init__(self) -> None:
        self.filled = array("H")
        self.notes: dict[int, dict[int, str]] = {}
        self.width = 0

    def fill(self, row: int, column: int) -> None:
        """The cell has a value."""
        filled = self.filled
        if len(filled) <= row:
            filled.extend([0] * (row + 1 - len(filled)))
        filled[row] += 1
        if column >= self.width:
            self.width = column + 1

    def note(self, row: int, column: int, text: str) -> None:
        """The cell has this text, whatever the first reader says."""
        self.notes.setdefault(row, {})[column] = text
        self.width = max(self.width, column + 1)

    @property
    def height(self) -> int:
        """Rows up to the last one with anything in it."""
        return max(len(self.filled), max(self.notes, default=-1) + 1)


def scan_sheet(package: ZipFile, workbook: Workbook, sheet: Sheet) -> Scan:
    """Read all of a sheet in constant memory but for its notes; raises BadFile `archive-error`."""
    strings = SharedStrings()
    if workbook.strings_part:
        read_markup(part_blocks(package, workbook.strings_part), strings, workbook.strings_part)
        strings.hold_claim()
    cells = _Cells(strings.filled)
    read_markup(part_blocks(package, sheet.part), cells, sheet.part)
    if not cells.found:
        raise contradiction(f"{sheet.part} is no worksheet")
    return cells.scan


class _Cells(Handler):
    """Walks through the rows and cells of one sheet."""

    def __init__(self, strings: bytearray) -> None:
        self.scan = Scan()
        self.found = False
        self._strings = strings
        self._columns = _Columns()
        self._inside = False
        self._row = self._column = -1
        self._row_digits = ""
        self._kind: str | None = None
        self._value = ""
        self._formula = self._valued = self._open = self._phonetic = False

    def start(self, name: str, attributes: Attributes) -> None:
        if not self._inside:
            self._inside = local(name) == "sheetData"
            self.found |= self._inside
        elif name == "c":
            self._begin_cell(attributes)
        elif name in ("v", "t"):
            self._open = not self._phonetic
            self._valued = True
        elif name == "row":
            self._begin_row(attributes.get("r"))
        elif name == "f":
            self._formula = True
        elif name == "rPh":
            self._phonetic = True
        elif ":" in name:
            self.start(local(name), attributes)

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self._open = False
        elif name == "c":
            self._end_cell(self._value)
        elif name == "rPh":
            self._phonetic = False
        elif name == "sheetData":
            self._inside = False
        elif ":" in name:
            self.end(local(name))

    def text(self, text: str) -> None:
        if self._open:
            self._value += text

    def _begin_row(self, number: str | None) -> None:
        row = self._row + 1 if number is None else whole(number) - 1
        if not self._row < row < MAX_ROWS:
            raise contradiction(f"its row {row + 1} is out of order")
        self._row, self._row_digits, self._column = row, str(row + 1), -1

    def _begin_cell(self, attributes: Attributes) -> None:
        place = attributes.get("r")
        column = self._column + 1
        if place is not None:
            column = self._columns[place.removesuffix(self._row_digits)]
        if not self._column < column < MAX_COLUMNS:
            raise contradiction(f"its cell {(place or '')[:20]} in row {self._row_digits} is out of order")
        self._column = column
        self._kind = attributes.get("t")
        self._value = ""
        self._formula = self._valued = False

    def _end_cell(self, value: str) -> None:
        kind = self._kind
        if kind == "e":
            self._note(ERROR_MARK + (value if value.startswith("#") else f"#{value}"))
        elif kind == "s" and value:
            index = whole(value)
            if index >= len(self._strings):
                raise contradiction(f"it has no shared string {value[:20]}")
            if self._strings[index]:
                self.scan.fill(self._row, self._column)
        elif value and not value.isspace():
            self.scan.fill(self._row, self._column)
            if (kind is None or kind == "n") and not _PLAIN.fullmatch(value):
                self._note(value)
        elif self._formula and not self._valued and kind != "str":
            self._note(f"{ERROR_MARK}#FORMULA")

    def _note(self, text: str) -> None:
        self.scan.note(self._row, self._column, text)


class _Columns(dict[str, int]):
    """Number, from 0, of a column by its letters; beyond the last column for what are none."""

    def __missing__(self, letters: str) -> int:
        number = 0
        for letter in letters:
            number = number * 26 + ord(letter) - 64
        self[letters] = number - 1 if _LETTERS.fullmatch(letters) else MAX_COLUMNS
        return self[letters]
