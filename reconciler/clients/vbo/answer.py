"""Answers of the REST API, and the errors for those that are not a success. Pure."""

from __future__ import annotations

import html
import http
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.clients import foreign_json
from reconciler.model.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadAnswer,
    Conflict,
    DeadlineExceeded,
    Missing,
    Refused,
    RemoteError,
    Unavailable,
)
from reconciler.model.secret import Secret, is_secret, mask_secrets

ACCEPTED: Final = frozenset({200, 201, 204})
"""Success in v5 to v8. No version documents 202, so it is an error."""

_LONGEST_REASON = 400
_NOT_THE_API = "Is this the port of the REST API (4443 by default), without a gateway in front that answers instead?"

_BY_CODE: Final[Mapping[str, type[RemoteError]]] = {
    # errorCode (v7: ProxyOffline only)   what it is to us
    "OperationConflict": Conflict,
    "ProxyOffline": Refused,
    "ResourceAccessDenied": AccessDenied,
    "ResourceNotFound": Missing,
    "Timeout": DeadlineExceeded,
}

_BY_STATUS: Final[Mapping[int, type[RemoteError]]] = {
    401: AuthenticationFailed,
    403: AccessDenied,
    404: Missing,
    408: DeadlineExceeded,
    409: Conflict,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}

_ABOUT_RIGHTS = frozenset({"", "HttpError", "ResourceAccessDenied"})
"""Codes with which a 401 or 403 means a failed authentication or authorization; other codes name the actual error."""

_HINTS: Final[Mapping[str, str]] = {
    # errorCode or status
    "ProxyOffline": "Bring the proxy online (service Veeam.Archiver.Proxy, its port, the network), then retry.",
    "ParameterValidationFailure": "The server rejects a value: compare it with what the console offers.",
    "RepositoryOwnerChangeTooManyLinks": "Repositories that share storage must move together.",
    "401": "The token was rejected after a successful login. Is there a gateway in front that answers for the server?",
    "403": "The account needs the role Veeam Backup Administrator, and the server must not be restricted to operators.",
    "429": "The server limits requests: retry later.",
    "503": "The REST service runs but is unhealthy: check its database and message broker on the server.",
    "502": "The gateway in front of the server has no answer from the REST API: check there the service Veeam Backup "
    "for Microsoft 365 REST API, its port (4443 by default) and its certificate.",
    "504": "The gateway in front of the server stops waiting too early: raise its timeout (nginx: proxy_read_timeout).",
}

_OF_GATEWAY: Final[Mapping[int, str]] = {
    # status of a web page, which the REST API never answers with
    403: "A gateway in front of the server answers with this page: allow this machine and these paths there.",
    413: "A gateway in front of the server limits the size of requests: raise it (nginx: client_max_body_size).",
    429: "A gateway in front of the server limits requests: exempt this machine there.",
    503: "A gateway in front of the server answers with this page: see there whether it limits requests (nginx: "
    "limit_req), is in maintenance, or does not reach the REST API.",
}
_ANY_GATEWAY: Final = "A gateway in front of the server answers with this page, not the REST API: see its log."
_BEGINNING: Final = 1 << 14
"""Bytes of a page in which its title is looked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one HTTP answer, and the seconds of its `Retry-After`. The body is parsed only after the
    status is checked."""

    status: int
    content: bytes = b""
    retry_after: float = 0.0

    @property
    def is_accepted(self) -> bool:
        return self.status in ACCEPTED

    @property
    def is_empty(self) -> bool:
        return not self.content.strip()

    @property
    def refuses_token(self) -> bool:
        """401 without a body means an expired token (v5 may add an OAuth error): the request was not executed. A 401
        with a message is about the request itself."""
        return self.status == 401 and (self.is_empty or "error" in self.problem())

    @property
    def is_page(self) -> bool:
        """Whether it is a web page, by its content: gateways name its type as they like."""
        return self.content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"

    @property
    def title(self) -> str:
        """Of a web page, which is what a gateway says: `413 Request Entity Too Large`. Empty without one."""
        return next(filter(None, map(self._text_of, (b"title", b"h1"))), "") if self.is_page else ""

    def _text_of(self, tag: bytes) -> str:
        beginning = self.content[:_BEGINNING]
        lower = beginning.lower()
        start = lower.find(b">", lower.find(b"<" + tag)) + 1
        end = lower.find(b"</" + tag, start)
        found = lower.find(b"<" + tag) >= 0 and 0 < start < end
        return _one_line(html.unescape(beginning[start:end].decode("utf-8", "replace"))) if found else ""

    def problem(self) -> Mapping[str, Any]:
        """The body as an object, empty if it is not one: errors have two formats, or no body at all."""
        try:
            document = foreign_json.parse(self.content)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


