"""A name with two addresses, where the network drops what is sent to the first: SSH, WinRM and REST use the second."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.clients.host_session import open_host
from reconciler.clients.http.transport import Transport as HttpTransport
from reconciler.clients.sockets import answering_address
from reconciler.model.connection import Connection, ConnectionContext, Credential, Transport, Trust
from reconciler.model.script import Script
from reconciler.model.secret import Secret, SecretRef
from tests.clients.hosts.test_winrm import run, says
from tests.clients.hosts.winrmd import running
from tests.integration.namespaces import Namespaces, NoNamespaces
from tests.integration.openssh import missing, openssh

pytestmark = pytest.mark.integration
NAME = "dual.example.net"
DROPPED = "fd77::1"


class Given:
    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(Path(reference.path).read_text("utf-8"))


@pytest.fixture
def dual(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A network in which nothing answers for `DROPPED`, not even that it is not there; `NAME` has it and 127.0.0.1."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        pytest.skip("networks are made by root, with ip, unshare and nsenter")
    real = socket.getaddrinfo

    def both(host: Any, port: Any, *arguments: Any, **more: Any) -> Any:
        names = [DROPPED, "127.0.0.1"] if host == NAME else [host]
        return [found for name in names for found in real(name, port, *arguments, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    try:
        with Namespaces() as spaces:
            for line in (
                "link set lo up",
                "link add br0 type bridge",
                "link set br0 up",
                "address add fd77::ff/64 dev br0 nodad",
                f"neighbour add {DROPPED} lladdr 02:00:00:00:00:01 dev br0 nud permanent",
            ):
                spaces.run("ip", *line.split())
            with spaces.network():
                yield
    except NoNamespaces as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("dual")
def test_the_first_address_drops() -> None:
    with socket.socket(socket.AF_INET6) as line:
        line.settimeout(0.5)
        with pytest.raises(TimeoutError):
            line.connect((DROPPED, 22))


@pytest.mark.usefixtures("dual")
def test_ssh(tmp_path: Path) -> None:
    if missing():
        pytest.skip(missing())
    with openssh(tmp_path / "a") as server:
        key = Credential("key", server.user, private_key=SecretRef("file", str(server.folder / "user")))
        trust = Trust(host_keys=(server.host_key,))
        connection = Connection("px-1", NAME, Transport.SSH, key, address=NAME, port=server.port, trust=trust)
        with open_host(connection, ConnectionContext(Given(), "/")) as host:
            assert host.execute(Script("linux/one.sh", "echo 1"), {}, deadline=30) == 1


@pytest.mark.usefixtures("dual")
def test_winrm(tmp_path: Path) -> None:
    with running(tmp_path, says()) as host:
        assert run(host, address=NAME) == 1


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.usefixtures("dual")
def test_rest() -> None:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with httpx.Client(transport=HttpTransport(ssl.create_default_context()), timeout=10) as client:
                assert client.get(f"http://{NAME}:{server.server_port}/").status_code == 204
            assert answering_address((NAME, server.server_port), 10) == "127.0.0.1"
        finally:
            server.shutdown()
            thread.join()
