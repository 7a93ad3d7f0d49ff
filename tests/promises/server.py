"""The lab's management server without wires: requests are answered in this process, and nothing is kept on disk."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

import httpx

from reconciler.clients.vbo import Session, connect
from reconciler.lab.server.api import Api
from reconciler.lab.server.call import Request
from reconciler.lab.server.dispatch import Dispatcher
from reconciler.lab.server.routes import Router
from reconciler.lab.server.seed import Seed, plant, settle
from reconciler.lab.server.server import ROUTES
from reconciler.lab.state import Document
from reconciler.model.connection import ConnectionContext, Credential, Server
from reconciler.model.secret import Secret, SecretRef
from tests.lab.server.hosts import Hosts
from tests.promises.values import PASSWORD

HOST, BUILD, ADMIN = "vbo01.example.com", "8.5.0.1014", "svc-vbo"
HOSTS: Final = {
    "win-1.example.com": "windows",
    "win-2.example.com": "windows",
    "win-3.example.com": "windows",
    "lnx-1.example.com": "linux",
    "lnx-2.example.com": "linux",
}
HOST_KEY: Final = b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))).decode()
SEED = Seed(
    host=HOST,
    build=BUILD,
    administrators={ADMIN: PASSWORD},
    organizations={"contoso.example.com": {}, "fabrikam.example.com": {}},
    accounts={"minio": {"type": "s3-compatible"}, "azure": {"type": "azure-blob"}, "aws": {"type": "s3"}},
    object_storage={name: {"account": "minio"} for name in ("bucket-1", "bucket-2", "bucket-3")},
)
_ROUTER: Final = Router(ROUTES)
_NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)


class _Memory(Document):
    """A document that is written nowhere."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere/server.json"), dict)

    def save(self) -> bool:
        """It lives as long as the test."""
        return True


class _Hosts(Hosts):
    """All Linux hosts have one key, which the inventory trusts."""

    def check_ssh(self, host: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
        return {**super().check_ssh(host, settings), "fingerprint": "", "publicBase64Key": HOST_KEY}


class _Api(Api):
    """Hosts that answer as they did when their proxies were deployed."""

    def look(self, proxies: Iterable[str] | None = None, *, now: bool = False) -> None:
        """Nothing to do: no host needs to be asked."""


class Secrets:
    """Every secret is the password that every host and server accepts."""

    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(PASSWORD)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Transport(httpx.BaseTransport):
    """Hands requests to the server. Dies after `lives` requests that write, if that is set. `refuses` has the status of
    a GET by the end of its path in lower case."""

    dispatcher: Dispatcher
    lives: int | None = None
    refuses: dict[str, int] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.lives == 0:
            raise Killed
        status = self.refuses.get(request.url.path.rpartition("/")[2].lower())
        if status and request.method == "GET":
            return httpx.Response(status, json={"message": "Not today."})
        answer = self.dispatcher.answer(
            Request(
                method=request.method,
                path=request.url.path.strip("/"),
                query={name.lower(): value for name, value in parse_qsl(request.url.query.decode())},
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.read(),
            )
        )
        if self.lives and request.method != "GET" and not request.url.path.endswith("/token"):
            self.lives -= 1
            if self.lives == 0:
                raise Killed
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        return httpx.Response(answer.status, headers=dict(answer.headers), content=content)


@dataclass
class LabServer:
    """One server of REST version `rest`, with what a new installation has. `state` is everything it holds."""

    rest: int
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: Seed = SEED
    machines: Mapping[str, str] = field(default_factory=lambda: HOSTS)

    def __post_init__(self) -> None:
        document = _Memory()
        self.state = document.data
        self.state["options"] = {
            "minute": 0.01,
            "owner_change_seconds": 0.0,
            "maintenance_seconds": 0.0,
            **self.options,
        }
        numbers = iter(range(1, 10**9))
        hosts = _Hosts(self.machines)
        self.api = _Api(document, hosts, clock=lambda: _NOW, new_id=lambda: str(UUID(int=next(numbers))))
        settle(self.api, lambda: "certificate")
        plant(self.api, self.seed)
        self.transport = Transport(Dispatcher(self.api, _ROUTER))

    @contextmanager
    def session(self) -> Iterator[Session]:
        login = Credential("vbo-admin", ADMIN, SecretRef("env", "PASSWORD"))
        server = Server(HOST, login, rest=f"v{self.rest}")
        with connect(server, ConnectionContext(Secrets(), "/nowhere"), transport=self.transport) as session:
            yield session
