"""The access token: requested with user name and password, refreshed before it expires, renewed if it is rejected."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from reconciler.clients.vbo.answer import Answer, document, refusal, secrets_in
from reconciler.clients.vbo.dialect import Dialect
from reconciler.clients.vbo.retry_policy import RetryPolicy
from reconciler.model.connection import ConnectionContext, Credential
from reconciler.model.errors import AuthenticationFailed, BadAnswer, RemoteError
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from reconciler.clients.vbo.wire import Wire

_REFUSED_LOGIN: Final = frozenset({400, 401, 403})
_UNAUTHORIZED: Final = 401
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_LOGOUT_SECONDS: Final = 5.0
_HINT: Final = (
    "Check the credentials in `server.credentials` (for a domain account: DOMAIN\\user). The account must be an "
    "administrator of the server without multi-factor authentication: v8 calls it a service account."
)

SAY_THE_VERSION: Final = (
    "Is there a gateway in front that answers for the server? Then the REST version cannot be detected: set it with "
    "`server.rest: v8` (or v7, v6)."
)


class Login:
    """The login of one session, shared by its threads: one of them renews the token, the others wait for it."""

    def __init__(
        self, wire: Wire, dialect: Dialect, credential: Credential, context: ConnectionContext, patience: RetryPolicy
    ) -> None:
        self._wire = wire
        self._dialect = dialect
        self._credential = credential
        self._context = context
        self._patience = patience
        self._lock = threading.Lock()
        self._access: Secret | None = None
        self._refresh: Secret | None = None
        self._due = math.inf

    def token(self) -> Secret:
        """A valid token. Raises AuthenticationFailed, SecretError, and what `Wire` raises."""
        with self._lock:
            if self._access is None:
                return self._log_in()
            if self._wire.clock() < self._due:
                return self._access
            return self._refreshed() or self._log_in()

    def renewed(self, refused: Secret) -> Secret:
        """A token other than the rejected one; logs in again unless another thread already has."""
        with self._lock:
            if self._access is not None and self._access != refused:
                return self._access
            return self._log_in()

    def leave(self) -> None:
        """Log out if the version supports it; errors are ignored."""
        with self._lock:
            access, self._access, self._refresh = self._access, None, None
        if access is None or not self._dialect.logout_status:
            return
        until = self._wire.clock() + min(_LOGOUT_SECONDS, self._wire.deadlines.call)
        try:
            self._wire.exchange(
                "POST", f"/{self._dialect.name}/token/logout", headers=bearer(access), until=until, counted="LOGOUT"
            )
        except RemoteError:
            return  # the token expires

    def _log_in(self) -> Secret:
        if self._credential.password is None:
            raise AuthenticationFailed(
                self._wire.peer,
                "log in",
                f"the credential {self._credential.name} has no password",
                hint="The REST API takes a user name and a password.",
            )
        password = self._context.secret(self._credential.password)
        form = {"grant_type": "password", "username": self._credential.username, "password": password.reveal()}
        until = self._wire.clock() + self._wire.deadlines.call
        answer = self._patience.run(lambda: self._ask(form), until)
        if not answer.is_accepted:
            raise self._refusal(answer, form)
        return self._keep(answer)

    def _refreshed(self) -> Secret | None:
        """A token for the refresh token; None if the server requires a new login."""
        if self._refresh is None:
            return None
        try:
            answer = self._ask({"grant_type": "refresh_token", "refresh_token": self._refresh.reveal()})
            return self._keep(answer) if answer.is_accepted else None
        except RemoteError:
            return None  # the login that follows reports the reason

    def _ask(self, form: dict[str, str]) -> Answer:
        """One token request. Retryable errors are raised, so that the caller's retry policy applies."""
        if self._dialect.antiforgery_flag:
            form = {**form, "disable_antiforgery_token": "true"}
        path = f"/{self._dialect.name}/token"
        until = self._wire.clock() + self._wire.deadlines.call
        answer = self._wire.exchange(
            "POST", path, headers=_FORM, content=urlencode(form).encode(), until=until, counted="LOGIN"
        )
        if not answer.is_accepted:
            error = self._refusal(answer, form)
            if error.retryable:
                raise error
        return answer

    def _keep(self, answer: Answer) -> Secret:
        peer, what = self._wire.peer, "log in"
        token = document(answer, peer, what, hint=SAY_THE_VERSION)
        access = token.get("access_token") if isinstance(token, dict) else None
        if not isinstance(access, str) or not access.isascii() or not access.isprintable() or not access:
            raise BadAnswer(peer, what, "the answer holds no access token", hint=SAY_THE_VERSION)
        refresh = token.get("refresh_token")
        lifetime = _seconds(token.get("expires_in"))
        self._access = Secret(access)
        self._refresh = Secret(refresh) if isinstance(refresh, str) and refresh else None
        self._due = self._wire.clock() + lifetime - min(30.0, lifetime / 10)
        return self._access

    def _refusal(self, answer: Answer, form: dict[str, str]) -> RemoteError:
        """The error for a failed login, which has an OAuth error, an error of the API, or no body."""
        error = refusal(answer, self._wire.peer, "log in", secrets=secrets_in(form))
        if answer.status not in _REFUSED_LOGIN or (answer.is_page and answer.status != _UNAUTHORIZED):
            return error  # a page is from a gateway, and the credentials are not what it refuses
        hint = _HINT if answer.problem() else f"{_HINT} {SAY_THE_VERSION}"
        return AuthenticationFailed(self._wire.peer, f"log in as {self._credential.username}", error.reason, hint=hint)


def bearer(token: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.reveal()}"}


def _seconds(value: Any) -> float:
    """`expires_in` is a number or a number as text. Without it the token is used until the server rejects it."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return math.inf
    return seconds if seconds > 0 else math.inf