def document(answer: Answer, peer: str, what: str, *, hint: str = _NOT_THE_API) -> Any:
    """The JSON of an accepted answer. Raises BadAnswer."""
    try:
        return foreign_json.parse(answer.content)
    except ValueError as error:
        raise BadAnswer(
            peer,
            what,
            f"HTTP {answer.status} with {_looks_like(answer)} instead of JSON",
            hint=hint,
        ) from error


def refusal(answer: Answer, peer: str, what: str, *, secrets: Iterable[str] = ()) -> RemoteError:
    """The error for an answer that is not a success: by `errorCode` if there is one, else by status.

    The mapping of codes to statuses is not documented, so both are read; versions before 8 mostly send 500 and only
    a message. `secrets` are masked in the server's message.
    """
    problem = answer.problem()
    code = problem.get("errorCode")
    code = code if isinstance(code, str) else ""
    reason = _reason(answer, problem, code, secrets)
    hint = _HINTS.get(code) or _HINTS.get(str(answer.status), "")
    if answer.is_page and answer.status not in (401, 502, 504):
        hint = _OF_GATEWAY.get(answer.status, _ANY_GATEWAY)
    if not code and (answer.status < 400 or answer.status >= 600):
        where = "a redirect, which is not followed" if 300 <= answer.status < 400 else "not a status of the API"
        return BadAnswer(
            peer, what, f"{reason}: {where}", hint="Is there a gateway in front that answers for the server?"
        )
    kind = _BY_CODE.get(code) or _BY_STATUS.get(answer.status, Refused)
    by_gateway = answer.is_page and answer.status == 403  # which knows nothing of the account
    if by_gateway or (issubclass(kind, AuthenticationFailed) and code not in _ABOUT_RIGHTS):
        kind = Refused
    if issubclass(kind, Refused):
        return kind(peer, what, reason, hint=hint, status=answer.status, error_code=code)
    if issubclass(kind, Unavailable):
        return kind(peer, what, reason, hint=hint, status=answer.status, retry_after=answer.retry_after)
    return kind(peer, what, reason, hint=hint)


def _looks_like(answer: Answer) -> str:
    """What an answer is, without its content: it may contain a token."""
    if answer.is_empty:
        return "nothing"
    return _page(answer) if answer.is_page else f"{len(answer.content)} bytes of something else"


def _page(answer: Answer) -> str:
    return f'the web page "{answer.title}"' if answer.title else "a web page"


def _reason(answer: Answer, problem: Mapping[str, Any], code: str, secrets: Iterable[str]) -> str:
    """`message (HTTP 409, OperationConflict)`, without the server's stack trace."""
    message = next(
        (problem[key] for key in ("message", "error_description", "error") if isinstance(problem.get(key), str)), ""
    )
    phrase = http.HTTPStatus(answer.status).phrase if answer.status in set(http.HTTPStatus) else "no known status"
    facts = f"HTTP {answer.status}" + (f", {code}" if code else "")
    facts += f", {mask_secrets(_page(answer), secrets)}" if answer.is_page else ""
    facts += f", Retry-After: {answer.retry_after:g} s" if answer.retry_after else ""
    return f"{_one_line(mask_secrets(message, secrets)) or phrase} ({facts})"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else line[:_LONGEST_REASON] + "…"


def secrets_in(body: Any) -> Iterator[str]:
    """Values of a request body that must not appear in an error, found by their names (`userPassword`, …)."""
    if isinstance(body, Mapping):
        for key, value in body.items():
            secret = value.reveal() if isinstance(value, Secret) else value
            if isinstance(secret, str):
                if secret is not value or is_secret(key):
                    yield secret
            else:
                yield from secrets_in(value)
    elif isinstance(body, list | tuple):
        for item in body:
            yield from secrets_in(item)
