"""Events that were ever released can be read for ever: a golden file of each type and version; *log* -> projection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest

from cli.servers.folder import ROOT
from shared.codec import UPCASTERS, VERSIONS, Plain, decode_batch, decode_data, encode_batch, encode_data
from shared.events import Fact, RecordedEvent, Unreadable, UploadFailed

GOLDEN = ROOT / "tests" / "golden" / "events"
ID = UUID("0b7f1d9e-6c0f-4a35-9d61-2f6a4a1c0e01")
RELEASED = [(name, version) for name, newest in VERSIONS.items() for version in range(1, newest + 1)]


def path_of(name: str, version: int) -> Path:
    """The golden file of one version of one event."""
    return GOLDEN / f"{name}-{version}.json"


def read(name: str, version: int) -> tuple[dict[str, Any], RecordedEvent]:
    """A golden file as it stands, and as the stream would bring it."""
    content = path_of(name, version).read_bytes()
    (event,) = decode_batch(b"[" + content + b"]")
    return msgspec.json.decode(content), event


def test_there_is_a_golden_file_of_every_version_and_no_other() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {path_of(*one).name for one in RELEASED}


@pytest.mark.parametrize(("name", "version"), RELEASED)
def test_a_released_event_is_still_read(name: str, version: int) -> None:
    plain, event = read(name, version)

    assert (plain["version"], plain["data"]["type"]) == (version, name)
    assert type(event.data).__struct_config__.tag == name
    assert event.version == VERSIONS[name]
    assert event.data == decode_data(msgspec.json.encode(plain["data"]), version)


@pytest.mark.parametrize("name", VERSIONS)
def test_the_newest_version_loses_nothing_on_its_way_through_the_log(name: str) -> None:
    plain, event = read(name, VERSIONS[name])
    (written,) = msgspec.json.decode(encode_batch([event]))

    assert {**written, "data": None} == {**plain, "data": None}
    assert {field: written["data"].get(field) for field in plain["data"]} == plain["data"]


@pytest.mark.parametrize(("name", "version"), RELEASED)
def test_what_was_lifted_once_is_written_as_what_it_is_now(name: str, version: int) -> None:
    """The relay reads the store and writes the stream: whoever reads that must not lift it again."""
    _, event = read(name, version)

    assert decode_batch(encode_batch([event])) == [event]


def test_every_version_but_the_newest_has_an_upcaster() -> None:
    assert set(UPCASTERS) == {(name, version) for name, version in RELEASED if version < VERSIONS[name]}


def test_the_first_uploads_knew_no_reviews() -> None:
    plain, event = read("upload-received", 1)
    first = {name: said for name, said in plain["data"].items() if name not in ("source", "review", "on_error")}

    assert decode_data(msgspec.json.encode(first), 1) == msgspec.structs.replace(
        event.data, source=None, review=False, on_error="skip"
    )


def test_an_event_is_lifted_one_version_after_the_other() -> None:
    """By an event that was renamed a field and given another."""

    def renamed(plain: Plain) -> Plain:
        return {"type": plain["type"], "upload_id": plain["id"]}

    def with_reason(plain: Plain) -> Plain:
        return {**plain, "code": "row-errors", "reason": "It was not told then."}

    versions, upcasters = {"upload-failed": 3}, {("upload-failed", 1): renamed, ("upload-failed", 2): with_reason}
    told = UploadFailed(upload_id=ID, code="row-errors", reason="It was not told then.")
    first = msgspec.json.encode({"type": "upload-failed", "id": ID})
    second = msgspec.json.encode({"type": "upload-failed", "upload_id": ID})

    assert decode_data(first, 1, versions, upcasters) == told
    assert decode_data(second, 2, versions, upcasters) == told
    assert decode_data(encode_data(told), 3, versions, upcasters) == told


UNREADABLE = {
    "a newer version": ({"type": "record-removed", "key": "7"}, 2, "has version 2, and 1 is the newest"),
    "an unknown type": ({"type": "record-blessed", "key": "7"}, 1, "no event 'record-blessed'"),
    "no type": ({"key": "7"}, 1, "missing required field `type`"),
    "a field too few": ({"type": "record-removed"}, 1, "missing required field `key`"),
    "no upcaster": ({"type": "record-removed", "key": "7"}, 0, "no upcaster for version 0"),
}


@pytest.mark.parametrize(("data", "version", "why"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_goes_through_the_log_as_it_is(data: Any, version: int, why: str) -> None:
    envelope = {**read("record-removed", 1)[0], "version": version, "data": data}
    (event,) = decode_batch(msgspec.json.encode([envelope]))

    assert isinstance(event.data, Unreadable)
    assert why in event.data.why
    assert event.data.type == data.get("type", "")
    assert (event.version, msgspec.json.decode(event.data.stored)) == (version, data)
    assert msgspec.json.decode(encode_batch([event])) == [envelope]


def test_why_an_event_cannot_be_read_tells_none_of_its_values() -> None:
    data = {"type": "row-corrected", "upload_id": "123-45-6789", "row": "123-45-6789", "cells": {}}
    (event,) = decode_batch(msgspec.json.encode([{**read("row-corrected", 1)[0], "data": data}]))

    assert isinstance(event.data, Unreadable)
    assert "123-45-6789" not in event.data.why


def test_golden_files_say_something_of_every_field() -> None:
    """A default would not be missed if its field were lost."""
    for fact in get_args(Fact):
        name = str(fact.__struct_config__.tag)
        said = read(name, VERSIONS[name])[0]["data"]
        silent = [field.name for field in msgspec.structs.fields(fact) if said.get(field.name) == field.default]

        assert silent == [], name
