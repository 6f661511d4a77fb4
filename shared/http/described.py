"""Parts of an OpenAPI document as plain JSON: parameters, bodies, answers and problems with their examples; *HTTP*."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from shared.http.examples import BY_NAME, NONE, example_of
from shared.http.problem_types import MEMBERS, PROBLEM_TYPES
from shared.http.told import ANSWER_HEADERS, JSON, Answer

Json = dict[str, Any]

PROBLEM: Final = "application/problem+json"
NOT_SHOWN: Final = ("cursor",)
"""Parameters whose values only we can write."""

PERHAPS: Final = ".perhaps"
STREAMED: Final = {"type": "string"}


def portable(schema: Any) -> Any:
    """The same schema with patterns as all languages know them: the end of a text is `$`."""
    if isinstance(schema, list | tuple):
        return [portable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: portable(one) for name, one in schema.items()}
    if isinstance(found.get("pattern"), str):
        found["pattern"] = found["pattern"].replace(r"\Z", "$")
    return found


def parameter(said: Json, schemas: Json) -> Json:
    """A parameter with an example; one in a header is never required."""
    found = {name: value for name, value in said.items() if name != "deprecated"}
    if found["in"] != "path":
        found.setdefault("required", False)
    example = found.get("example", NONE if found["name"] in NOT_SHOWN else _example_of_parameter(found, schemas))
    return found if example is NONE else {**found, "example": example}


def _example_of_parameter(said: Json, schemas: Json) -> Any:
    known = BY_NAME.get(said["name"], NONE)
    is_plain = said["schema"].get("type") == "string" and not {"enum", "format", "pattern"} & said["schema"].keys()
    return known if is_plain and known is not NONE else example_of(said["schema"], schemas)


def request_body(schema: Json, *, required: bool) -> Json:
    """A body of JSON."""
    return {"content": {JSON: {"schema": schema}}, "required": required}


def carried(body: Json, schemas: Json) -> Json:
    """A body with an example for each media type, where one can be made."""
    content = {name: _with_example(one, schemas) for name, one in body["content"].items()}
    return {**body, "content": content}


def answered(answer: Answer, schema: Json | None, schemas: Json, *, limited: bool) -> Json:
    """An answer that is no problem, with the schema of its JSON; None is an answer without a body, as to HEAD."""
    names = (*answer.headers, *(("RateLimit", "RateLimit-Policy") if limited else ()))
    headers = {name: _header(name, required=True) for name in names}
    headers |= {name: _header(name, required=False) for name in answer.may_have}
    found: Json = {"description": answer.says, **({"headers": headers} if headers else {})}
    if not answer.media_types or schema is None:
        return found
    files = {name: {"schema": STREAMED} for name in answer.media_types if name != JSON}
    json = {JSON: _with_example({"schema": schema}, schemas)} if JSON in answer.media_types else {}
    return {**found, "content": {**json, **files}}


def refused(codes: Iterable[str], responses: Json, *, has_body: bool) -> Json:
    """The answers that are problems of these types, by status; each kind stands once among `responses`."""
    by_status: dict[int, list[str]] = {}
    for said in dict.fromkeys(codes):
        code, _, meant = said.partition("/")
        for status in (int(meant),) if meant else PROBLEM_TYPES[code].statuses:
            by_status.setdefault(status, []).append(code)
    found: Json = {}
    for status, of_status in sorted(by_status.items()):
        name = ".".join([str(status), *(() if has_body else ("head",)), *sorted(of_status)])
        responses.setdefault(name, _problems(status, sorted(of_status), has_body=has_body))
        found[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return found


def _problems(status: int, codes: list[str], *, has_body: bool) -> Json:
    types = [PROBLEM_TYPES[code] for code in codes]
    says = "\n".join(f"- `{code}`: {one.says}" for code, one in zip(codes, types, strict=True))
    names = [name for one in types for name in one.members]
    may_have = ["Retry-After"] if status in (404, 409, 429, 503) else []
    may_have += ["Position"] if status in (404, 409, 412, 422) else []
    may_have += ["WWW-Authenticate"] if status == 401 else []
    may_have += ["RateLimit", "RateLimit-Policy"]
    found: Json = {"description": says, "headers": {name: _header(name, required=False) for name in may_have}}
    if not has_body:
        return found
    properties = {
        "type": {"type": "string", "enum": [f"/problems/{code}" for code in codes]},
        "title": {"type": "string"},
        "status": {"type": "integer", "const": status},
        "detail": {"type": "string", "description": "What is wrong, and what to do about it."},
        "instance": {"type": "string", "description": "The path."},
        **{name: MEMBERS[name] for name in names},
    }
    schema = {"type": "object", "properties": properties, "required": ["type", "title", "status", "detail", "instance"]}
    example = {
        "type": f"/problems/{codes[0]}",
        "title": types[0].title,
        "status": status,
        "detail": types[0].says,
        "instance": "/debts",
    }
    return {**found, "content": {PROBLEM: {"schema": schema, "example": example}}}


def all_headers() -> Json:
    """Every header of an answer twice: as it is where it is always there, and `.perhaps`."""
    found: Json = {}
    for name, (says, example, schema) in ANSWER_HEADERS.items():
        one = {"description": says, "schema": schema, "example": example}
        found |= {name: {**one, "required": True}, f"{name}{PERHAPS}": {**one, "required": False}}
    return found


def _header(name: str, *, required: bool) -> Json:
    return {"$ref": f"#/components/headers/{name}{'' if required else PERHAPS}"}


def _with_example(media: Json, schemas: Json) -> Json:
    if "example" in media:
        return media
    example = example_of(media["schema"], schemas)
    return media if example is NONE else {**media, "example": example}
