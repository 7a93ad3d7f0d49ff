"""Sessions that outlive a step: one connection a host, and none that is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from reconciler.clients.session_pool import Sessions
from reconciler.model.errors import ConnectionLost, DeadlineExceeded, ScriptFailed
from reconciler.model.script import Script
from tests.clients.hosts.conftest import Connect
from tests.clients.hosts.secrets import context
from tests.clients.hosts.sshd import Sshd


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def make() -> Iterator[Callable[..., Sessions]]:
    """Makes pools, which are closed in the end."""
    with ExitStack() as stack:

        def made(**options: Any) -> Sessions:
            sessions = Sessions(context(), **options)
            stack.callback(sessions.close)
            return sessions

        yield made


def run(sessions: Sessions, connect: Connect, text: str = "echo 1", *, deadline: float = 20, **changes: Any) -> Any:
    with sessions.lend(connect(**changes)) as host:
        return host.execute(Script("linux/x.sh", text), {}, deadline=deadline)


def test_all_steps_of_a_host_share_one_connection(sshd: Sshd, connect: Connect, make: Callable[..., Sessions]) -> None:
    sessions = make()
    for _ in range(3):
        assert run(sessions, connect) == 1
    with pytest.raises(ScriptFailed):
        run(sessions, connect, "exit 7")
    assert run(sessions, connect) == 1
    assert sshd.connections == 1
    sessions.close()
    assert sessions._idle == []


def test_two_at_once_have_their_own(sshd: Sshd, connect: Connect, make: Callable[..., Sessions]) -> None:
    sessions = make()
    with sessions.lend(connect()) as one, sessions.lend(connect()) as other:
        assert one is not other
    assert run(sessions, connect) == 1
    assert sshd.connections == 2


def test_a_connection_in_doubt_is_not_used_again(sshd: Sshd, connect: Connect, make: Callable[..., Sessions]) -> None:
    sessions = make()
    with pytest.raises(DeadlineExceeded):
        run(sessions, connect, "sleep 30", deadline=0.3)
    assert run(sessions, connect) == 1
    assert sshd.connections == 2
    sshd.drop()
    assert run(sessions, connect) == 1
    assert sshd.connections == 3
    sshd.hang_up = True
    with pytest.raises(ConnectionLost):
        run(sessions, connect)
    sshd.hang_up = False
    assert run(sessions, connect) == 1
    assert sshd.connections == 4


def test_what_was_idle_for_long_is_not_used_again(sshd: Sshd, connect: Connect, make: Callable[..., Sessions]) -> None:
    clock = Clock()
    sessions = make(clock=clock)
    assert run(sessions, connect) == 1
    clock.now += 61
    assert run(sessions, connect) == 1
    assert sshd.connections == 2


def test_only_so_many_stay_open(sshd: Sshd, connect: Connect, make: Callable[..., Sessions]) -> None:
    sessions = make(most=2)
    for name in ("a", "b", "c"):
        assert run(sessions, connect, name=name) == 1
    assert [each.connection.name for each in sessions._idle] == ["b", "c"]
    assert run(sessions, connect, name="b") == 1
    assert sshd.connections == 3
    assert run(sessions, connect, name="a") == 1
    assert sshd.connections == 4


def test_what_comes_back_after_the_end_is_closed(connect: Connect, make: Callable[..., Sessions]) -> None:
    sessions = make()
    with sessions.lend(replace(connect(), name="late")) as host:
        sessions.close()
        assert host.is_usable()
    assert not host.is_usable()
    assert sessions._idle == []
