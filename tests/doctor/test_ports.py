"""The ports that the product needs: who connects to whom, and what a failed connection shows."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.doctor.check import Check, Level
from reconciler.doctor.ports import SERVER, are_used, check_ports, of_pool, of_proxy, of_server, proven
from reconciler.model.errors import DeadlineExceeded
from reconciler.model.inventory import Resource
from reconciler.model.script import Script

ERROR, WARNING, UNKNOWN, OK = Level


def proxy(**fields: Any) -> Resource:
    return Resource("proxy", "px-1", {"host": "px-1.example.net", "port": 9393, **fields})


class Host:
    """Answers `open` for each port that it is asked for."""

    def __init__(self, answers: dict[int, bool | None]) -> None:
        self.open = answers
        self.asked: list[str] = []

    def execute(self, script: Script, params: Any, *, deadline: float) -> Any:
        self.asked.append(f"{script.name} {params['targets']}")
        targets = params["targets"].split()
        return {"ports": [{"target": one, "open": self.open[int(one.rpartition(":")[2])]} for one in targets]}


@pytest.mark.parametrize(
    ("fields", "ports"),
    [
        ({}, [445, 9393]),
        ({"service.install": "package"}, [9393]),
        ({"os": "linux"}, [2222, 9393]),
        ({"os": "linux", "service.install": "package"}, [9393]),
    ],
)
def test_what_the_server_connects_to(fields: dict[str, Any], ports: list[int]) -> None:
    """The share and SSH are for deployment: a package needs neither."""
    assert [port.port for port in of_proxy(proxy(**fields), 2222)] == ports


def test_a_failed_connection_of_the_server() -> None:
    server = Host({445: False, 9393: False})
    share, service = check_ports(server, "windows", SERVER, list(of_proxy(proxy(), 22)), 5)
    assert server.asked == ["windows/reach.ps1 px-1.example.net:445 px-1.example.net:9393"]
    assert (share.subject, share.name, share.level) == ("host.px-1", "port-445-from-server", WARNING)
    assert "does not connect to px-1.example.net:445" in share.found
    assert "firewalls" in share.fix
    assert (service.name, service.level) == ("port-9393-from-server", UNKNOWN)
    assert proven(share, listening=True) is proven(share, listening=False) is share
    assert proven(service, listening=None) is service
    assert proven(service, listening=False) is None, "nothing listens yet"
    closed = proven(service, listening=True)
    assert closed is not None
    assert (closed.level, closed.name) == (WARNING, service.name)


@pytest.mark.parametrize("listening", [True, False, None])
def test_a_connection_proves_the_port(listening: bool | None) -> None:
    rows = check_ports(Host({445: True, 9393: True}), "windows", SERVER, list(of_proxy(proxy(), 22)), 5)
    assert [row.level for row in rows] == [OK, OK]
    assert [proven(row, listening) for row in rows] == rows


def test_what_cannot_be_told_is_unknown() -> None:
    (row, *_) = check_ports(Host({445: None, 9393: None}), "windows", SERVER, list(of_proxy(proxy(), 22)), 5)
    assert row.level is UNKNOWN

    class Slow:
        def execute(self, script: Script, params: Any, *, deadline: float) -> Any:
            raise DeadlineExceeded("vbo01", script.name, "not done after 5 s")

    rows = check_ports(Slow(), "windows", SERVER, list(of_proxy(proxy(), 22)), 5)
    assert [(row.name, row.level) for row in rows] == [
        ("port-445-from-server", UNKNOWN),
        ("port-9393-from-server", UNKNOWN),
    ]


def test_what_a_proxy_connects_to_on_the_server() -> None:
    """NATS and PostgreSQL may be on another machine, and came with version 8."""
    host = Host({9191: False, 4222: False, 5432: True})
    rows = check_ports(host, "linux", "the host", list(of_server("host.px-1", "vbo01")), 5)
    assert host.asked == ["linux/reach.sh vbo01:9191 vbo01:4222 vbo01:5432"]
    assert [(row.name, row.level) for row in rows] == [
        ("port-9191-from-proxy", WARNING),
        ("port-4222-from-proxy", UNKNOWN),
        ("port-5432-from-proxy", OK),
    ]
    assert [row.name for row in rows if are_used(row, "7.1.0.1501")] == ["port-9191-from-proxy"]
    assert [row for row in rows if are_used(row, "8.0.2.159")] == rows
    assert not are_used(Check("host.px-1", "port-4222-from-proxy", OK, ""), "")


def test_members_of_a_pool_connect_to_each_other() -> None:
    """A failed connection counts against the member that listens."""
    members = [Resource("proxy", name, {"host": f"{name}.example.net"}) for name in ("px-1", "px-2", "px-3")]
    ports = list(of_pool(members, members[0]))
    rows = check_ports(Host({9193: False}), "linux", "the host", ports, 5)
    assert [(row.subject, row.name) for row in rows] == [
        ("host.px-2", "port-9193-from-px-1"),
        ("host.px-3", "port-9193-from-px-1"),
    ]
    assert rows[0].found.startswith("px-1 does not connect to px-2.example.net:9193")
    closed = proven(rows[0], listening=True)
    assert closed is not None
    assert closed.level is WARNING
    assert proven(rows[1], listening=False) is None
