"""SSH over wires that break at every so many bytes, in every way: an error with a name each time, and nothing left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model.connection import Connection, Credential, Transport, Trust
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Unreachable
from reconciler.model.secret import SecretRef
from tests.clients.hosts.broken_ssh import broken, left_behind, measure, open_files
from tests.clients.hosts.sshd import Sshd, running
from tests.clients.hosts.wire import Then
from tests.length import length

pytestmark = pytest.mark.matrix
STEP = length(97, 23)
ALLOWED = (Unreachable, BadAnswer, ConnectionLost, DeadlineExceeded)


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setenv("HOME", str(tmp_path))
    with running(Sshd(tmp_path, passwords={"backup": "corr3ct-horse"})) as server:
        yield Connection(
            "px-lnx-1",
            "px-lnx-1.example.net",
            Transport.SSH,
            Credential("linux", "backup", password=SecretRef("test", "corr3ct-horse")),
            address="127.0.0.1",
            port=server.port,
            trust=Trust(host_keys=(server.public,)),
        )


@pytest.mark.parametrize("then", Then)
def test_wherever_it_breaks(connection: Connection, then: Then) -> None:
    measured = [measure(connection) for _ in range(3)]  # the packets that something arrives in differ in number
    login, end = (min(part) for part in zip(*measured, strict=True))
    threads, files = set(threading.enumerate()), open_files()
    step = STEP * 3 if then is Then.SILENCE else STEP
    for after in range(0, end - 200, step):
        error = broken(connection, after, then, login=login)
        assert type(error) in ALLOWED, (after, error)
        assert error.hint, (after, error)
        if after < login - 60:
            assert type(error) in (Unreachable, BadAnswer), (after, error)
    assert left_behind(threads, files) == []
