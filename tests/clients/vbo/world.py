"""A server made of paper: answers from a table, a clock that moves only on request, and every request remembered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx

from reconciler.clients.vbo import Session, connect
from reconciler.model.connection import ConnectionContext, Credential, Deadlines, Server
from reconciler.model.secret import Secret, SecretRef

PASSWORD = "canary-password-7f3a"
BUILD = "8.5.0.1014"
INSTALLATION = "9b7a0f0e-2f5d-4f25-9d1b-0f0f7f5b8a11"

Handler = Callable[[httpx.Request], httpx.Response]


class Resolver:
    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(PASSWORD)


RESOLVER = Resolver()


class Clock:
    """Seconds that pass only in `sleep`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def reply(status: int, document: Any = None, *, text: str = "") -> httpx.Response:
    if document is not None:
        return httpx.Response(status, json=document)
    return httpx.Response(status, text=text)


@dataclass
class Paper:
    """`served` versions answer probes and tokens; `answers` holds a response, a list of them (the last one stays), a
    function or an exception for `METHOD path`; anything else is 404. Tokens are `token-1`, `token-2`, …"""

    served: tuple[int, ...] = (8, 7, 6, 5)
    answers: dict[str, Any] = field(default_factory=dict)
    expires_in: Any = 3600
    refresh: bool = True
    requests: list[httpx.Request] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            self.requests.append(request)
        key = f"{request.method} {request.url.path}"
        if key in self.answers:
            return self._given(key, request)
        version, _, rest = request.url.path.strip("/").partition("/")
        if version not in {f"v{number}" for number in self.served}:
            return reply(404)
        if rest == "token":
            return self._token(request)
        if self._is_stranger(request):
            return reply(401)
        if key == f"GET /{version}/ServiceInstance" and version != "v5":
            return reply(200, {"version": BUILD, "installationId": INSTALLATION})
        if rest == "token/logout":
            return reply(204)
        return reply(404, {"message": "no such thing"})

    def _given(self, key: str, request: httpx.Request) -> httpx.Response:
        given = self.answers[key]
        if isinstance(given, list):
            given = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(given, Exception):
            raise given
        if callable(given):
            made: httpx.Response = given(request)
            return made
        answer: httpx.Response = given
        kept = {name: answer.headers[name] for name in ("Retry-After", "Date") if name in answer.headers}
        return httpx.Response(answer.status_code, content=answer.content, headers=kept)

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = self.form(request)
        if form["grant_type"] == "refresh_token" and not self.refresh:
            return reply(400, {"error": "invalid_grant"})
        with self.lock:
            self.tokens.append(f"token-{len(self.tokens) + 1}")
            return reply(
                200,
                {
                    "access_token": self.tokens[-1],
                    "refresh_token": f"refresh-{len(self.tokens)}",
                    "token_type": "bearer",
                    "expires_in": self.expires_in,
                },
            )

    def _is_stranger(self, request: httpx.Request) -> bool:
        return not self.tokens or request.headers.get("Authorization") != f"Bearer {self.tokens[-1]}"

    @staticmethod
    def form(request: httpx.Request) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(request.content.decode()).items()}

    def asked(self) -> list[str]:
        """`METHOD path` of every request."""
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def forms(self) -> list[dict[str, str]]:
        return [self.form(request) for request in self.requests if request.url.path.endswith("/token")]


def server(rest: str = "auto", **more: Any) -> Server:
    fields: dict[str, Any] = {
        "host": "vbo01.corp.example.com",
        "credential": Credential("vbo-admin", "CORP\\svc-vbo", SecretRef("env", "VBO_PASSWORD")),
        "deadlines": Deadlines(connect=10, call=60, long=1800),
    }
    return Server(rest=rest, **(fields | more))


def session_with(paper: Handler, rest: str = "auto", clock: Clock | None = None, **more: Any) -> Session:
    clock = clock or Clock()
    return connect(
        server(rest, **more),
        ConnectionContext(RESOLVER, "/nowhere"),
        clock=clock,
        sleep=clock.sleep,
        jitter=lambda: 0.5,
        transport=httpx.MockTransport(paper),
    )


def body_of(request: httpx.Request) -> Any:
    return json.loads(request.content) if request.content else None


def query_of(request: httpx.Request) -> Mapping[str, str]:
    return dict(request.url.params)
