"""Jump hosts: one connection to each, trusted and logged in to for itself, and shared by all that is behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.clients.host_session import open_host
from reconciler.clients.ssh.jumps import JUMPS
from reconciler.model.connection import Connection, ConnectionContext, Credential, Deadlines, Transport, Trust
from reconciler.model.errors import AuthenticationFailed, RemoteError, Unreachable, UntrustedPeer
from reconciler.model.script import Script
from reconciler.model.secret import SecretRef
from tests.clients.hosts.conftest import Connect
from tests.clients.hosts.secrets import Resolver
from tests.clients.hosts.sshd import Sshd, running

ONE = Script("linux/one.sh", "echo 1")


@pytest.fixture
def bastions(tmp_path: Path) -> Iterator[list[Sshd]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running(Sshd(tmp_path, passwords={"jump": f"pw-{n}"}))) for n in range(2)]


def hop(server: Sshd, number: int, behind: Connection | None = None) -> Connection:
    return Connection(
        f"bastion-{number}",
        f"bastion-{number}.example.net",
        Transport.SSH,
        Credential("jump", "jump", password=SecretRef("test", f"pw-{number}")),
        address="127.0.0.1",
        port=server.port,
        trust=Trust(host_keys=(server.public,)),
        deadlines=Deadlines(connect=10),
        jump=behind,
    )


def log_in(connection: Connection, resolver: Resolver | None = None) -> int:
    with open_host(connection, ConnectionContext(resolver or Resolver(), "/")) as host:
        return int(host.execute(ONE, {}, deadline=20))


def refusal(connection: Connection) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        log_in(connection)
    assert caught.value.nothing_sent
    assert JUMPS._open == {}
    return caught.value


def test_through_two_jump_hosts(sshd: Sshd, connect: Connect, bastions: list[Sshd]) -> None:
    outer, inner = bastions
    assert log_in(connect(jump=hop(inner, 1, hop(outer, 0)))) == 1
    assert outer.tunnels == [("127.0.0.1", inner.port)]
    assert inner.tunnels == [("127.0.0.1", sshd.port)]
    assert JUMPS._open == {}


def test_all_hosts_behind_a_jump_host_share_one_connection(sshd: Sshd, connect: Connect, bastions: list[Sshd]) -> None:
    resolver, meet = Resolver(), threading.Barrier(6, timeout=20)
    target = connect(jump=hop(bastions[1], 1, hop(bastions[0], 0)))

    def visit(number: int) -> int:
        with open_host(replace(target, name=f"px-{number}"), ConnectionContext(resolver, "/")) as host:
            meet.wait()
            return int(host.execute(ONE, {}, deadline=20))

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(visit, range(6))) == 6
    assert [server.connections for server in (*bastions, sshd)] == [1, 1, 6]
    assert JUMPS._open == {}


def test_a_jump_host_is_judged_by_its_own_name(sshd: Sshd, connect: Connect, bastions: list[Sshd]) -> None:
    stranger = replace(hop(bastions[0], 0), trust=Trust(host_keys=(bastions[1].public,)))
    unknown = replace(hop(bastions[0], 0), credential=Credential("jump", "nobody", password=SecretRef("test", "x")))
    for jump, kind in ((stranger, UntrustedPeer), (unknown, AuthenticationFailed)):
        error = refusal(connect(jump=jump))
        assert type(error) is kind
        assert error.peer == "bastion-0 (bastion-0.example.net)"
    assert sshd.connections == 0


def test_a_host_that_the_jump_host_cannot_reach(connect: Connect, bastions: list[Sshd]) -> None:
    error = refusal(connect(jump=hop(bastions[0], 0), port=1))
    assert isinstance(error, Unreachable)
    assert error.peer == "px-lnx-1 (px-lnx-1.example.net)"
    assert "bastion-0" in error.what


def test_the_key_of_a_host_behind_a_jump_host_is_checked_too(connect: Connect, bastions: list[Sshd]) -> None:
    trust = Trust(host_keys=(bastions[1].public,))
    assert isinstance(refusal(connect(jump=hop(bastions[0], 0), trust=trust)), UntrustedPeer)


def test_a_jump_host_that_went_away_is_connected_to_again(sshd: Sshd, connect: Connect, bastions: list[Sshd]) -> None:
    resolver, target = Resolver(), connect(jump=hop(bastions[0], 0))
    with open_host(target, ConnectionContext(resolver, "/")) as first:
        assert first.execute(ONE, {}, deadline=20) == 1
        bastions[0].drop()
        with pytest.raises(RemoteError):
            first.execute(ONE, {}, deadline=20)
        assert log_in(replace(target, name="px-2"), resolver) == 1
    assert bastions[0].connections == 2
    assert JUMPS._open == {}


def test_a_jump_host_that_is_down_is_waited_for_once(connect: Connect, bastions: list[Sshd]) -> None:
    target = connect(jump=replace(hop(bastions[0], 0), port=1))
    resolver = Resolver()

    def visit(number: int) -> type[Exception]:
        with pytest.raises(Unreachable) as caught:
            log_in(replace(target, name=f"px-{number}"), resolver)
        return caught.type

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(visit, range(6))) == {Unreachable}
    assert JUMPS._open == {}
