"""Sensitive values are masked by name, however deep they stand, and what would tell them is refused."""

from __future__ import annotations

import json
from typing import Any, cast
from uuid import UUID

import pytest

from shared.auth.callers import SENSITIVE, Caller, Role
from shared.datasets.catalogue import shipped
from shared.errors import Forbidden
from shared.http.callers import KEY
from shared.http.sensitive import FILES, Sensitive, mask

SSN = "990-11-4253"


def caller(*scopes: str) -> Caller:
    return Caller(user_id=UUID(int=1), name="ann", role=Role.ADMINISTRATOR, scopes=frozenset(scopes))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(SSN, "***-**-4253"), ("0123", "****"), ("08746286991", "*******6991"), ("", ""), ("жук", "***"), ("1-2", "*-*")],
)
def test_letters_and_digits_are_hidden_but_for_the_last_four_of_long_values(value: str, shown: str) -> None:
    assert mask(value) == shown


@pytest.mark.parametrize(
    "body",
    [
        {"results": [{"name": "Ann", "government_id": SSN}]},
        {"consumers": [{"name": "Ann", "ssn": SSN}, {"ssn": None}]},
        {"preview": {"samples": {"changed": [{"old": {"ssn": SSN}, "new": {"ssn": SSN}}]}}},
        {"changes": {"government_id": {"from": SSN, "to": [SSN, 99011425399]}}},
        {"current": {"governmentId": SSN}},
        {"errors": [{"field": "ssn", "column": "ssn", "value": SSN, "message": f"{SSN} is no such number"}]},
    ],
    ids=str,
)
def test_whatever_stands_under_a_sensitive_name_is_masked(body: object) -> None:
    sensitive = Sensitive(shipped())
    said = json.dumps(body, separators=(",", ":")).encode()
    assert sensitive.tells(said)
    masked = sensitive.mask_json(said).decode()
    assert "990" not in masked
    assert "4253" in masked
    assert masked.count("Ann") == said.decode().count("Ann")


@pytest.mark.parametrize(
    "said",
    [
        r'{"ssn":"990-11-4253","name":"\"ssn\":\"77\""}',
        '[{"ssn": "990-11-4253"},{"ssn": null},{"government_id":"90114253"},{"government_id":""}]',
        '[{"ssn":"жук 990 11 4253"},{"governmentId":"1"}]',
        r'[{"ssn":"990\u002d11\n4253"}]',
        '[{"ssn":"990-11-4253"},{"ssn":990114253},{"ssn":["990-11-4253"]},{"ssn":true}]',
        '[{"ssn":"990-11-4253","field":"ssn","value":"990-11-4253"}]',
        '[{"ssn":"990114253"},{"ssn":"880114253"}]',
        '[{"ssn":"990114253"},{"ssn":"880114253","government_id":"1"},{"ssn":"77011425377"},{"ssn":"66011425"}]',
        '[{"ssn":"990114253"},{"ssn":"880-114253"},{"ssn":null}]',
        '[{"ssn":"990114253"},{"field":"ssn","value":"880114253"},{"name":"ssn","ssn":"770114253"}]',
        '[{"name":"ssn"},{"ssn":"990114253"}]',
    ],
)
def test_texts_masked_in_their_places_are_those_of_the_plain_way(said: str) -> None:
    sensitive = Sensitive(shipped())
    plain = sensitive.mask_members(said.encode())
    assert json.loads(sensitive.mask_json(said.encode())) == json.loads(plain) != json.loads(said)


def test_what_has_no_sensitive_name_is_left_alone() -> None:
    sensitive = Sensitive(shipped())
    said = b'{"fields":[{"name":"ssn","sensitive":true}],"total":"1.50"}'
    assert not sensitive.tells(said)
    assert json.loads(sensitive.mask_json(said)) == json.loads(said)


@pytest.mark.parametrize(
    ("template", "query", "accept"),
    [
        ("/debts", "government_id=1", ""),
        ("/debts", "sort=name,-government_id", ""),
        ("/debts", "format=csv", ""),
        ("/debts", "format=ndjson&fields=name,government_id", ""),
        ("/debts", "name=x", "text/csv"),
        (FILES[0], "", ""),
        (FILES[1], "", ""),
    ],
)
def test_what_would_tell_a_value_takes_the_scope(template: str, query: str, accept: str) -> None:
    sensitive = Sensitive(shipped())
    sensitive.check(caller(SENSITIVE), template, ("debts",), query.encode(), accept)
    with pytest.raises(Forbidden, match=SENSITIVE):
        sensitive.check(caller(), template, ("debts",), query.encode(), accept)
    sensitive.check(caller(), template, ("sales",), query.encode(), accept)


def test_members_that_hold_some_are_not_exported_either() -> None:
    sensitive = Sensitive(shipped())
    sensitive.check(caller(), "/accounts", ("accounts",), b"format=csv&fields=balance,status", "")
    with pytest.raises(Forbidden):
        sensitive.check(caller(), "/accounts", ("accounts",), b"format=csv&fields=balance,consumers", "")
    with pytest.raises(Forbidden):
        sensitive.check(caller(), "/accounts", ("accounts",), b"ssn_is_null=true", "")


async def test_where_a_reading_cannot_be_noted_nothing_is_answered() -> None:
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json")]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": f'{{"ssn":"{SSN}"}}'.encode(), "more_body": False})
        except OSError:
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"detail":"later"}', "more_body": False})

    async def away(_caller: Caller, _scope: Any) -> None:
        raise OSError

    async def take(message: Any) -> None:
        sent.append(message)

    masked = Sensitive(shipped()).around(app, away)
    scope = {"type": "http", "method": "GET", "path": "/accounts/1", "state": {KEY: caller(SENSITIVE)}}
    await masked(cast(Any, scope), cast(Any, None), take)
    assert [sent[0]["status"], sent[1]["body"]] == [503, b'{"detail":"later"}']


async def test_events_of_a_stream_are_masked_as_they_pass_and_nothing_else_of_them() -> None:
    sent: list[bytes] = []
    lines = f'id: debts:1\nevent: progress\ndata: {{"ssn":"{SSN}","note":"{SSN}"}}\n\n: here\n\n'

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": lines.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"data: {}\n\n", "more_body": False})

    async def never(_caller: Caller, _scope: Any) -> None:
        raise AssertionError

    async def take(message: Any) -> None:
        sent.append(message.get("body", b""))

    scope = {"type": "http", "method": "GET", "path": "/events", "state": {KEY: caller()}}
    await Sensitive(shipped()).around(app, never)(cast(Any, scope), cast(Any, None), take)
    assert sent[1].decode() == lines.replace(f'"ssn":"{SSN}"', f'"ssn":"{mask(SSN)}"')
    assert sent[2] == b"data: {}\n\n"
