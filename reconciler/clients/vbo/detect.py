"""Detects the REST version. No endpoint reports it: versions are probed, and the login decides."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from reconciler.clients.vbo.answer import refusal
from reconciler.clients.vbo.dialect import VERSIONS, Dialect, dialect_of
from reconciler.clients.vbo.login import SAY_THE_VERSION, Login
from reconciler.clients.vbo.retry_policy import RetryPolicy
from reconciler.model.errors import BadAnswer, Missing
from reconciler.model.version import rest_number

if TYPE_CHECKING:
    from reconciler.clients.vbo.wire import Wire

LoginFor = Callable[[Dialect], Login]

_SERVED: Final = frozenset({200, 401, 403})


def choose(wire: Wire, rest: str, login_for: LoginFor, patience: RetryPolicy) -> tuple[Dialect, Login]:
    """The dialect to use, with a successful login. `rest` is `auto` or one of v5 to v8.

    Raises Missing (with the versions that are served) if the requested version, or every version, is not served, and
    what a login raises.
    """
    return _detected(wire, login_for, patience) if rest == "auto" else _requested(wire, rest, login_for, patience)


def _detected(wire: Wire, login_for: LoginFor, patience: RetryPolicy) -> tuple[Dialect, Login]:
    """The newest version that answers. A gateway in front may answer 401 for versions that do not exist: then the token
    endpoint is missing, and the next version is tried."""
    for rest in VERSIONS:
        dialect = dialect_of(rest)
        if not is_served(wire, dialect, patience):
            continue
        login = login_for(dialect)
        try:
            login.token()
        except Missing:
            continue
        return dialect, login
    raise Missing(
        wire.peer,
        "find the REST version",
        f"none of {', '.join(f'v{rest}' for rest in VERSIONS)} is served",
        hint="Is this the port of the REST API (4443 by default), and is the REST service on?",
        status=404,
    )


def _requested(wire: Wire, rest: str, login_for: LoginFor, patience: RetryPolicy) -> tuple[Dialect, Login]:
    """The version that the inventory sets, without probing."""
    number = rest_number(rest)
    if number not in VERSIONS:
        known = ", ".join(f"v{known}" for known in VERSIONS)
        raise Missing(wire.peer, "find the REST version", f"{rest} is not one of {known}", hint="See `server.rest`.")
    dialect = dialect_of(number)
    login = login_for(dialect)
    try:
        login.token()
    except Missing as error:
        others = [other.name for other in map(dialect_of, VERSIONS) if is_served(wire, other, patience)]
        served = f"the server serves {', '.join(others)}" if others else "nor is any other supported version"
        raise Missing(
            wire.peer,
            "find the REST version",
            f"{rest} is not served: {served}",
            hint=f"Set `server.rest: {others[0]}`, or `auto`." if others else "Is this the port of the REST API?",
            status=404,
        ) from error
    return dialect, login


def is_served(wire: Wire, dialect: Dialect, patience: RetryPolicy) -> bool:
    """Whether this version is served, by anonymous requests: 404 means no; 200, 401 and 403 mean yes."""
    until = wire.clock() + wire.deadlines.call
    return any(patience.run(partial(_probe, wire, dialect, path), until) for path in dialect.probes)


def _probe(wire: Wire, dialect: Dialect, path: str) -> bool:
    target = f"/{dialect.name}/{path}"
    answer = wire.exchange("GET", target, until=wire.clock() + wire.deadlines.call)
    if answer.status in _SERVED:
        return True
    if answer.status == 404:
        return False
    error = refusal(answer, wire.peer, f"GET {target}")
    if error.retryable:
        raise error
    raise BadAnswer(wire.peer, f"GET {target}", error.reason, hint=error.hint if answer.is_page else SAY_THE_VERSION)
