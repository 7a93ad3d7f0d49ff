"""Writing. Nothing here reads, and nothing here is sent twice: whoever writes reads back through a `Reader`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.clients.vbo.answer import Answer
from reconciler.clients.vbo.session import Session
from reconciler.model.errors import BadAnswer, Refused

Query = Mapping[str, Any]


class Writer:
    """POST, PUT and DELETE. Paths are relative to `/vN/`; actions are named by their word in v8.

    `long` allows `deadlines.long` for calls that install something and answer only when they are through. Every
    method raises Refused, Missing, Conflict, AuthenticationFailed and what a connection raises; after
    DeadlineExceeded, ConnectionLost, Unavailable or BadAnswer the work may have been done. A `Secret` in a body is
    revealed when it is sent.
    """

    def __init__(self, session: Session) -> None:
        self._write = session.write
        self._document = session.document
        self._peer = session.peer
        self.dialect = session.dialect
        self.rest = session.rest

    def create(self, path: str, body: Any, *, query: Query | None = None, long: bool = False) -> dict[str, Any]:
        """POST to a collection; the new object, or {} where the version answers without one."""
        return self._object(self._write("POST", path, body, query=query, long=long), f"POST {path}")

    def replace(self, path: str, body: Any, *, long: bool = False) -> None:
        """PUT."""
        self._write("PUT", path, body, long=long)

    def delete(self, path: str, body: Any = None) -> None:
        """DELETE; members of a pool are taken out by a DELETE with a body."""
        self._write("DELETE", path, body)

    def act(
        self, path: str, action: str, body: Any = None, *, query: Query | None = None, long: bool = False
    ) -> dict[str, Any]:
        """POST of an action on an object, in the form of this version; its answer, {} where there is none."""
        try:
            target, sent = self.dialect.action(path, action, body)
        except LookupError as error:
            raise Refused(
                self._peer, f"POST {path}/{action}", f"REST {self.dialect.name} has no such action; nothing was sent"
            ) from error
        return self._object(self._write("POST", target, sent, query=query, long=long), f"POST {target}")

    def _object(self, answer: Answer, what: str) -> dict[str, Any]:
        if answer.is_empty:
            return {}
        found = self._document(answer, what)
        if not isinstance(found, dict):
            raise BadAnswer(self._peer, what, "the answer is not one object")
        return found
