"""Sensitive values are masked in every JSON answer, or their reading is noted; *command or query -> HTTP*.

It goes by name: whatever stands under the name or label of a sensitive field, in whichever answer and however deep, is
masked unless the caller's scope says otherwise, in events of a stream as well. So a new route cannot forget it. What
cannot be masked is refused: files, and filters and sorts, which would tell the value piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from shared.auth.callers import SENSITIVE, Caller
from shared.datasets.catalogue import Catalogue
from shared.datasets.declaration import Dataset
from shared.errors import Forbidden
from shared.http.callers import KEY
from shared.selection.parameters import split_query

Note = Callable[[Caller, Scope], Awaitable[None]]
"""Notes in the audit that a caller reads sensitive values in the clear."""

SHOWN: Final = 4
"""So many of the last letters and digits are shown, where there are at least twice as many."""

ALIKE_AT_MOST: Final = 64
"""Letters and digits of a text that is masked together with others."""

FILES: Final = ("/uploads/{upload_id}/file", "/uploads/{upload_id}/errors.csv")
ERROR: Final = b'"field":'
"""How it is said of a row error which field it is about."""
DATA: Final = b"data: "
"""How a line of an event begins that holds JSON."""

EXPORTS: Final = ("text/csv", "application/x-ndjson", "application/vnd.apache.parquet")


def mask(text: str) -> str:
    """Letters and digits as asterisks: `***-**-4253`."""
    if text.isalnum():
        count = _hidden_of(len(text))
        return "*" * count + text[count:]
    marked = [at for at, character in enumerate(text) if character.isalnum()]
    hidden = set(marked[: _hidden_of(len(marked))])
    return "".join("*" if at in hidden else character for at, character in enumerate(text))


def _hidden_of(count: int) -> int:
    """So many of the first letters and digits are hidden."""
    return count - SHOWN if count >= 2 * SHOWN else count


class Sensitive:
    """What is sensitive in a catalogue: refuses before a handler runs, masks or notes what it answers."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._fields = {name: _names_of(dataset) for name, dataset in catalogue.items()}
        self._parameters = {name: _parameters_of(dataset) for name, dataset in catalogue.items()}
        self._members = {
            name: frozenset({one.members.name})
            for name, one in catalogue.items()
            if one.members and any(field.sensitive for field in one.members.fields)
        }
        self._all = frozenset(one for names in self._fields.values() for one in names)
        self._marks = [b'"%s":' % one.encode() for one in sorted(self._all)]
        self._errors = [b'%s"%s"' % (ERROR, one.encode()) for one in self._all]

    def check(self, caller: Caller, template: str, datasets: Iterable[str], query: bytes, accept: str) -> None:
        """Raise Forbidden where an answer would tell what the caller's scope does not show."""
        if caller.sees_sensitive:
            return
        telling = [one for one in datasets if self._fields.get(one)]
        given = _given(query) if telling and query else ()
        for dataset in telling:
            fields = self._fields[dataset]
            if template in FILES:
                raise _refused(f"The file has sensitive values of {dataset}.")
            self._check_query(dataset, given)
            exported = any(name == "format" and value != "json" for name, value in given)
            if exported or any(one in accept for one in EXPORTS):
                chosen = {one.strip() for name, value in given if name == "fields" for one in value.split(",")}
                if not chosen or chosen & (fields | self._members.get(dataset, frozenset())):
                    raise _refused(f"An export of {dataset} has sensitive values. Choose others with `fields`.")

    def _check_query(self, dataset: str, given: Sequence[tuple[str, str]]) -> None:
        for name, value in given:
            sorted_by = {one.strip().removeprefix("-") for one in value.split(",")} if name == "sort" else set()
            if name in self._parameters[dataset] or sorted_by & self._fields[dataset]:
                raise _refused(f"{name} would tell sensitive values of {dataset}.")

    def around(self, app: ASGIApp, note: Note) -> ASGIApp:
        """The same app with its answers masked, or noted before they are sent."""

        async def masked(scope: Scope, receive: Receive, send: Send) -> None:
            if str(scope["type"]) == "http":
                await app(scope, receive, _Answer(self, scope, send, note).take)
            else:
                await app(scope, receive, send)

        return masked

    def tells(self, body: bytes) -> bool:
        """Whether a JSON text has sensitive values."""
        return any(mark in body for mark in self._marks) or self._tells_of_errors(body)

    def _tells_of_errors(self, body: bytes) -> bool:
        return ERROR in body and any(mark in body for mark in self._errors)

    def mask_json(self, body: bytes) -> bytes:
        """A JSON text with its sensitive values masked; the very same one where it has none.

        Where they all are plain texts they are masked in their places, which takes a tenth of the time, and half of
        that where all of one name are alike: a mark never stands within a text, for there a quote has a backslash
        before it.
        """
        masked = body
        for mark in self._marks:
            if count := masked.count(mark[:-1]):  # Without its colon: of an error it is told as a value, whose it is.
                alike = _alike_hidden(masked, mark, count)
                if alike is None:
                    return self._mask_texts(body)
                masked = alike
        return masked

    def _mask_texts(self, body: bytes) -> bytes:
        if self._tells_of_errors(body):
            return self.mask_members(body)
        masked = body
        for mark in self._marks:
            first, *rest = masked.split(mark)
            if rest:
                try:
                    masked = mark.join([first, *map(_text_hidden, rest)])
                except ValueError:
                    return self.mask_members(body)
        return masked

    def mask_members(self, body: bytes) -> bytes:
        """The same, member by member of what the text says."""
        return msgspec.json.encode(self._masked(msgspec.json.decode(body)))

    def mask_events(self, block: bytes) -> bytes:
        """Server-sent events, whole ones, with the sensitive values in their data masked."""
        if not self.tells(block):
            return block
        lines = (
            DATA + self.mask_json(line.removeprefix(DATA)) if line.startswith(DATA) and self.tells(line) else line
            for line in block.split(b"\n")
        )
        return b"\n".join(lines)

    def _masked(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._masked(one) for one in value]
        if not isinstance(value, dict):
            return value
        found = {name: _hidden(one) if name in self._all else self._masked(one) for name, one in value.items()}
        return _without_value(found) if value.get("field") in self._all else found


