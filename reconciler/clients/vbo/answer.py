"""What the server answered, and which of our errors a refusal is. Pure: no network here."""

from __future__ import annotations

import http
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    Conflict,
    DeadlineExceeded,
    Missing,
    Refused,
    RemoteError,
    Unavailable,
)
from reconciler.model.secret import Secret, mask_secrets

ACCEPTED: Final = frozenset({200, 201, 204})
"""Success in v5 to v8. 202 is not among them: no version uses it, so nobody knows what it would promise."""

_LONGEST_REASON = 400
_NOT_THE_API = "Is this the port of the REST API (4443 by default), with nothing in front that answers by itself?"

_BY_CODE: Final[Mapping[str, type[RemoteError]]] = {
    # errorCode (v7: ProxyOffline only)   what it is to us
    "OperationConflict": Conflict,
    "ProxyOffline": Refused,
    "ResourceAccessDenied": AuthenticationFailed,
    "ResourceNotFound": Missing,
    "Timeout": DeadlineExceeded,
}

_BY_STATUS: Final[Mapping[int, type[RemoteError]]] = {
    401: AuthenticationFailed,
    403: AuthenticationFailed,
    404: Missing,
    408: DeadlineExceeded,
    409: Conflict,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}

_ABOUT_RIGHTS = frozenset({"", "HttpError", "ResourceAccessDenied"})
"""Codes with which a 401 or 403 is about who we are; any other code says what is really wrong."""

_HINTS: Final[Mapping[str, str]] = {
    # errorCode or status
    "ProxyOffline": "Bring the proxy online (service Veeam.Archiver.Proxy, its port, the way to it), then repeat.",
    "ParameterValidationFailure": "The server refuses a value: compare it with what the console offers.",
    "RepositoryOwnerChangeTooManyLinks": "Repositories that share their storage have to move together.",
    "401": "The token was refused though the login succeeded. Is there something between that answers for the server?",
    "403": "The account needs the role Veeam Backup Administrator, and the server must not be restricted to operators.",
    "429": "The server asks to be left alone for a while: repeat later.",
    "503": "The REST service runs but cannot work: look at its health (database, message broker) on the server.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one HTTP answer. The body is not parsed before somebody has looked at the status."""

    status: int
    content: bytes = b""

    @property
    def is_accepted(self) -> bool:
        return self.status in ACCEPTED

    @property
    def is_empty(self) -> bool:
        return not self.content.strip()

    @property
    def refuses_token(self) -> bool:
        """401 without a body is how a token that ran out is answered (v5 may add an OAuth error to it): nothing was
        done. A 401 that brings a message is about the request itself."""
        return self.status == 401 and (self.is_empty or "error" in self.problem())

    def problem(self) -> Mapping[str, Any]:
        """The body as an object, empty where it is none: errors come in two shapes, or in none at all."""
        try:
            document = json.loads(self.content)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}


def document(answer: Answer, peer: str, what: str, *, hint: str = _NOT_THE_API) -> Any:
    """The JSON of an accepted answer. Raises BadAnswer."""
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(
            peer,
            what,
            f"HTTP {answer.status} with {_looks_like(answer.content)} in the place of JSON",
            hint=hint,
        ) from error


def refusal(answer: Answer, peer: str, what: str, *, secrets: Iterable[str] = ()) -> RemoteError:
    """The error for an answer that is not a success: by `errorCode` where there is one, else by status.

    The mapping of codes to statuses is not documented, so both are read; versions before 8 mostly send 500 and only
    a message. `secrets` are blanked out in the server's own words.
    """
    problem = answer.problem()
    code = problem.get("errorCode")
    code = code if isinstance(code, str) else ""
    reason = _reason(answer, problem, code, secrets)
    hint = _HINTS.get(code) or _HINTS.get(str(answer.status), "")
    if not code and (answer.status < 400 or answer.status >= 600):
        where = "a redirect, which is not followed" if 300 <= answer.status < 400 else "a status the API does not know"
        return BadAnswer(peer, what, f"{reason}: {where}", hint="Is something in front that answers for the server?")
    kind = _BY_CODE.get(code) or _BY_STATUS.get(answer.status, Refused)
    if kind is AuthenticationFailed and code not in _ABOUT_RIGHTS:
        kind = Refused
    if issubclass(kind, Refused):
        return kind(peer, what, reason, hint=hint, status=answer.status, error_code=code)
    return kind(peer, what, reason, hint=hint)


def _looks_like(content: bytes) -> str:
    """What an answer is, without showing it: it may hold a token."""
    if not content.strip():
        return "nothing"
    return "a web page" if content.lstrip()[:1] == b"<" else f"{len(content)} bytes of something else"


def _reason(answer: Answer, problem: Mapping[str, Any], code: str, secrets: Iterable[str]) -> str:
    """`message (HTTP 409, OperationConflict)`; the server's stack trace is left where it is."""
    said = next(
        (problem[key] for key in ("message", "error_description", "error") if isinstance(problem.get(key), str)), ""
    )
    phrase = http.HTTPStatus(answer.status).phrase if answer.status in set(http.HTTPStatus) else "no known status"
    facts = f"HTTP {answer.status}" + (f", {code}" if code else "")
    return f"{_one_line(mask_secrets(said, secrets)) or phrase} ({facts})"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else line[:_LONGEST_REASON] + "…"


_SECRET_WORDS = ("password", "passphrase", "privatekey", "secret", "token")


def secrets_in(body: Any) -> Iterator[str]:
    """Values of a request body that must not turn up in an error, known by their names (`userPassword`, …)."""
    if isinstance(body, Mapping):
        for key, value in body.items():
            secret = value.reveal() if isinstance(value, Secret) else value
            if isinstance(secret, str):
                if secret is not value or any(word in key.lower() for word in _SECRET_WORDS):
                    yield secret
            else:
                yield from secrets_in(value)
    elif isinstance(body, list | tuple):
        for item in body:
            yield from secrets_in(item)
