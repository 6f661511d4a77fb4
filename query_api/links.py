"""The neighbours of a page as a `Link` header (RFC 8288); query -> *HTTP*.

They are paths, so they lead through whatever gateway the caller came by.
"""

from __future__ import annotations

from query_api.pages import Page


def link_header(page: Page) -> dict[str, str]:
    """`Link` with what there is of next and prev; no header where the page has no neighbours."""
    found = {"next": page.next, "prev": page.previous}
    links = [f'<{url}>; rel="{relation}"' for relation, url in found.items() if url is not None]
    return {"Link": ", ".join(links)} if links else {}