class _Answer:
    """One answer on its way out. JSON is held back until it is whole."""

    def __init__(self, sensitive: Sensitive, scope: Scope, send: Send, note: Note) -> None:
        self._sensitive = sensitive
        self._scope = scope
        self._send = send
        self._note = note
        self._start: Message | None = None
        self._body = b""
        self._is_stream = False

    async def take(self, message: Message) -> None:
        """Pass a message on, hold it back, or send what was held back."""
        caller: Caller | None = self._scope["state"].get(KEY)
        if message["type"] == "http.response.start" and caller is not None:
            answered = media_type(message)
            if answered.endswith((b"/json", b"+json")):
                self._start, self._body = message, b""
                return
            self._is_stream = answered == b"text/event-stream" and not caller.sees_sensitive
            if caller.sees_sensitive and message["status"] == 200:
                await self._note(caller, self._scope)
        if self._is_stream and message["type"] == "http.response.body":
            message["body"] = self._sensitive.mask_events(message["body"])
        if self._start is None or caller is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message["body"]
        if not message.get("more_body"):
            await self._finish(self._start, caller)

    async def _finish(self, start: Message, caller: Caller) -> None:
        body = self._body
        if caller.sees_sensitive:
            if self._sensitive.tells(body):
                await self._note(caller, self._scope)
        elif (masked := self._sensitive.mask_json(body)) is not body:
            body = masked
            _set_length(start, len(body))
        elif self._scope.get("method") == "HEAD":
            _set_length(start, None)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _given(query: bytes) -> Sequence[tuple[str, str]]:
    """As the handler reads it, but for one of too many parameters, which that refuses."""
    try:
        return split_query(query)
    except ValueError:
        return parse_qsl(query.decode(errors="replace"), keep_blank_values=True)


def media_type(start: Any) -> bytes:
    """The media type of an answer that starts so, without parameters; empty where it has none."""
    for name, value in start.get("headers", ()):
        if name.lower() == b"content-type":
            found: bytes = value.partition(b";")[0].strip()
            return found
    return b""


def _set_length(start: Any, length: int | None) -> None:
    """The header for a body of another length; None takes it away: of HEAD it is not known."""
    kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    start["headers"] = kept if length is None else [*kept, (b"content-length", str(length).encode())]


def _alike_hidden(body: bytes, mark: bytes, count: int) -> bytes | None:
    """All texts behind a mark as asterisks where there are so many, of letters and digits of ASCII and as many each."""
    begin = body.find(mark) + len(mark)
    length = body.find(b'"', begin + 1) - begin - 1
    if not 0 < length <= ALIKE_AT_MOST:
        return None
    hidden = _hidden_of(length)
    parts = _alike(mark, hidden, length - hidden).split(body)
    return (mark + b'"' + b"*" * hidden).join(parts) if len(parts) == count + 1 else None


@lru_cache(1024)
def _alike(mark: bytes, hidden: int, shown: int) -> re.Pattern[bytes]:
    """What is hidden of a text, with its mark."""
    return re.compile(b'%s"[0-9A-Za-z]{%d}(?=[0-9A-Za-z]{%d}")' % (re.escape(mark), hidden, shown))


def _text_hidden(part: bytes) -> bytes:
    """JSON from a value on, that as asterisks; raises ValueError where it is neither a plain text nor null."""
    begin = 1 if part[:1] == b'"' else 2 if part[:2] == b' "' else 0
    if not begin:
        if part.startswith((b"null", b" null")):
            return part
        raise ValueError("It is no text.")
    end = part.index(b'"', begin)
    text = part[begin:end]
    if text.isalnum():  # Of ASCII alone, as `mask` does it.
        hidden = _hidden_of(len(text))
        return part[:begin] + b"*" * hidden + part[begin + hidden :]
    if b"\\" in text:
        raise ValueError("It has escapes.")
    return part[:begin] + mask(text.decode()).encode() + part[end:]


def _hidden(value: Any) -> Any:
    """Every text and number in a value as asterisks."""
    if isinstance(value, list):
        return [_hidden(one) for one in value]
    if isinstance(value, dict):
        return {name: _hidden(one) for name, one in value.items()}
    return value if value is None or isinstance(value, bool) else mask(str(value))


def _without_value(error: dict[str, Any]) -> dict[str, Any]:
    """A row error of a sensitive field: its value is masked, in its message as well."""
    value = error.get("value")
    if not isinstance(value, str) or not value:
        return error
    said = {name: one.replace(value, mask(value)) for name, one in error.items() if isinstance(one, str)}
    return {**error, **said, "value": mask(value)}


def _names_of(dataset: Dataset) -> frozenset[str]:
    """How sensitive values are called in answers and files: fields and their labels."""
    fields = [field for field in dataset.file_fields if field.sensitive]
    return frozenset({field.name for field in fields} | {label for field in fields for label in field.labels})


def _parameters_of(dataset: Dataset) -> frozenset[str]:
    fields = [field for field in dataset.file_fields if field.sensitive]
    named = {name for field in fields for name in (field.parameter, field.low, field.high)}
    return frozenset(named | {f"{field.parameter}_is_null" for field in fields}) - {""}


def _refused(why: str) -> Forbidden:
    return Forbidden(f"{why} It takes a token with the scope {SENSITIVE}.")
