"""The hosts of these tests are what they are said to be, and nothing of them is left behind."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.integration.hosts import Host, HostNetwork

pytestmark = pytest.mark.integration


def test_systemd_is_their_first_process_and_openssh_answers(three: list[Host]) -> None:
    for host in three:
        assert host.console("ps -o comm= -p 1").strip() == "systemd"
        assert host.console("hostname -f").strip() == host.name
        assert host.console("systemctl show -p SubState --value ssh").strip() == "running"
        with socket.create_connection((host.address, 22), 5) as connection:
            assert connection.recv(64).startswith(b"SSH-2.0-OpenSSH")
    assert len({host.host_key for host in three}) == 3
    assert len({host.console("cat /etc/machine-id") for host in three}) == 3


def answers(host: Host) -> bool:
    try:
        socket.create_connection((host.address, 22), 1).close()
    except OSError:
        return False
    return True


def test_a_power_cut_keeps_the_files_and_ends_the_rest(site: HostNetwork) -> None:
    with site.hosts("px-1.example.net") as (host,):
        host.console("echo kept >/root/note; sync")
        before = host.console("cat /etc/machine-id")
        host.cut_power()
        assert not answers(host)
        host.boot()
        assert host.console("cat /root/note") == "kept\n"
        assert host.console("cat /etc/machine-id") == before


def test_nothing_is_left(site: HostNetwork) -> None:
    with site.hosts("px-1.example.net") as (host,):
        mark = host._mark
        folder = host._folder
        processes = [int(number) for number in host.processes()]
        assert list(Path("/sys/fs/cgroup").rglob(mark))
    assert len(processes) > 3
    assert not [number for number in processes if Path(f"/proc/{number}").exists()]
    assert not list(Path("/sys/fs/cgroup").rglob(mark))
    assert not folder.exists()
    assert "10.77.0" not in Path("/proc/1/net/fib_trie").read_text()
