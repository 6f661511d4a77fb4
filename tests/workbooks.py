"""Workbooks that tests send, written part by part, so that anything can be wrong with them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from types import MappingProxyType
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET = "xl/worksheets/sheet1.xml"
HIDDEN = ' state="hidden"'
DATE_STYLE, TIME_STYLE = 1, 2
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1">'
    '<border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0"/>'
    '<xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>'
)


class Written(NamedTuple):
    """A cell without a type and what stands in its `<v>`, as it is."""

    text: str


class Fault(NamedTuple):
    """A cell with an error."""

    text: str


class Formula(NamedTuple):
    """A formula and the value stored with it, None for none."""

    expression: str
    value: str | None


class Markup(NamedTuple):
    """A cell's XML as it is; `{at}` stands for its reference."""

    xml: str


Cell = str | int | float | bool | date | datetime | Written | Fault | Formula | Markup | None
Parts = Mapping[str, str | bytes | None]
EMPTY: Parts = MappingProxyType({})
Rows = Sequence[Sequence[Cell]]


def workbook(rows: Rows, *, shared: bool = False, since_1904: bool = False, parts: Parts = EMPTY) -> bytes:
    """A workbook of one sheet; `parts` replace, add or (None) leave out parts of the package."""
    return workbook_of({"Sheet1": rows}, shared=shared, since_1904=since_1904, parts=parts)


def workbook_of(
    sheets: Mapping[str, Rows],
    *,
    hidden: Sequence[str] = (),
    shared: bool = False,
    since_1904: bool = False,
    parts: Parts = EMPTY,
) -> bytes:
    """A workbook of sheets by name."""
    strings: list[str] = []
    content: dict[str, str | bytes | None] = {
        f"xl/worksheets/sheet{number}.xml": sheet_xml(rows, strings if shared else None, since_1904)
        for number, rows in enumerate(sheets.values(), 1)
    }
    content |= _frame(sheets, hidden, since_1904)
    if shared:
        content["xl/sharedStrings.xml"] = strings_xml(strings)
    content |= parts
    return packed({name: part for name, part in content.items() if part is not None})


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive of these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, part in parts.items():
            opened.writestr(name, part)
    return stream.getvalue()


def sheet_xml(rows: Rows, strings: list[str] | None = None, since_1904: bool = False) -> str:
    """A worksheet; None is no cell, and a row of none no row."""
    lines = []
    for number, row in enumerate(rows, 1):
        cells = [
            _cell(f"{letters(column)}{number}", value, strings, since_1904)
            for column, value in enumerate(row)
            if value is not None
        ]
        if cells:
            lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def strings_xml(strings: Sequence[str], count: int | None = None) -> str:
    """The part of shared strings."""
    items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in strings)
    claimed = len(strings) if count is None else count
    return f'<sst xmlns="{MAIN}" count="{claimed}" uniqueCount="{claimed}">{items}</sst>'


def letters(column: int) -> str:
    """The letters of a column, from 0."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def _frame(sheets: Mapping[str, Rows], hidden: Sequence[str], since_1904: bool) -> dict[str, str]:
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="r{number}"{HIDDEN * (name in hidden)}/>'
        for number, name in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="r{number}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(sheets) + 1)
    )
    start = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    return {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{start}</Relationships>',
        "xl/workbook.xml": (
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr date1904="{int(since_1904)}"/>'
            f"<sheets>{listed}</sheets></workbook>"
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{PACKAGE}/relationships">{related}'
            f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>'
            f'<Relationship Id="t" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
        ),
        "xl/styles.xml": STYLES,
    }


def _cell(at: str, value: Cell, strings: list[str] | None, since_1904: bool) -> str:
    match value:
        case Markup(xml):
            return xml.replace("{at}", at)
        case Written(text):
            return f'<c r="{at}"><v>{escape(text)}</v></c>'
        case Fault(text):
            return f'<c r="{at}" t="e"><v>{escape(text)}</v></c>'
        case Formula(expression, stored):
            shown = "" if stored is None else f"<v>{escape(stored)}</v>"
            return f'<c r="{at}"><f>{escape(expression)}</f>{shown}</c>'
        case bool():
            return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
        case int() | float():
            return f'<c r="{at}"><v>{value!r}</v></c>'
        case datetime():
            return f'<c r="{at}" s="{TIME_STYLE}"><v>{_serial(value, since_1904)!r}</v></c>'
        case date():
            days = _serial(datetime.combine(value, time()), since_1904)
            return f'<c r="{at}" s="{DATE_STYLE}"><v>{int(days)}</v></c>'
    if strings is None:
        return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'
    strings.append(str(value))
    return f'<c r="{at}" t="s"><v>{len(strings) - 1}</v></c>'


def _serial(value: datetime, since_1904: bool) -> float:
    epoch = datetime.fromisoformat("1904-01-01" if since_1904 else "1899-12-30")
    passed = value - epoch
    return passed.days + passed.seconds / 86_400
