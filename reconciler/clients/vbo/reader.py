"""Reads the REST API. `Reader` has only GET, so code that holds one cannot change anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from reconciler.clients.vbo.dialect import PAGE_LIMIT, Dialect
from reconciler.clients.vbo.session import Session
from reconciler.model.errors import BadAnswer

Item = dict[str, Any]

_MOST: Final = 1_000_000
"""Items of a collection: more than any server has, so a list that is longer does not end."""


class Reader:
    """GET only. Paths are relative to `/vN/`, spelled as in the API (`Proxies`, `Proxies/{id}`).

    `rest`, `build`, `installation` and `requests` are those of the session.
    """

    def __init__(self, session: Session) -> None:
        self._read = session.read
        self._counts: Callable[[], Mapping[str, int]] = lambda: session.requests
        self._ahead: Callable[[], timedelta] = lambda: session.clock_ahead
        self._outages: Callable[[], int] = lambda: session.outages
        self._peer = session.peer
        self.dialect: Dialect = session.dialect
        self.rest = session.rest
        self.build = session.build
        self.installation = session.installation

    @property
    def requests(self) -> Mapping[str, int]:
        """Requests sent so far by the whole session, by verb."""
        return self._counts()

    @property
    def clock_ahead(self) -> timedelta:
        """How far the clock of the server is ahead of this machine's."""
        return self._ahead()

    @property
    def outages(self) -> int:
        """How often the server could not be reached so far, or a connection broke."""
        return self._outages()

    def get(self, path: str, **query: Any) -> Item:
        """One object. Raises Missing, Refused, BadAnswer and what a connection raises."""
        found = self._read(path, self.dialect.view(path) | _filters(query))
        if not isinstance(found, dict):
            raise BadAnswer(self._peer, f"GET {path}", "the answer is a list instead of one object")
        return found

    def list(self, path: str, *, most: int = _MOST, **query: Any) -> list[Item]:
        """The items of a collection, whether this version sends an array or pages, at most the first `most`. Keyword
        arguments are filters. Raises BadAnswer for a collection that does not end.

        Pages are requested by offset, 10,000 items at a time, and the offset advances by the number of items received,
        which may be smaller. Links between pages are not followed: they can name another version.
        """
        fixed = self.dialect.view(path) | _filters(query)
        if not self.dialect.is_page(path):
            found = self._read(path, fixed)
            if isinstance(found, list):
                return _objects(found, self._peer, path)[:most]
            # v5 is not fully documented: a page instead of an array is read as pages
            return list(islice(self._pages(path, fixed, min(PAGE_LIMIT, most), first=found), most))
        return list(islice(self._pages(path, fixed, min(PAGE_LIMIT, most)), most))

    def _pages(self, path: str, fixed: dict[str, Any], limit: int, first: Any = None) -> Iterator[Item]:
        offset, seen = 0, set[str]()
        while True:
            if offset >= _MOST:
                raise BadAnswer(self._peer, f"GET {path}", f"the list does not end: {offset:,} items were read")
            page = self._read(path, fixed | {"limit": limit, "offset": offset}) if first is None else first
            first = None
            items = _items(page, offset, self._peer, path)
            if not items:
                return
            fresh = [item for item in items if item.get("id") is None or str(item["id"]) not in seen]
            if not fresh:
                raise BadAnswer(self._peer, f"GET {path}", f"the page at offset {offset} repeats an earlier one")
            seen.update(str(item["id"]) for item in fresh if item.get("id") is not None)
            yield from fresh
            if _is_last(page):
                return
            offset += len(items)


def _filters(query: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in query.items() if value is not None}


def _objects(found: list[Any], peer: str, path: str) -> list[Item]:
    if not all(isinstance(item, dict) for item in found):
        raise BadAnswer(peer, f"GET {path}", "the list holds something that is not an object")
    return found


def _items(page: Any, offset: int, peer: str, path: str) -> list[Item]:
    """The items of a page. Raises BadAnswer for another page than the requested one."""
    if isinstance(page, list) and offset == 0:
        return _objects(page, peer, path)
    if not isinstance(page, dict) or not isinstance(page.get("results"), list):
        raise BadAnswer(peer, f"GET {path}", "the answer is neither a page nor a list")
    if str(page.get("offset", offset)) != str(offset):
        raise BadAnswer(peer, f"GET {path}", f"the answer has offset {page['offset']} instead of {offset}")
    return _objects(page["results"], peer, path)


def _is_last(page: Any) -> bool:
    """A page with links but without a next link is the last. Without links an empty page follows the last one."""
    links = page.get("_links") if isinstance(page, dict) else {}
    return isinstance(links, dict) and not links.get("next")
