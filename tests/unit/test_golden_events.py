"""Events that were ever released can be read for ever: a golden file of each type and version; *log* -> projection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from cli.servers.folder import ROOT
from shared.codec import VERSIONS, decode_batch, decode_data, encode_batch
from shared.events import Fact, RecordedEvent

GOLDEN = ROOT / "tests" / "golden" / "events"
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
    assert event.data == decode_data(msgspec.json.encode(plain["data"]), version)


@pytest.mark.parametrize("name", VERSIONS)
def test_the_newest_version_loses_nothing_on_its_way_through_the_log(name: str) -> None:
    plain, event = read(name, VERSIONS[name])
    (written,) = msgspec.json.decode(encode_batch([event]))

    assert {**written, "data": None} == {**plain, "data": None}
    assert {field: written["data"].get(field) for field in plain["data"]} == plain["data"]


def test_golden_files_say_something_of_every_field() -> None:
    """A default would not be missed if its field were lost."""
    for fact in get_args(Fact):
        name = str(fact.__struct_config__.tag)
        said = read(name, VERSIONS[name])[0]["data"]
        silent = [field.name for field in msgspec.structs.fields(fact) if said.get(field.name) == field.default]

        assert silent == [], name
