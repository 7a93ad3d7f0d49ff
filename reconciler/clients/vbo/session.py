"""A session with the management server: its login and REST version, the retries of reads, and what writes. Writes are
never repeated; callers verify the result with a `Reader`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from reconciler import randomness, timing
from reconciler.clients.vbo.answer import Answer, document, refusal, secrets_in
from reconciler.clients.vbo.detect import choose
from reconciler.clients.vbo.dialect import Dialect
from reconciler.clients.vbo.login import Login, bearer
from reconciler.clients.vbo.retry_policy import RetryPolicy
from reconciler.model.connection import ConnectionContext, Server
from reconciler.model.errors import BadAnswer, DeadlineExceeded, Missing, Refused, RemoteError, Unavailable
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    import httpx

    from reconciler.clients.vbo.wire import Wire


_TOO_MANY: Final = 429
_GATEWAY_TIMEOUT: Final = 504
_GAVE_UP: Final = "A gateway stopped waiting, and the server may still be at work: apply again in some minutes."

Query = Mapping[str, Any]


def connect(
    server: Server,
    context: ConnectionContext,
    *,
    clock: Callable[[], float] = timing.monotonic,
    sleep: Callable[[float], None] = timing.sleep,
    jitter: Callable[[], float] = randomness.fraction,
    transport: httpx.BaseTransport | None = None,
) -> Session:
    """Log in, in the version of `server.rest` or the newest one that is served.

    Establishing the connection takes at most
    `deadlines.connect` seconds, each answer `deadlines.call`. `transport` replaces the network in tests.
    Raises UntrustedPeer, Unreachable, AuthenticationFailed, Missing (version not served) and SecretError.
    """
    from reconciler.clients.vbo.wire import Wire

    patience = RetryPolicy(server.deadlines.connect, clock=clock, sleep=sleep, jitter=jitter)
    wire = Wire(server, context.root, clock=clock, transport=transport)
    try:
        dialect, login = choose(
            wire,
            server.rest,
            lambda dialect: Login(wire, dialect, server.credential, context, patience),
            patience,
        )
        session = Session(wire, dialect, login, patience)
    except BaseException:
        wire.close()
        raise
    try:
        session.identify()
    except BaseException:
        session.close()
        raise
    return session


class Session:
    """One login to one server, for any number of threads. A context manager: leaving it logs out.

    `rest` is the number of the version in use, `build` and `installation` are the server's (possibly empty in v5),
    `peer` names the server in messages. `Reader` and `Writer` make the requests.
    """

    def __init__(self, wire: Wire, dialect: Dialect, login: Login, patience: RetryPolicy) -> None:
        self.peer = wire.peer
        self.host = wire.host
        self.dialect = dialect
        self.rest = dialect.rest
        self.build = ""
        self.installation = ""
        self._wire = wire
        self._login = login
        self._patience = patience

    @property
    def requests(self) -> Mapping[str, int]:
        """Requests sent so far by verb; those for tokens count as LOGIN, the one at the end as LOGOUT."""
        return self._wire.counts

    @property
    def clock_ahead(self) -> timedelta:
        """How far the clock of the server is ahead of this machine's."""
        return self._wire.clock_ahead

    @property
    def outages(self) -> int:
        """How often the server could not be reached, or a connection broke: also where a request was repeated since."""
        return self._wire.outages

    def identify(self) -> None:
        """Ask the server for its build and installation."""
        try:
            instance = self.read("ServiceInstance")
        except Missing:
            if self.dialect.build_shown:
                raise
            return
        if not isinstance(instance, dict):
            raise BadAnswer(self.peer, "GET ServiceInstance", "the answer is not one object")
        self.build, self.installation = _text(instance.get("version")), _text(instance.get("installationId"))

    def read(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON of a GET. Retryable failures are retried within the deadline of one call."""
        until = self._wire.clock() + self._wire.deadlines.call
        answer = self._patience.run(lambda: self._send("GET", path, query, None, until), until)
        return document(answer, self.peer, f"GET {self._target(path)}")

    def write(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None, long: bool = False
    ) -> Answer:
        """POST, PUT or DELETE. Sent once; again only if the server did not execute it: it rejected the token, or said
        when to come back after too many requests. The timeout of a gateway (504) is DeadlineExceeded, as on this side.
        """
        deadlines = self._wire.deadlines
        until = self._wire.clock() + (deadlines.long if long else deadlines.call)

        try:
            return self._patience.run(
                lambda: self._send(method, path, query, body, until), until, repeats=_was_not_executed
            )
        except Unavailable as error:
            if error.status != _GATEWAY_TIMEOUT:
                raise
            raise DeadlineExceeded(error.peer, error.what, error.reason, hint=_GAVE_UP) from error

    def check(self, path: str, body: Any, query: Mapping[str, Any] | None = None) -> Answer:
        """A POST that changes nothing, and is retried as a read is."""
        until = self._wire.clock() + self._wire.deadlines.call
        return self._patience.run(lambda: self._send("POST", path, query, body, until), until)

    def document(self, answer: Answer, what: str) -> Any:
        """The JSON of an answer. Raises BadAnswer."""
        return document(answer, self.peer, what)

    def close(self) -> None:
        try:
            self._login.leave()
        finally:
            self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, until: float) -> Answer:
        token = self._login.token()
        answer = self._exchange(method, path, query, body, until, token)
        if answer.refuses_token:
            token = self._login.renewed(token)
            answer = self._exchange(method, path, query, body, until, token)
        if not answer.is_accepted:
            secrets = [token.reveal(), *secrets_in(body)]
            raise refusal(answer, self.peer, f"{method} {self._target(path)}", secrets=secrets)
        return answer

    def _exchange(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, until: float, token: Secret
    ) -> Answer:
        headers, content = bearer(token), None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = encode(body)
        return self._wire.exchange(
            method, self._target(path), query=query, headers=headers, content=content, until=until
        )

    def _target(self, path: str) -> str:
        return f"/{self.dialect.name}/{path}"


def _was_not_executed(error: RemoteError) -> bool:
    return isinstance(error, Unavailable) and error.status == _TOO_MANY and error.retry_after > 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def encode(body: Any) -> bytes:
    """A body as JSON. A `Secret` in it is revealed here."""
    return json.dumps(body, default=_revealed, ensure_ascii=False, separators=(",", ":")).encode()


def _revealed(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"{type(value).__name__} is not JSON")


class Writer:
    """POST, PUT and DELETE. Paths are relative to `/vN/`; actions are named by their word in v8.

    `long` sets the timeout to `deadlines.long`, for calls that answer only after an installation. Every method raises
    Refused, Missing, Conflict, AuthenticationFailed and what a connection raises; after DeadlineExceeded,
    ConnectionLost, Unavailable or BadAnswer the request may have been executed. A `Secret` in a body is revealed when
    it is sent. `permit` is called before each request, and may raise an error: then nothing is sent.
    """

    def __init__(self, session: Session, permit: Callable[[], None] = lambda: None) -> None:
        self._session_write = session.write
        self._permit = permit
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

    def _write(
        self, method: str, path: str, body: Any = None, *, query: Query | None = None, long: bool = False
    ) -> Answer:
        self._permit()
        return self._session_write(method, path, body, query=query, long=long)

    def _object(self, answer: Answer, what: str) -> dict[str, Any]:
        if answer.is_empty:
            return {}
        found = self._document(answer, what)
        if not isinstance(found, dict):
            raise BadAnswer(self._peer, what, "the answer is not one object")
        return found
