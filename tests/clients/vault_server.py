"""A server with the part of Vault's HTTP API that is documented at https://developer.hashicorp.com/vault/api-docs.

KV engines of both versions, logins with AppRole and JSON Web Tokens, and what an administrator can get wrong as
`faults`: an answer with a status in the place of the right one, by path.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from reconciler.lab.pki import Authority


@dataclass
class VaultServer:
    """`engines` are versions by mount, `secrets` fields by the whole path. `asked` is each request."""

    address: str = ""
    ca_file: str = ""
    engines: dict[str, str] = field(default_factory=lambda: {"secret/": "2", "team/kv/": "1"})
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=lambda: {"given-token"})
    roles: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By method and mount (`approle`, `ci/jwt`): what the login must bring, role and secret."""
    namespace: str = ""
    drips: float = 0.0
    """Seconds after each byte of an answer."""
    stopped: threading.Event = field(default_factory=threading.Event)
    faults: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, headers: Any, body: Any) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if path in self.faults:
            return self.faults[path]
        if (headers.get("X-Vault-Namespace") or "") != self.namespace:
            return 404, {"errors": ["no handler for route"]}
        if path.startswith("auth/") and path.endswith("/login"):
            return self._login(path.removeprefix("auth/").removesuffix("/login"), body)
        token = headers.get("X-Vault-Token") or ""
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if path == "auth/token/revoke-self":
            self.tokens.discard(token)
            return 204, None
        return self._read(path)

    def _login(self, mount: str, body: Any) -> tuple[int, Any]:
        given = (body.get("role_id") or body.get("role"), body.get("secret_id") or body.get("jwt"))
        if mount not in self.roles or given != self.roles[mount]:
            return 400, {"errors": [f"invalid role or secret ID {given[1]}"]}
        self.tokens.add("login-token")
        return 200, {"auth": {"client_token": "login-token", "renewable": True, "lease_duration": 1200}}

    def _read(self, path: str) -> tuple[int, Any]:
        asked = path.removeprefix("sys/internal/ui/mounts/")
        mount = next((mount for mount in self.engines if f"{asked}/".startswith(mount)), None)
        if asked != path:
            if mount is None:
                return 403, {"errors": [f"preflight capability check returned 403, please ensure {asked} is allowed"]}
            return 200, {"data": {"path": mount, "type": "kv", "options": {"version": self.engines[mount]}}}
        if mount is None:
            return 404, {"errors": []}
        inside = path.removeprefix(mount)
        if self.engines[mount] == "1":
            found = self.secrets.get(path)
            return (404, {"errors": []}) if found is None else (200, {"data": found})
        found = self.secrets.get(mount + inside.removeprefix("data/"))
        if not inside.startswith("data/") or found is None:
            return 404, {"errors": []}
        return 200, {"data": {"data": found, "metadata": {"version": 3, "deletion_time": ""}}}


@contextmanager
def vault_server(folder: Path | None = None) -> Iterator[VaultServer]:
    """On loopback, with TLS if there is a `folder` for its certificate."""
    vault = VaultServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = unquote(urlsplit(self.path).path).removeprefix("/v1/")
            status, found = vault.answer(self.command, path, self.headers, body)
            raw = found if isinstance(found, bytes) else b"" if found is None else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            if 300 <= status < 400:
                self.send_header("Location", "https://vault-2.example.net:8200/v1/" + path)
            self.end_headers()
            for part in [raw[at : at + 1] for at in range(len(raw))] if vault.drips else [raw]:
                self.wfile.write(part)
                vault.stopped.wait(vault.drips)

        def log_message(self, *_: Any) -> None:
            """Nothing is logged."""

    for method in ("GET", "POST", "PUT"):
        setattr(Handler, f"do_{method}", Handler.answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    vault.address = f"http://127.0.0.1:{server.server_port}"
    if folder is not None:
        authority = Authority(folder)
        context: ssl.SSLContext = authority.context(authority.host("localhost"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        vault.address, vault.ca_file = f"https://localhost:{server.server_port}", str(authority.ca_file)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield vault
    finally:
        vault.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
