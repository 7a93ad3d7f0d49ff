"""What a plan that changes nothing costs the Windows hosts: counted where they listen."""

from __future__ import annotations

import socket
from collections import Counter

import pytest

from reconciler.lab.hosts.wsman import Endpoint
from reconciler.lab.hosts.wsman.engine import Caller, Engine
from tests.scenarios.rehearsal import Rehearsal

HOSTS = ("px-lon-1.corp.example.com", "px-lon-2.corp.example.com", "px-dmz-1.example.net", "px-dmz-2.example.net")
SERVER = "vbo01.corp.example.com"


def test_a_plan_that_changes_nothing_visits_each_host_once(demo: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    connections: Counter[str] = Counter()
    requests: Counter[tuple[str, str]] = Counter()
    serve, handle = Endpoint.serve, Engine.handle

    def connected(self: Endpoint, connection: socket.socket) -> None:
        connections[self.computer] += 1
        serve(self, connection)

    def asked(self: Engine, raw: bytes, caller: Caller) -> tuple[int, bytes]:
        before = self.counts.copy()
        answer = handle(self, raw, caller)
        requests.update((self.machine, verb) for verb in self.counts - before)
        return answer

    monkeypatch.setattr(Endpoint, "serve", connected)
    monkeypatch.setattr(Engine, "handle", asked)
    plan = demo.plan()
    assert (plan["changes"], plan["code"]) == ([], 0)
    assert connections == Counter([*HOSTS, SERVER])
    for host in HOSTS:
        machine = host.partition(".")[0].upper()
        shown = {verb: count for (name, verb), count in requests.items() if name == machine}
        assert shown == dict.fromkeys(("Create", "Command", "Send", "Receive", "Signal", "Delete"), 1)
    assert requests["VBO01", "Create"] == requests["VBO01", "Delete"] == 1
