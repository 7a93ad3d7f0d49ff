"""The HTTP server of `watch`: metrics, health, pages, and the webhook that asks for an observation."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler.operations.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reconciler.model.secret import Secret

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1", "[::1]")
_REASONS: Final = {
    200: "OK",
    202: "Accepted",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    503: "Service Unavailable",
}
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"
_HEADERS: Final = (
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        "default-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    body: bytes | str = ""
    kind: str = TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where to listen, and who may ask: everybody on loopback, otherwise who has the `token` or a certificate of
    `client_ca`, over TLS with `certificate` and `key`."""

    host: str = "127.0.0.1"
    port: int = 9194
    token: Secret | None = None
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None

    def check(self) -> None:
        """Raises InvalidOption."""
        if (self.certificate is None) != (self.key is None):
            raise InvalidOption("--tls-certificate and --tls-key belong together.")
        if self.client_ca is not None and self.certificate is None:
            raise InvalidOption("--client-ca needs --tls-certificate and --tls-key.")
        if self.is_loopback:
            return
        if self.certificate is None:
            raise InvalidOption(f"Listening on {self.host} needs TLS: add --tls-certificate FILE --tls-key FILE.")
        if self.token is None and self.client_ca is None:
            raise InvalidOption(f"Listening on {self.host} needs --token or --client-ca: it is not loopback.")

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"


Pages = Mapping[str, Callable[[], Page]]


class Application:
    """A WSGI application. `pages` answer GET by path, `actions` answer POST and need the token or a client certificate.
    `find` answers GET for other paths, or None."""

    def __init__(
        self, listening: Listening, pages: Pages, actions: Pages, find: Callable[[str], Page | None] | None = None
    ) -> None:
        self._listening = listening
        self._pages = pages
        self._actions = actions
        self._find = find or (lambda _path: None)

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        page = self._answer(environ)
        body = page.body.encode() if isinstance(page.body, str) else page.body
        headers = [("Content-Type", page.kind), ("Content-Length", str(len(body))), *_HEADERS]
        if page.status == 401:
            headers.append(("WWW-Authenticate", 'Basic realm="vbo-reconcile"'))
        start_response(f"{page.status} {_REASONS[page.status]}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _answer(self, environ: Mapping[str, Any]) -> Page:
        path, method = str(environ.get("PATH_INFO") or "/"), str(environ["REQUEST_METHOD"])
        refusal = self._refusal(environ, changes=method not in ("GET", "HEAD"))
        if refusal is not None:
            return refusal
        if method == "POST":
            action = self._actions.get(path)
            return action() if action else Page(404, "Not found.\n")
        if method not in ("GET", "HEAD"):
            return Page(405, "Use GET.\n")
        found = self._pages[path]() if path in self._pages else self._find(path)
        return found or Page(404, "Not found.\n")

    def _refusal(self, environ: Mapping[str, Any], *, changes: bool) -> Page | None:
        listening = self._listening
        if listening.token is not None and not listening.client_ca:
            return None if _has_token(environ, listening.token) else Page(401, "A token is required.\n")
        if listening.client_ca is not None:
            return None  # the handshake required a certificate
        if changes:
            return Page(403, "Start watch with --token or --client-ca to allow this.\n")
        if _host(str(environ.get("HTTP_HOST", ""))) not in LOOPBACK:  # a page of another site, by its name
            return Page(421, "This server answers to the names of loopback only.\n")
        return None


def _host(text: str) -> str:
    return text.rpartition(":")[0] if text.rpartition(":")[2].isdigit() else text


def _has_token(environ: Mapping[str, Any], token: Secret) -> bool:
    """The token as a bearer token, or as the password of any user."""
    scheme, _, given = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, ValueError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.encode(), token.reveal().encode())


@contextmanager
def serving(application: Application, listening: Listening) -> Iterator[int]:
    """Answer requests in separate threads until the end of the context. Gives the port. Raises OSError."""
    from threading import Thread

    from cheroot import wsgi

    class Server(wsgi.Server):
        def error_log(self, *_: Any, **__: Any) -> None:
            """What clients do wrong is not worth a line in the log."""

    server = Server(
        (listening.host, listening.port), application, numthreads=4, max=8, server_name="vbo-reconcile", timeout=10
    )
    server.max_request_body_size = 64 * 1024
    server.max_request_header_size = 32 * 1024
    if listening.certificate is not None:
        server.ssl_adapter = _tls(listening)
    server.prepare()
    thread = Thread(target=server.serve, name="http", daemon=True)
    thread.start()
    try:
        yield int(server.bind_addr[1])
    finally:
        server.stop()
        thread.join()


def _tls(listening: Listening) -> Any:
    import ssl

    from cheroot.ssl.builtin import BuiltinSSLAdapter

    adapter = BuiltinSSLAdapter(str(listening.certificate), str(listening.key))
    adapter.context.minimum_version = ssl.TLSVersion.TLSv1_2
    if listening.client_ca is not None:
        adapter.context.load_verify_locations(str(listening.client_ca))
        adapter.context.verify_mode = ssl.CERT_REQUIRED
    return adapter
