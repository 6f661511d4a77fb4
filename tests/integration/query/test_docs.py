"""`GET /docs` shows both documents to everybody, and needs nothing but what it serves itself."""

from __future__ import annotations

import re
from hashlib import sha256
from html.parser import HTMLParser

import httpx

from cli.servers.folder import ROOT

REFERENCE = ROOT / "query_api" / "reference"
HASH = re.compile(r"\| `([0-9a-f]{64})` \| `([\w.-]+)` \|")


class Links(HTMLParser):
    """Everything that a page loads or leads to, and whether scripts or styles stand in it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.found += [value for name in ("href", "src") if (value := said.get(name))]
        if tag == "style" or (tag == "script" and "src" not in said) or "style" in said or "onload" in said:
            self.inline.append(tag)


async def anonymously(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """The answer to somebody who shows nothing."""
    request = client.build_request("GET", path)
    request.headers.pop("authorization")
    return await client.send(request)


async def test_the_page_and_all_that_it_loads_are_here_and_open_to_everybody(client: httpx.AsyncClient) -> None:
    page = await anonymously(client, "/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    links = Links()
    links.feed(page.text)
    assert {"/docs/swagger-ui-bundle.js", "/docs/start.js", "/docs/swagger-ui.css", "/docs/page.css"} <= {*links.found}
    for link in links.found:
        if link != "data:,":
            answer = await anonymously(client, link)
            assert (answer.status_code, len(answer.content) > 100) == (200, True), link
    assert links.inline == []


async def test_its_policy_lets_nothing_in_from_elsewhere(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/docs")).headers["content-security-policy"]
    allowed = {source for directive in policy.split(";") for source in directive.split()[1:]}
    assert allowed == {"'none'", "'self'", "data:"}
    asset = await client.get("/docs/swagger-ui.css")
    assert asset.headers["content-security-policy"].startswith("default-src 'none'")
    assert asset.headers["x-content-type-options"] == "nosniff"


async def test_nothing_else_of_the_folder_or_outside_of_it_is_served(client: httpx.AsyncClient) -> None:
    for name in ("README.md", "page.html", "..%2Fapp.py", "%2Fetc%2Fpasswd", "x"):
        assert (await client.get(f"/docs/{name}")).status_code == 404, name


def test_the_published_files_are_as_they_were_published() -> None:
    rows = HASH.findall((REFERENCE / "README.md").read_text())
    assert len(rows) == 4
    for digest, name in rows:
        assert sha256((REFERENCE / name).read_bytes()).hexdigest() == digest, name
