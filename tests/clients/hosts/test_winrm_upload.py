"""Files to Windows hosts in pieces: whole, continued, refused, in time. The host is the lab's twin of the script."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.host_session import name_on_host
from reconciler.clients.winrm import upload as winrm_upload
from reconciler.clients.winrm.upload import Upload
from reconciler.lab.hosts.windows.packages import upload
from reconciler.lab.hosts.windows.twins import World
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, ReconcileError

DATA = bytes(range(256)) * 10
DIGEST = hashlib.sha256(DATA).hexdigest()


class Host:
    """Runs the script on a folder. It breaks off before the piece number `breaks`."""

    def __init__(self, folder: Path, *, breaks: int = -1) -> None:
        self.world = World({"faults": {}}, datetime.now(UTC), lambda name: [], lambda name: [], folder)
        self.breaks = breaks
        self.pieces: list[int] = []

    def execute(self, script: Any, params: Mapping[str, Any], *, deadline: float) -> Any:
        assert script.name == "windows/upload.ps1"
        if params["step"] == "piece":
            if len(self.pieces) == self.breaks:
                raise ConnectionLost("px-1", "running windows/upload.ps1", "the connection broke")
            self.pieces.append(params["offset"])
        return upload(self.world, params)

    @property
    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.world.files.iterdir()}


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winrm_upload, "PIECE", 1000)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    file = tmp_path / "Proxy_8.5.0.1014.MSI"
    file.write_bytes(DATA)
    return file


def send(host: Host, package: Path, sha256: str = DIGEST, **more: Any) -> str:
    return Upload(host, "px-1", name_on_host(package, sha256), **{"deadline": 60, **more}).send(package, sha256)


def test_a_file_arrives_whole_and_is_not_sent_again(tmp_path: Path, package: Path) -> None:
    host = Host(tmp_path / "host")
    path = send(host, package)
    assert path.endswith(f"\\vbo-reconcile\\packages\\{DIGEST}.msi")
    assert host.files == {f"{DIGEST}.msi": DATA}
    assert host.pieces == [0, 1000, 2000]
    assert send(host, package) == path
    assert host.pieces == [0, 1000, 2000]


def test_what_was_cut_off_goes_on_where_it_ended(tmp_path: Path, package: Path) -> None:
    with pytest.raises(ConnectionLost):
        send(Host(tmp_path / "host", breaks=2), package)
    host = Host(tmp_path / "host")
    assert host.files == {f"{DIGEST}.msi.part": DATA[:2000]}
    send(host, package)
    assert host.pieces == [2000]
    assert host.files == {f"{DIGEST}.msi": DATA}


def test_another_file_leaves_nothing(tmp_path: Path, package: Path) -> None:
    host = Host(tmp_path / "host")
    with pytest.raises(BadAnswer, match=r"has the SHA-256 .*, expected"):
        send(host, package, "5e" * 32)
    assert host.files == {}


def test_more_than_there_is_to_send_is_thrown_away(tmp_path: Path, package: Path) -> None:
    host = Host(tmp_path / "host")
    host.world.files.mkdir()
    (host.world.files / f"{DIGEST}.msi.part").write_bytes(DATA + b"more")
    send(host, package)
    assert host.pieces == [0, 1000, 2000]
    assert host.files == {f"{DIGEST}.msi": DATA}


def test_the_deadline_is_for_all_pieces(tmp_path: Path, package: Path) -> None:
    moments = iter(range(100))
    with pytest.raises(DeadlineExceeded, match="not done after 3 s"):
        send(Host(tmp_path / "host"), package, deadline=3, clock=lambda: float(next(moments)))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ReconcileError, match=r"gone\.msi cannot be read"):
        send(Host(tmp_path / "host"), tmp_path / "gone.msi")


def test_removing_takes_what_came_in_part_too(tmp_path: Path, package: Path) -> None:
    with pytest.raises(ConnectionLost):
        send(Host(tmp_path / "host", breaks=1), package)
    host = Host(tmp_path / "host")
    Upload(host, "px-1", f"{DIGEST}.msi", deadline=60).remove()
    assert host.files == {}
