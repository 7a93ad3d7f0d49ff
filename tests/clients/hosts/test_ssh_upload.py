"""Files to Linux hosts: whole or not at all, for no one else, and over the connection that is open."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.clients.host_session import open_host
from reconciler.clients.ssh import sftp
from reconciler.model.connection import Trust
from reconciler.model.errors import BadAnswer, DeadlineExceeded, ReconcileError, Refused, ScriptFailed
from reconciler.model.script import Script
from tests.clients.hosts.conftest import PASSWORD, Connect
from tests.clients.hosts.secrets import context
from tests.clients.hosts.sshd import Sshd, running
from tests.programs import shellcheck

CONTENT = bytes(range(256)) * 5000


@pytest.fixture
def package(tmp_path: Path) -> Path:
    file = tmp_path / "proxy service.DEB"
    file.write_bytes(CONTENT)
    return file


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_file_arrives_whole_and_for_nobody_else(sshd: Sshd, connect: Connect, package: Path) -> None:
    with open_host(connect(), context()) as host:
        path = Path(host.upload(package, digest(package), deadline=20))
        assert path == sshd.folder / sftp.FOLDER / f"{digest(package)}.deb"
        assert path.read_bytes() == CONTENT
        assert (mode(path), mode(path.parent)) == (0o600, 0o700)
        script = Script("linux/size.sh", 'wc -c <"$arg_path"')
        assert host.execute(script, {"path": str(path)}, deadline=20) == len(CONTENT)
        host.remove(str(path), deadline=20)
        assert not path.parent.exists()
        host.remove(str(path), deadline=20)
    assert sshd.connections == 1


def test_a_file_that_is_there_is_not_sent_again(connect: Connect, package: Path) -> None:
    with open_host(connect(), context()) as host:
        first = host.upload(package, digest(package), deadline=20)
    known = digest(package)
    package.unlink()
    with open_host(connect(), context()) as host:
        assert host.upload(package, known, deadline=20) == first


def test_half_a_file_of_an_earlier_run_is_never_used(sshd: Sshd, connect: Connect, package: Path) -> None:
    folder = sshd.folder / sftp.FOLDER
    folder.mkdir(mode=0o755)
    for ending in (".deb", ".deb.part"):
        (folder / f"{digest(package)}{ending}").write_bytes(CONTENT[:1000])
    with open_host(connect(), context()) as host:
        path = Path(host.upload(package, digest(package), deadline=20))
    assert [file.name for file in folder.iterdir()] == [path.name]
    assert path.read_bytes() == CONTENT
    assert mode(folder) == 0o700


def test_another_file_than_the_one_that_was_meant_leaves_nothing(sshd: Sshd, connect: Connect, package: Path) -> None:
    with (
        open_host(connect(), context()) as host,
        pytest.raises(BadAnswer, match=digest(package)),
    ):
        host.upload(package, "0" * 64, deadline=20)
    assert list((sshd.folder / sftp.FOLDER).iterdir()) == []


def test_a_folder_that_somebody_laid_out_for_us_is_not_used(sshd: Sshd, connect: Connect, package: Path) -> None:
    (sshd.folder / "trap").mkdir()
    (sshd.folder / sftp.FOLDER).symlink_to(sshd.folder / "trap")
    with (
        open_host(connect(), context()) as host,
        pytest.raises(ScriptFailed, match="is not a folder of this account"),
    ):
        host.upload(package, digest(package), deadline=20)
    assert list((sshd.folder / "trap").iterdir()) == []


@contextmanager
def mounted(sshd: Sshd, options: str) -> Iterator[None]:
    """The folder of uploads is a file system with these options."""
    folder = sshd.folder / sftp.FOLDER
    folder.mkdir(mode=0o700)
    options = f"{options},mode=700,uid={sshd.folder.stat().st_uid}"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")


@ROOT_ONLY
@pytest.mark.parametrize("size", ["256k", "1244k"])
def test_a_full_home_says_so(sshd: Sshd, connect: Connect, package: Path, size: str) -> None:
    """SFTP says `Failure`, and the last packets are answered when the file is closed, where no answer is checked."""
    with mounted(sshd, f"size={size}"), open_host(connect(), context()) as host:
        with pytest.raises(Refused, match=r"the host says: .*No space left on device") as caught:
            host.upload(package, digest(package), deadline=20)
        assert "free some space" in caught.value.hint


@ROOT_ONLY
def test_a_home_that_is_read_only_says_so(sshd: Sshd, connect: Connect, package: Path) -> None:
    with (
        mounted(sshd, "ro"),
        open_host(connect(), context()) as host,
        pytest.raises((Refused, ScriptFailed), match="Read-only file system"),
    ):
        host.upload(package, digest(package), deadline=20)


def test_a_host_without_sftp_says_what_is_missing(tmp_path: Path, connect: Connect, package: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    with running(Sshd(folder, passwords={"backup": PASSWORD}, has_sftp=False)) as bare:
        reach = connect(port=bare.port, trust=Trust(host_keys=(bare.public,)))
        with open_host(reach, context()) as host:
            with pytest.raises(Refused) as caught:
                host.upload(package, digest(package), deadline=20)
            assert "Subsystem sftp" in caught.value.hint
            assert host.execute(Script("linux/one.sh", "echo 1"), {}, deadline=20) == 1


def test_a_deadline_holds_for_a_file_too(connect: Connect, package: Path) -> None:
    with open_host(connect(), context()) as host, pytest.raises(DeadlineExceeded):
        host.upload(package, digest(package), deadline=0)


def test_a_file_that_cannot_be_read(connect: Connect, tmp_path: Path) -> None:
    with (
        open_host(connect(), context()) as host,
        pytest.raises(ReconcileError, match="No such file"),
    ):
        host.upload(tmp_path / "nowhere.rpm", "0" * 64, deadline=20)


@pytest.mark.parametrize("script", [sftp.LOOK, sftp.FINISH, sftp.REMOVE], ids=lambda script: str(script.name))
def test_its_scripts_pass_shellcheck(script: Script) -> None:
    found = shellcheck()
    answer = subprocess.run(
        [found, "-s", "sh", "-e", "SC2154", "-"], input=script.text, text=True, capture_output=True, check=False
    )
    assert (answer.returncode, answer.stdout) == (0, "")
