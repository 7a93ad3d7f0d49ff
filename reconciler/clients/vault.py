"""Secrets in HashiCorp Vault or OpenBao: `secret://vault/PATH#FIELD`, from KV engines of version 1 and 2.

One login for a run, and one read for each path, however many of its fields are used. The token of a login is revoked at
the end; a token that was given stays. Requests go to the declared server only: proxies of the environment are not used
and redirects are not followed, since both would get the token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from reconciler import timing
from reconciler.clients.sockets import socket_deadline
from reconciler.installation import install_command
from reconciler.model.connection import Trust, Vault, VaultLogin
from reconciler.model.errors import RemoteError, SecretError
from reconciler.model.secret import Secret, SecretRef, mask_secrets
from reconciler.model.sentences import listed, quoted
from reconciler.model.url import split_url

if TYPE_CHECKING:
    from hvac import Client

_TIMEOUT: Final = (10.0, 30.0)
"""Seconds to connect, and to wait for an answer."""
_FAREWELL: Final = 3.0
"""Seconds to wait for the end of a token: a run that is interrupted ends soon."""
_DEADLINE: Final = 60.0
"""Seconds for one path, login included: also for a server that answers byte by byte."""
_LONGEST: Final = 200
_REASONS: Final[Mapping[str, str]] = {
    "InvalidRequest": "the request was refused",
    "Unauthorized": "the login was refused",
    "Forbidden": "permission denied: the token is not valid any more, or its policies do not allow to read this path",
    "InvalidPath": "the path does not exist",
    "UnsupportedOperation": "nothing can be read at this path",
    "ParamValidationError": "the path cannot be used",
    "PreconditionFailed": "the server is a replica that does not know the token yet; try again",
    "RateLimitExceeded": "too many requests; try again later",
    "InternalServerError": "the server reports an internal error",
    "VaultNotInitialized": "the server is not initialized",
    "BadGateway": "a gateway before the server has no answer from it",
    "VaultDown": "the server is sealed or down for maintenance",
    "UnexpectedError": "the server answers what is not expected",
}
"""By the class of hvac. A test has all of them."""

Resolve = Callable[[SecretRef], Secret]


class VaultSecrets:
    """The source of `secret://vault/…` for one run; not for several threads at once.

    `root` is the folder that relative paths start from, `resolve` finds the secrets of the login. Raises SecretError.
    """

    def __init__(self, vault: Vault, root: str, resolve: Resolve, environment: Mapping[str, str]) -> None:
        self._vault = vault
        self._root = root
        self._resolve = resolve
        self._environment = environment
        self._client: Client | None = None
        self._found: dict[str, Mapping[str, Any]] = {}
        self._sent: list[str] = []
        """What a message of the server might quote."""

    def read(self, reference: SecretRef) -> str:
        """The value of one field."""
        path, _, name = reference.path.partition("#")
        if path not in self._found:
            self._found[path] = self._ask(reference, path.strip("/"))
        fields = self._found[path]
        if not name and len(fields) != 1:
            raise SecretError(f"{reference}: say which field is meant, {_names(fields)}")
        if name and name not in fields:
            raise SecretError(f"{reference}: the field {quoted(name)} does not exist; {_names(fields)}")
        value = fields[name or next(iter(fields))]
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise SecretError(f"{reference}: the field is not text")
        return str(value)

    def close(self) -> None:
        """Revoke the token of the login, if there was one."""
        client, self._client = self._client, None
        if client is None:
            return
        if client.token and self._vault.login is not None and self._vault.login.method != "token":
            with suppress(*_failures()):  # it ends by itself
                client.adapter.post("/v1/auth/token/revoke-self", timeout=_FAREWELL)
        client.adapter.close()

    def _ask(self, reference: SecretRef, path: str) -> Mapping[str, Any]:
        end = timing.monotonic() + _DEADLINE
        try:
            with socket_deadline(lambda: end - timing.monotonic()):
                client = self._client = self._client or self._connect(reference)
                found = _fields_at(client, path)
        except _failures() as error:
            raise self._failed(reference, error) from None
        if found is None:
            raise SecretError(f"{reference}: {self._peer} answers what is not a secret of a KV engine")
        return found

    def _connect(self, reference: SecretRef) -> Client:
        try:
            import hvac
        except ImportError:
            hint = f"Install it:\n  {install_command('vault')}"
            raise SecretError(f"{reference}: the package hvac is not installed", hint=hint) from None
        if not self._address:
            fix = "set `secrets.vault.address` in the inventory, or VAULT_ADDR"
            raise SecretError(f"{reference}: no server is named; {fix}")
        client = hvac.Client(
            url=self._address,
            token="",
            namespace=self._vault.namespace or self._environment.get("VAULT_NAMESPACE") or None,
            session=self._session(),
            timeout=_TIMEOUT,
            allow_redirects=False,
        )
        self._client = client
        try:
            self._log_in(client, reference, self._vault.login)
        except Exception:
            self._client = None
            client.adapter.close()
            raise
        return client

    @property
    def _address(self) -> str:
        return (self._vault.address or self._environment.get("VAULT_ADDR", "")).rstrip("/")

    @property
    def _peer(self) -> str:
        return self._address.partition("://")[2].partition("/")[0].rpartition("@")[2] or self._address

    def _session(self) -> Any:
        from reconciler.clients.http.address import parts_of
        from reconciler.clients.http.tls import Peer, context_for
        from reconciler.clients.http.verified_requests import verified_session

        url, port = parts_of(self._address, self._peer, "connecting")
        if url.scheme != "https":
            return verified_session(None)
        host = url.hostname or ""
        trust = self._vault.trust
        if trust == Trust() and (file := self._environment.get("VAULT_CACERT")):
            trust = Trust(ca_file=str(Path(file).absolute()))
        peer = Peer(host, (host, port), trust, _TIMEOUT[0], "secrets.vault.tls.")
        return verified_session(context_for(peer, self._root))

    def _log_in(self, client: Client, reference: SecretRef, login: VaultLogin | None) -> None:
        if login is None:
            client.token = self._token_of_environment(reference)
            return
        secret = self._own(reference, login.secret) if login.secret is not None else ""
        role = self._own(reference, login.role) if isinstance(login.role, SecretRef) else login.role
        if login.method == "token":
            client.token = secret
        elif login.method == "approle":
            client.auth.approle.login(role, secret, mount_point=login.mount)
        else:
            if login.method == "github":
                from reconciler.clients.http.id_token import github_token

                secret = github_token(login.audience, self._environment)
                self._sent.append(secret)
            client.auth.jwt.jwt_login(role, secret, path=login.mount)

    def _own(self, reference: SecretRef, needed: SecretRef) -> str:
        if needed.scheme == "vault":
            raise SecretError(f"{reference}: the login of `secrets.vault` cannot be in Vault itself ({needed})")
        value = self._resolve(needed).reveal()
        self._sent.append(value)
        return value

    def _token_of_environment(self, reference: SecretRef) -> str:
        token = self._environment.get("VAULT_TOKEN", "").strip()
        if not token:
            with suppress(OSError, UnicodeError, RuntimeError):
                token = Path("~/.vault-token").expanduser().read_text("utf-8").strip()
        if not token:
            fix = "declare `secrets.vault.login`, set VAULT_TOKEN, or run: vault login"
            raise SecretError(f"{reference}: a login to {self._peer} is missing; {fix}")
        self._sent.append(token)
        return token

    def _failed(self, reference: SecretRef, error: Exception) -> SecretError:
        if isinstance(error, RemoteError):
            return SecretError(f"{reference}: {error}{f'; {error.hint}' if error.hint else ''}")
        reason = _REASONS.get(type(error).__name__)
        if isinstance(error, KeyError | TypeError | AttributeError):  # hvac takes answers apart without a look
            reason = _REASONS["UnexpectedError"]
        if reason is None:
            hint = "Check `secrets.vault.address` or VAULT_ADDR, and that this machine reaches it."
            return SecretError(f"{reference}: {self._peer} cannot be asked: {self._safe(_innermost(error))}", hint=hint)
        deleted = _part(getattr(error, "json", None), "data", "metadata")
        if deleted and deleted.get("deletion_time"):
            reason = f"its newest version was deleted at {self._safe(str(deleted['deletion_time']))}"
        said = [str(text) for text in getattr(error, "errors", None) or ()]
        more = f" ({self._safe('; '.join(said))})" if said else ""
        return SecretError(f"{reference}: {self._peer}: {reason}{more}")

    def _safe(self, text: str) -> str:
        """Text of the server: on one line, bounded, and without what was sent to it."""
        line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        line = mask_secrets(line, self._sent)
        return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _failures() -> tuple[type[Exception], ...]:
    """What hvac raises; it is loaded only where there is something to ask."""
    try:
        from hvac.exceptions import VaultError
        from requests.exceptions import RequestException
    except ImportError:
        return (RemoteError,)
    return (VaultError, RequestException, RemoteError, OSError, UnicodeError, KeyError, TypeError, AttributeError)


def _fields_at(client: Client, path: str) -> Mapping[str, Any] | None:
    """None for an answer that is none of a KV engine."""
    mount, version = _mount_of(client, path)
    inside = path.removeprefix(mount).strip("/")
    if version == "2":
        answer = client.secrets.kv.v2.read_secret_version(
            inside, mount_point=mount.strip("/"), raise_on_deleted_version=True
        )
        return _part(answer, "data", "data")
    return _part(client.secrets.kv.v1.read_secret(inside, mount_point=mount.strip("/")), "data")


def _mount_of(client: Client, path: str) -> tuple[str, str]:
    """Where the engine that holds `path` is mounted, and the version of it. As Vault's own client asks:
    https://developer.hashicorp.com/vault/api-docs/system/internal-ui-mounts"""
    answer = client.adapter.get(f"/v1/sys/internal/ui/mounts/{quote(path)}")
    data = _part(answer, "data") or {}
    options = data.get("options") or {}
    mount = data.get("path")
    if not isinstance(mount, str) or not mount:
        from hvac.exceptions import UnexpectedError

        raise UnexpectedError(errors=[_status(answer)])
    return mount, str(options.get("version", "1")) if isinstance(options, Mapping) else "1"


def _part(answer: Any, *names: str) -> Mapping[str, Any] | None:
    for name in names:
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer if isinstance(answer, Mapping) else None


def _status(answer: Any) -> str:
    status = getattr(answer, "status_code", None)
    if status in (301, 302, 303, 307, 308):
        place = split_url(str(answer.headers.get("Location", "")))
        return f"it redirects to {place.netloc if place else 'no URL'}: name that server, if it is right"
    return "no engine is named" if status is None else f"status {status}"


def _innermost(error: BaseException) -> str:
    """Libraries wrap what happened several times over: the reason of the system is at the bottom."""
    found: BaseException = error
    while (inner := found.__cause__ or found.__context__) is not None:
        found = inner
    return getattr(found, "strerror", None) or str(found) or type(found).__name__


def _names(fields: Mapping[str, Any]) -> str:
    names = [f"#{name}" for name in sorted(fields)]
    return f"the path has {listed(names)}" if names else "the path has none"
