"""Which scripts a step may run on a host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler.apply.context import ApplyContext
from reconciler.apply.steps.hosts import change_host
from reconciler.apply.steps.management import run_script
from reconciler.apply.steps.registry import StepFailed
from reconciler.clients.session_pool import Sessions
from reconciler.model.connection import Connection, ConnectionContext, Transport
from reconciler.model.script import Script
from reconciler.model.steps import ChangeHost
from reconciler.package_data import playbooks_folder
from reconciler.requirements import load
from tests.apply.fakes import FakeServer, fake_context


class FakeHost:
    def __init__(self) -> None:
        self.ran: list[tuple[str, Mapping[str, Any], float]] = []

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> object:
        self.ran.append((script.name, params, deadline))
        return {}


class FakeSessions:
    def __init__(self, host: FakeHost) -> None:
        self.host = host

    @contextmanager
    def lend(self, connection: Connection) -> Iterator[FakeHost]:
        yield self.host


class FakeWorkers:
    """Workers that reach every host, or none."""

    def __init__(self, host: FakeHost, *, reaches: bool) -> None:
        self.host, self.reaches = host, reaches

    def takes(self, connection: Connection) -> bool:
        return self.reaches

    @contextmanager
    def session(self, connection: Connection, context: ConnectionContext) -> Iterator[FakeHost]:
        yield self.host


def on(host: FakeHost, workers: FakeWorkers | None = None) -> ApplyContext:
    context = fake_context(FakeServer({}), "px-1")
    connection = Connection("px-1", "px-1.example.net", Transport.SSH, None)
    server = replace(context.access.server, powershell=replace(connection, name="vbo01"))
    context.access = replace(context.access, server=server, connections={"px-1": connection})
    context.connection_context = replace(context.connection_context, workers=cast("Any", workers))
    context.playbooks = load(playbooks_folder())
    context.sessions = cast("Sessions", FakeSessions(host))
    return context


def change(host: FakeHost, script: str, workers: FakeWorkers | None = None) -> None:
    context = on(host, workers)
    step = ChangeHost(host="px-1", requirement="port", script=script, arguments={"port": 9193})
    change_host(context, step, lambda text: None)


def test_the_remedy_of_a_requirement_runs_with_its_parameters() -> None:
    host = FakeHost()
    change(host, "linux/open-port.sh")
    assert [(name, params) for name, params, _ in host.ran] == [("linux/open-port.sh", {"port": 9193})]


@pytest.mark.parametrize("name", ["linux/facts.sh", "linux/package-install.sh", "server/set-certificate.ps1", "x.sh"])
def test_a_script_that_no_requirement_names_is_not_run(name: str) -> None:
    host = FakeHost()
    with pytest.raises(StepFailed, match="no requirement of the playbooks names the script"):
        change(host, name)
    assert host.ran == []


@pytest.mark.parametrize("reaches", [True, False])
def test_a_worker_runs_it_if_it_can_reach_the_host(*, reaches: bool) -> None:
    here, there = FakeHost(), FakeHost()
    change(here, "linux/open-port.sh", FakeWorkers(there, reaches=reaches))
    assert (len(here.ran), len(there.ran)) == ((0, 1) if reaches else (1, 0))


def test_powershell_on_the_server_runs_from_here() -> None:
    here, there = FakeHost(), FakeHost()
    run_script(on(here, FakeWorkers(there, reaches=True)), "server/update-proxy.ps1", {"groups": []})
    assert [name for name, _, _ in here.ran] == ["server/update-proxy.ps1"]
    assert there.ran == []
