"""A file of rejected rows, as it comes back from a spreadsheet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from command_api import fix_files
from command_api.fix_files import FixedRow, read_fix_file
from command_api.texts import Wishes
from shared.datasets.debts import dataset
from shared.errors import BadFile, TooLarge

HEADER = "name,governmentId,email,debtAmount,debtDueDate,debtId,_row,_line,_errors\r\n"


def rows_of(content: bytes | str, wishes: Wishes | None = None) -> list[FixedRow]:
    content = content.encode() if isinstance(content, str) else content

    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(content), 7):
            yield content[at : at + 7]

    return list(asyncio.run(read_fix_file(body(), dataset, wishes or Wishes())).rows())


def refusal(content: str) -> BadFile:
    with pytest.raises(BadFile) as refused:
        rows_of(content)
    return refused.value


def test_a_file_is_read_as_it_was_downloaded() -> None:
    line = 'Ann,1,a@example.com,12.50,2024-01-31,x,57,61,"debtAmount: must be a number, such as 1"\r\n'
    (row,) = rows_of(HEADER + line)

    assert (row.row, row.line, row.error) == (57, 2, None)
    assert row.cells["debt_amount"] == "12.50"
    assert sorted(row.cells) == ["debt_amount", "debt_due_date", "debt_id", "email", "government_id", "name"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_spreadsheet_may_have_changed_how_it_is_written(delimiter: str, encoding: str, end: str) -> None:
    lines = [["_row", "debtId", "name"], ["7", "x", '"Zoë"'], ["9", "y", f'"two{end}lines{delimiter}"'], ["8", "", ""]]
    content = "".join(delimiter.join(line) + end for line in lines).encode(encoding)

    first, second, third = rows_of(content)
    assert (first.row, first.cells) == (7, {"debt_id": "x", "name": "Zoë"})
    assert (second.row, second.line, second.cells["name"]) == (9, 3, f"two{end}lines{delimiter}")
    assert (third.row, third.line, third.cells) == (8, 5, {"debt_id": "", "name": ""})


def test_what_the_caller_says_of_the_file_counts() -> None:
    (row,) = rows_of("_row^name\n7^\xc4rger\n".encode("cp1250"), Wishes(encoding="cp1250", delimiter="^"))

    assert (row.row, row.cells) == (7, {"name": "Ärger"})


@pytest.mark.parametrize(("cell", "row"), [("7", 7), (" 7 ", 7), ("7.0", 7), ("7,00", 7), ("", None), ("x", None)])
def test_the_number_of_a_row_is_read_as_spreadsheets_write_it(cell: str, row: int | None) -> None:
    assert [one.row for one in rows_of(f"_row;name\n{cell};Ann\n")] == [row]


def test_blank_rows_and_columns_beside_the_table_are_passed_over() -> None:
    rows = rows_of("_row,name,,\n\n7,Ann,,\n,,,\n8,Bob,,\n")

    assert [(one.row, one.line, one.cells) for one in rows] == [(7, 3, {"name": "Ann"}), (8, 5, {"name": "Bob"})]


def test_columns_of_nobody_are_passed_over_even_one_called_row() -> None:
    (row,) = rows_of("Row,name,colour,_row,_errors\n1,Ann,red,7,bad\n")

    assert (row.row, row.cells) == (7, {"name": "Ann"})


def test_a_row_with_more_cells_than_labels_loses_none_silently() -> None:
    for content in ("name,_row\nAnn,7,surplus\n", "name,_row,,\nAnn,7,,surplus\n"):
        (row,) = rows_of(content)
        assert row.error is not None
        assert (row.row, row.error.code, row.cells) == (7, "extra-cell", {})


def test_a_row_that_cannot_be_read_costs_itself_only() -> None:
    broken, short, good = rows_of('name,_row,_line\n"Ann,7,1\nBob\nCid,9,3\n')

    assert [one.error and one.error.code for one in (broken, short)] == ["unclosed-quote", "missing-cell"]
    assert (good.row, good.line, good.cells) == (9, 4, {"name": "Cid"})


def test_a_file_without_row_numbers_is_refused() -> None:
    refused = refusal("name,debtId\nAnn,x\n")

    assert (refused.code, refused.labels) == ("missing-label", ("_row",))
    assert "no column '_row'" in str(refused)


def test_a_file_with_two_columns_of_row_numbers_is_refused() -> None:
    refused = refusal("name,_row,_row\nAnn,7,8\n")

    assert (refused.code, refused.labels) == ("duplicate-label", ("_row",))


def test_a_file_of_which_no_column_is_known_is_refused() -> None:
    assert refusal("colour,_row\nred,7\n").code == "missing-label"
    assert refusal("name,Name,_row\nAnn,Bob,7\n").code == "duplicate-label"
    assert refusal("").code == "empty-file"


def test_a_file_with_too_many_rows_or_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_files, "MAX_ROWS", 2)
    assert len(rows_of("_row,name\n7,Ann\n8,Bob\n")) == 2
    with pytest.raises(TooLarge, match="more than 2 rows"):
        rows_of("_row,name\n7,Ann\n8,Bob\n9,Cid\n")
    monkeypatch.setattr(fix_files, "MAX_BYTES", 10)
    with pytest.raises(TooLarge, match="10 bytes"):
        rows_of("_row,name\n7,Ann\n")
