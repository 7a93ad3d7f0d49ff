"""WinRM that breaks off at any byte: each time an error of the right class, no shell, no thread and no socket left."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.host_session import open_host
from reconciler.lab.hosts.wsman import Command
from reconciler.model.errors import BadAnswer, ConnectionLost, RemoteError, Unreachable
from reconciler.model.script import Script
from tests.clients.hosts.secrets import context
from tests.clients.hosts.winrmd import Breaking, Winrmd, running
from tests.length import length

pytestmark = pytest.mark.matrix

STEP = length(97, 23)
"""Every so many bytes. All answers of a session are about 6,000."""


def answers(command: Command) -> int:
    command.write("stdout", b'{"said": "yes"}')
    return 0


def run(host: Winrmd) -> Any:
    with open_host(host.connection(), context()) as session:
        return session.execute(Script("windows/any.ps1", "text"), {"n": 1}, deadline=20)


def failure(host: Winrmd) -> RemoteError | None:
    try:
        assert run(host) == {"said": "yes"}
    except RemoteError as error:
        return error
    return None


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "sealed"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_session_that_breaks_off_at_any_byte(tmp_path: Path, how: str, tls: bool) -> None:
    with running(tmp_path, answers, kind=Breaking, tls=tls) as host:
        endpoint = host.endpoint
        assert isinstance(endpoint, Breaking)
        assert run(host) == {"said": "yes"}
        total, endpoint.how = endpoint.sent, how
        outcomes: set[str] = set()
        before = threading.active_count()
        for place in range(0, total, STEP):
            host.orders.clear()
            endpoint.sent, endpoint.after = 0, place
            failed = failure(host)
            assert failed is None or type(failed) in (ConnectionLost, Unreachable, BadAnswer), place
            assert failed is None or not (failed.nothing_sent and host.orders), place
            outcomes.add(type(failed).__name__)
            assert host.engine.shells == {}, place
        assert outcomes >= {"NoneType", "ConnectionLost", "Unreachable"}
        for _ in range(100):  # threads of the host end when they notice
            if threading.active_count() <= before:
                break
            time.sleep(0.05)
        assert threading.active_count() <= before


def test_a_hundred_megabytes_of_output(tmp_path: Path) -> None:
    def talks(command: Command) -> int:
        for _ in range(100):
            command.write("stdout", b"x" * (1 << 20))
        return 0

    with running(tmp_path, talks, kind=Breaking) as host:
        endpoint = host.endpoint
        assert isinstance(endpoint, Breaking)
        with pytest.raises(BadAnswer, match="4 MB"):
            run(host)
        assert endpoint.sent < 32 << 20
        assert host.engine.shells == {}
