"""Packages on this machine: beside the inventory, or downloaded once over real TLS; the digest always decides."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from reconciler.clients.http.download import fetch
from reconciler.model.connection import Package
from reconciler.model.diagnostic import Diagnosed
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Refused, RemoteError, UntrustedPeer
from tests.clients.vbo.tls import Made, Speak, make, serving

DATA = b"a package" * 5000
DIGEST = hashlib.sha256(DATA).hexdigest()
HOST = "127.0.0.1"


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make(tmp_path, "files", name=HOST)


def answer(status: int, body: bytes = b"", *lines: str, says: int | None = None) -> Callable[[socket.socket], None]:
    size = len(body) if says is None else says
    head = "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Length: {size}", "Connection: close", *lines])
    return lambda peer: peer.sendall(f"{head}\r\n\r\n".encode() + body)


def speaking(pages: dict[str, Callable[[socket.socket], None]]) -> Speak:
    def speak(peer: socket.socket, request: bytes) -> None:
        pages.get(request.split(b" ", 2)[1].decode(), answer(404))(peer)
        peer.close()

    return speak


def download(tmp_path: Path, port: int, path: str = "/p_8.5.0.1.msi", sha256: str = DIGEST, seconds: float = 5) -> Path:
    package = Package(f"https://{HOST}:{port}{path}", sha256, ca_file="files.pem")
    return fetch(package, str(tmp_path), deadline=seconds, folder=tmp_path / "cache" / "packages")


def test_a_file_beside_the_inventory_is_used_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "p.msi").write_bytes(DATA)
    assert fetch(Package("p.msi", DIGEST), str(tmp_path), deadline=1) == tmp_path / "p.msi"


@pytest.mark.parametrize(("name", "says"), [("p.msi", "is declared"), ("q.msi", "no such file")])
def test_another_file_or_none(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "p.msi").write_bytes(DATA)
    with pytest.raises(Diagnosed) as caught:
        fetch(Package(name, "5e" * 32), str(tmp_path), deadline=1)
    (found,) = caught.value.diagnostics
    assert says in found.detail
    assert found.fix


def test_what_has_an_address_is_downloaded_once_and_is_for_nobody_else(tmp_path: Path, made: Made) -> None:
    with serving(made, speaking({"/p_8.5.0.1.msi": answer(200, DATA)})) as server:
        file = download(tmp_path, server.port)
        assert file.read_bytes() == DATA
        assert download(tmp_path, server.port) == file
        assert len(server.heard) == 1
        file.chmod(0o600)
        file.write_bytes(b"changed")
        assert download(tmp_path, server.port).read_bytes() == DATA
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [path.name for path in file.parent.iterdir()] == [DIGEST]


def test_another_file_is_never_kept(tmp_path: Path, made: Made) -> None:
    pages = {"/p_8.5.0.1.msi": answer(200, b"something else")}
    with serving(made, speaking(pages)) as server, pytest.raises(Diagnosed, match="is declared"):
        download(tmp_path, server.port)
    assert list((tmp_path / "cache" / "packages").iterdir()) == []


@pytest.mark.parametrize(
    ("page", "error", "says"),
    [
        (answer(404), Refused, "404"),
        (answer(503), Refused, "503"),
        (answer(200, DATA[:100], says=len(DATA)), RemoteError, "service.package"),
        (answer(302, b"", f"Location: http://{HOST}/x"), BadAnswer, "without https"),
        (answer(302, b"", "Location: /p_8.5.0.1.msi"), BadAnswer, "more than 5 times"),
        (lambda peer: None, ConnectionLost, ""),
    ],
)
def test_what_servers_answer_instead(
    tmp_path: Path, made: Made, page: Callable[[socket.socket], None], error: type[RemoteError], says: str
) -> None:
    with serving(made, speaking({"/p_8.5.0.1.msi": page})) as server, pytest.raises(error) as caught:
        download(tmp_path, server.port)
    assert says in f"{caught.value} {caught.value.hint}"
    assert list((tmp_path / "cache" / "packages").iterdir()) == []


def test_a_redirect_to_https_is_followed(tmp_path: Path, made: Made) -> None:
    pages = {"/p_8.5.0.1.msi": answer(307, b"", "Location: /real"), "/real": answer(200, DATA)}
    with serving(made, speaking(pages)) as server:
        assert download(tmp_path, server.port).read_bytes() == DATA


def test_a_server_that_nobody_vouches_for_is_asked_for_nothing(tmp_path: Path, made: Made) -> None:
    make(tmp_path, "another", name=HOST)
    with serving(made, speaking({})) as server:
        package = Package(f"https://{HOST}:{server.port}/p.msi", DIGEST, ca_file="another.pem")
        with pytest.raises(UntrustedPeer) as caught:
            fetch(package, str(tmp_path), deadline=5, folder=tmp_path / "cache")
        assert server.heard == []
    assert "service.package.ca_file" in caught.value.hint


def test_a_download_ends_with_its_deadline(tmp_path: Path, made: Made) -> None:
    over = threading.Event()

    def trickle(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n")
        while not over.wait(0.02):
            peer.sendall(b"x")

    with serving(made, speaking({"/p_8.5.0.1.msi": trickle})) as server:
        with pytest.raises(DeadlineExceeded):
            download(tmp_path, server.port, seconds=0.3)
        over.set()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, made: Made) -> None:
    (tmp_path / "cache").write_text("a file in the place of the folder")
    with pytest.raises(Diagnosed) as caught:
        download(tmp_path, 1)
    (found,) = caught.value.diagnostics
    assert found.code == "package-cache"
    assert f"{tmp_path / 'cache' / 'packages'} cannot be written: Not a directory." in found.detail


def test_a_full_disk_below_the_cache_is_no_bug(tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, _mode: str) -> BinaryIO:
        os.close(handle)
        return Path("/dev/full").open("wb", buffering=0)

    with serving(made, speaking({"/p_8.5.0.1.msi": answer(200, DATA)})) as server:
        monkeypatch.setattr("reconciler.clients.http.download.os.fdopen", full)
        with pytest.raises(Diagnosed) as caught:
            download(tmp_path, server.port)
    (found,) = caught.value.diagnostics
    assert "cannot be written: No space left on device." in found.detail
