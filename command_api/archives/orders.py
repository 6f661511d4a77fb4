"""What the command API and the child process that opens an archive say to each other; beside the flow."""

from __future__ import annotations

from typing import Literal

import msgspec

from shared.datasets.declaration import Dataset
from shared.datasets.fields import Kind
from shared.errors import BadFile, BadParameter, Refused, TooLarge, WrongMediaType
from shared.tabular.header import Label


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is to do with the archive on its standard input, and what it may take for it.

    `formats` are those of the fields that hold dates or times, by field. `sheet` None is the first one to be seen.
    """

    labels: tuple[Label, ...]
    formats: dict[str, str]
    sheet: str | None
    max_bytes: int
    max_inflation: int
    memory_bytes: int
    cpu_s: int


class Opened(msgspec.Struct, frozen=True):
    """The first line of the child's answer; the text follows. `sheet` is None where a file was inside."""

    sheet: str | None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An error of the caller's, on its way from the child to the answer."""

    kind: Literal["bad-file", "too-large", "wrong-media-type", "bad-parameter"]
    name: str
    detail: str
    nearest: str | None = None

    @classmethod
    def of(cls, error: Refused) -> Refusal:
        """The refusal that says what the error says."""
        match error:
            case BadParameter():
                return cls(kind="bad-parameter", name=error.parameter, detail=str(error), nearest=error.nearest)
            case TooLarge():
                return cls(kind="too-large", name=error.code, detail=str(error))
            case WrongMediaType():
                return cls(kind="wrong-media-type", name=error.code, detail=str(error))
            case BadFile():
                return cls(kind="bad-file", name=error.code, detail=str(error))
        return cls(kind="bad-file", name="archive-error", detail=str(error))

    def error(self) -> Refused:
        """The error again."""
        match self.kind:
            case "bad-parameter":
                return BadParameter(self.name, self.detail, self.nearest)
            case "too-large":
                return TooLarge(self.name, self.detail)
            case "wrong-media-type":
                return WrongMediaType(self.name, self.detail)
            case "bad-file":
                return BadFile(self.name, self.detail)


def labels_of(dataset: Dataset) -> tuple[Label, ...]:
    """The header labels that a dataset knows."""
    return tuple(Label(field.name, (field.name, *field.labels), field.required) for field in dataset.file_fields)


def formats_of(dataset: Dataset) -> dict[str, str]:
    """How files write the dates and times of a dataset, by field."""
    return {field.name: field.formats[0] for field in dataset.file_fields if field.kind in (Kind.DATE, Kind.TIMESTAMP)}
