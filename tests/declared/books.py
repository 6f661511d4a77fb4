"""An invented dataset that ships nowhere: one file is all it takes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from shared.datasets.declaration import Record, declare
from shared.datasets.fields import Format, Ge, Indexed, Label, MaxLength, Range, Scale, Search


class Book(Record, frozen=True, kw_only=True):
    """One book of a library."""

    isbn: Annotated[str, MaxLength(17)]
    title: Annotated[str, Search(index=True), Label.of("book title")]
    genre: Annotated[Literal["novel", "poems", "essay"] | None, Indexed()] = None
    price: Annotated[Decimal | None, Scale(3), Ge(0), Range()] = None
    pages: Annotated[int | None, Range()] = None
    bought: Annotated[date | None, Range()] = None
    lent_at: Annotated[datetime | None, Format("%Y-%m-%d %H:%M:%S"), Range()] = None


dataset = declare("books", Book, title="Books", key="isbn", encodings=("cp1251",))
