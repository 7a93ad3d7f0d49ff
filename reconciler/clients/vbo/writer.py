"""Writes to the REST API. Requests are never repeated; callers verify the result with a `Reader`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.clients.vbo.answer import Answer
from reconciler.clients.vbo.session import Session
from reconciler.model.errors import BadAnswer, Refused

Query = Mapping[str, Any]


class Writer:
    """POST, PUT and DELETE. Paths are relative to `/vN/`; actions are named by their word in v8.

    `long` sets the timeout to `deadlines.long`, for calls that answer only after an installation. Every method raises
    Refused, Missing, Conflict, AuthenticationFailed and what a connection raises; after DeadlineExceeded,
    ConnectionLost, Unavailable or BadAnswer the request may have been executed. A `Secret` in a body is revealed when
    it is sent.
    """

    def __init__(self, session: Session) -> None:
        self._write = session.write
        self._check = session.check
        self._document = session.document
        self._peer = session.peer
        self.dialect = session.dialect
        self.rest = session.rest

    def create(self, path: str, body: Any, *, query: Query | None = None, long: bool = False) -> dict[str, Any]:
        """POST to a collection; returns the new object, or {} for a version that answers without one."""
        return self._object(self._write("POST", path, body, query=query, long=long), f"POST {path}")

    def replace(self, path: str, body: Any, *, query: Query | None = None, long: bool = False) -> None:
        """PUT."""
        self._write("PUT", path, body, query=query, long=long)

    def delete(self, path: str, body: Any = None, *, query: Query | None = None) -> None:
        """DELETE; members of a pool are removed by a DELETE with a body, items of a job by their ids in the query."""
        self._write("DELETE", path, body, query=query)

    def act(
        self, path: str, action: str, body: Any = None, *, query: Query | None = None, long: bool = False
    ) -> dict[str, Any]:
        """POST an action on an object, in the format of this version; returns the answer, or {} without one."""
        try:
            target, sent = self.dialect.action(path, action, body)
        except LookupError as error:
            raise Refused(
                self._peer, f"POST {path}/{action}", f"REST {self.dialect.name} has no such action; nothing was sent"
            ) from error
        return self._object(self._write("POST", target, sent, query=query, long=long), f"POST {target}")

    def check(self, path: str, action: str, body: Any = None, *, query: Query | None = None) -> dict[str, Any]:
        """POST an action that changes nothing (v8); retried as a read is."""
        target = f"{path}/{action}"
        return self._object(self._check(target, body, query), f"POST {target}")

    def _object(self, answer: Answer, what: str) -> dict[str, Any]:
        if answer.is_empty:
            return {}
        found = self._document(answer, what)
        if not isinstance(found, dict):
            raise BadAnswer(self._peer, what, "the answer is not one object")
        return found
