"""The bytes of a file out of an HTTP body, raw or multipart, without spooling; *HTTP* -> command."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from email.message import Message

import msgspec
from multipart import (  # type: ignore[import-untyped]  # the package ships no types
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from command_api.texts import Wishes
from shared.errors import BadFile, BadParameter, Disconnected
from shared.selection.parameters import short

FIELD_BYTES = 1000
"""The longest value of a form field that is no file."""

CHOICES: dict[str, dict[str, object]] = {
    "review": {"true": True, "false": False},
    "on_error": {"skip": "skip", "abort": "abort"},
}
"""What the values of some wishes mean; all others are text."""


async def multipart_file(
    body: AsyncIterator[bytes], content_type: str, wishes: Wishes
) -> tuple[Wishes, AsyncIterator[bytes]]:
    """The first file of a form, whatever its part is called, and the wishes that stand in fields before it.

    Raises BadFile where the form has no file, BadParameter for a wish that means nothing; Disconnected, while the file
    is read, where the form does not end.
    """
    boundary = _parameter(content_type, "boundary")
    if not boundary:
        raise BadFile("format-error", "The multipart body names no boundary. Send the file as `-F file=@debts.csv`.")
    pieces = _pieces(body, boundary)
    values: dict[str, str] = {}
    try:
        async for piece in pieces:
            if isinstance(piece, MultipartSegment) and piece.filename is not None:
                values.setdefault("file_name", piece.filename)
                return wished(wishes, values), _file(pieces)
            if isinstance(piece, MultipartSegment):
                values[piece.name] = await _field(pieces)
    except MultipartError as error:
        raise BadFile("format-error", f"The multipart body cannot be read: {error}.") from error
    raise BadFile("format-error", "The form has no file. Send the file as `-F file=@debts.csv`.")


def wished(wishes: Wishes, values: Mapping[str, str]) -> Wishes:
    """The wishes with those that `values` has besides, unless they are empty; raises BadParameter."""
    known = {name: value for name, value in values.items() if name in wishes.__struct_fields__ and value}
    return msgspec.structs.replace(wishes, **{name: _meaning(name, value) for name, value in known.items()})


def _meaning(name: str, value: str) -> object:
    if name not in CHOICES:
        return value
    choices = CHOICES[name]
    if value.lower() not in choices:
        raise BadParameter(name, f"{name}: {short(value)} is not {' or '.join(choices)}.")
    return choices[value.lower()]


def file_name_of(disposition: str) -> str | None:
    """The file name in a Content-Disposition header, if it has one."""
    return _parameter(disposition, "filename")


def charset_of(content_type: str) -> str | None:
    """The charset in a Content-Type header, if it has one."""
    return _parameter(content_type, "charset")


def _parameter(header: str, name: str) -> str | None:
    message = Message()
    message["Content-Type"] = header if "/" in header.split(";")[0] else f"x/{header}"
    value = message.get_param(name)
    if isinstance(value, tuple):
        return value[2]
    return value


async def _pieces(body: AsyncIterator[bytes], boundary: str) -> AsyncIterator[object]:
    with PushMultipartParser(boundary, max_segment_count=100) as parser:
        async for block in body:
            for piece in parser.parse(block):
                yield piece


async def _field(pieces: AsyncIterator[object]) -> str:
    value = b""
    async for piece in pieces:
        if not isinstance(piece, (bytes, bytearray)):
            return value.decode(errors="replace")
        value += piece
        if len(value) > FIELD_BYTES:
            says = f"A field of the form is longer than {FIELD_BYTES} bytes. Send the file as `-F file=@debts.csv`."
            raise BadFile("format-error", says)
    return value.decode(errors="replace")


async def _file(pieces: AsyncIterator[object]) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces:
            if piece is None:
                break
            yield bytes(piece) if isinstance(piece, (bytes, bytearray)) else b""
        async for _ in pieces:
            pass  # What follows the file is read, so that a form that was cut short is noticed.
    except MultipartError as error:
        raise Disconnected(f"The form does not end: {error}.") from error
