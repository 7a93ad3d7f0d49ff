"""What is sent to a worker, and what comes back: plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from reconciler import timing
from reconciler.clients.cluster.unfit import Unfit
from reconciler.model import errors
from reconciler.model.connection import Connection, ConnectionContext
from reconciler.model.errors import RemoteError, SecretError

_MORE: Final = ("status", "error_code", "retry_after", "exit_code")
"""What some errors have besides."""
_KINDS: Final[Mapping[str, type[RemoteError]]] = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, RemoteError)
}


@dataclass(frozen=True, slots=True)
class Ahead:
    """A clock that is some time ahead of that of the machine."""

    by: timedelta

    def __call__(self) -> datetime:
        return timing.utc_now() + self.by


class Question(Protocol):
    """A frozen dataclass of plain data. What it wants to know the time for is judged by `clock`."""

    @property
    def clock(self) -> Callable[[], datetime]: ...


Visit = Callable[[Connection, ConnectionContext, Any], Any]
"""Connects to a host and answers a question, with plain data. A function of a module. Raises RemoteError and
SecretError."""


@dataclass(frozen=True, slots=True)
class Once:
    """Of a visit that changes something: its worker begins it once, and before `begins_by` of its monotonic clock."""

    ident: str
    begins_by: float


class Declined(StrEnum):
    """Why a worker did not begin a visit: it was restarted and has another key, it has begun it before, or it was busy
    for too long."""

    OTHER_KEY = "other-key"
    BEGUN = "begun"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Errand:
    """`files` are the files that the connection names; `sealed` has those that are private, the secrets, and `params`
    of the question. `run` is the same for all errands of one run, in which the worker resolves a secret once. `once` is
    None for a visit that only reads."""

    visit: Visit
    connection: Connection
    question: Any
    files: Mapping[str, bytes]
    sealed: bytes
    run: str
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A `result`, or an error: its class and its arguments. `accepted` is whether the host accepted a password, None if
    it was not asked."""

    result: Any = None
    error: str = ""
    arguments: tuple[str, ...] = ()
    more: Mapping[str, Any] | None = None
    accepted: bool | None = None
    declined: Declined | Unfit | None = None

    def value(self) -> Any:
        """The result. Raises RemoteError and SecretError."""
        if not self.error:
            return self.result
        if self.error == SecretError.__name__:
            message, hint = self.arguments
            raise SecretError(message, hint=hint)
        peer, what, reason, hint = self.arguments
        raise _KINDS[self.error](peer, what, reason, hint=hint, **(self.more or {}))


def of_error(error: RemoteError | SecretError, accepted: bool | None = None) -> Answer:
    if isinstance(error, SecretError):
        return Answer(error=SecretError.__name__, arguments=(str(error), error.hint), accepted=accepted)
    more = {name: value for name in _MORE if (value := getattr(error, name, None)) is not None}
    arguments = (error.peer, error.what, error.reason, error.hint)
    return Answer(error=_name(type(error)), arguments=arguments, more=more, accepted=accepted)


def _name(kind: type[RemoteError]) -> str:
    """The error of the model that a client's own error is."""
    return next(base.__name__ for base in kind.__mro__ if _KINDS.get(base.__name__) is base)
