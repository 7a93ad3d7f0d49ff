"""One SSH server for each test that wants one, and keys that are made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.connection import Connection, Credential, Deadlines, Transport, Trust
from reconciler.model.secret import SecretRef
from tests.clients.hosts.sshd import Sshd, running

PASSWORD = "corr3ct-horse"
Connect = Callable[..., Connection]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home without keys, known hosts and settings, so that nothing of the developer's takes part."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    folder = tmp_path / "bin"
    folder.mkdir()
    with running(Sshd(folder, passwords={"backup": PASSWORD})) as server:
        yield server


@pytest.fixture
def connect(sshd: Sshd) -> Connect:
    """Makes connections to the server; any part can be replaced."""

    def make(**changes: Any) -> Connection:
        settings: dict[str, Any] = {
            "name": "px-lnx-1",
            "host": "px-lnx-1.example.net",
            "transport": Transport.SSH,
            "credential": Credential("linux", "backup", password=SecretRef("test", PASSWORD)),
            "address": "127.0.0.1",
            "port": sshd.port,
            "trust": Trust(host_keys=(sshd.public,)),
            "deadlines": Deadlines(connect=10, call=20),
        }
        return Connection(**{**settings, **changes})

    return make
