"""A fake_context whose server is a dictionary: steps run against it without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from reconciler.apply import ApplyContext
from reconciler.model.connection import Access, ConnectionContext, Credential, Server
from reconciler.model.live import Live, LiveResource, ServerInfo
from reconciler.model.secret import Secret, SecretRef

HOST = "vbo01.corp.example.com"
LOGIN = Credential("local", "Administrator", SecretRef("env", "LOCAL"))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.001)


@dataclass
class FakeServer:
    """`objects` answers GETs by path, `lists` collections. `act` hears every action."""

    objects: dict[str, dict[str, Any]]
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rest: int = 8
    build: str = "8.5.0.1014"
    outages: int = 0
    act_as: Callable[[str, str, Any], None] = lambda path, action, body: None
    acts: list[tuple[str, str, Any]] = field(default_factory=list)

    def get(self, path: str) -> dict[str, Any]:
        return dict(self.objects[path])

    def list(self, path: str, *, most: int = 1_000_000, **query: Any) -> list[dict[str, Any]]:
        found = [dict(item) for item in self.lists.get(path, [])]
        return (found[::-1] if query.get("orderAsc") == "false" else found)[:most]

    def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        self.acts.append((path, action, body))
        self.act_as(path, action, body)
        return {}

    def check(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
        return self.act(path, action, body, **more)


class Secrets:
    def resolve(self, reference: SecretRef) -> Secret:
        return Secret("hunter2")


def fake_context(server: FakeServer, *proxies: str, clock: Clock | None = None) -> ApplyContext:
    """A fake_context that knows `proxies`, whose ids are `id-NAME`."""
    time = clock or Clock()
    access = Access(Server(HOST, LOGIN), {}, {"local": LOGIN}, {}, "/nowhere")
    known = {f"proxy.{name}": LiveResource("proxy", name, f"id-{name}", {}) for name in proxies}
    live = Live(ServerInfo(HOST, server.rest, server.build), cast("Mapping[Any, LiveResource]", known), {}, {})
    fake = cast("Any", server)
    return ApplyContext(
        "corp", live, access, ConnectionContext(Secrets(), "/nowhere"), fake, fake, sleep=time.sleep, clock=time
    )
