"""A reader that asks the server for nothing twice: one observation that several evaluations share."""

from __future__ import annotations

from typing import Any

from reconciler.clients.vbo.reader import Item, Reader
from reconciler.clients.vbo.session import Session
from reconciler.model.errors import UNREADABLE, RemoteError

Items = list[Item]
Answer = Items | RemoteError


class RecordedReader(Reader):
    """Answers again what it has read before. Each caller gets its own copy of an object, which it may add to."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._known: dict[tuple[object, ...], Answer] = {}

    def get(self, path: str, **query: Any) -> Item:
        return self._recorded(("GET", path), query)[0]

    def list(self, path: str, **query: Any) -> Items:
        return self._recorded(("LIST", path), query)

    def _recorded(self, what: tuple[str, str], query: dict[str, Any]) -> Items:
        key = (*what, *sorted(query.items()))
        if key not in self._known:
            self._known[key] = self._ask(what, query)
        found = self._known[key]
        if isinstance(found, RemoteError):
            raise found
        return [dict(item) for item in found]

    def _ask(self, what: tuple[str, str], query: dict[str, Any]) -> Answer:
        verb, path = what
        try:
            return [super().get(path, **query)] if verb == "GET" else super().list(path, **query)
        except UNREADABLE as error:
            return error
