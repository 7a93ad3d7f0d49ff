"""Debian hosts as they are: systemd is their first process, OpenSSH their way in, and each has its own network.

with Namespaces() as spaces, HostNetwork(spaces, image(), folder) as site:
    host = site.host("px-1.example.net")
    host.boot()
    host.console("systemctl is-system-running")
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.integration.namespaces import Namespaces, run

NETWORK = "10.77.0"
"""The first three numbers of the addresses of hosts; .1 is this side's."""
OUTSIDE = "10.78"
"""The first two numbers of addresses that hosts find on this side too: the lab's."""
_CGROUPS = Path("/sys/fs/cgroup")
_REBOOT = 133
"""What systemd-nspawn ends with when the host wants to be started again."""
_PATIENCE = 60.0

ADMIN = "admin"

_INTERFACE = f"""\
[Match]
Name=host0
[Network]
Address={{address}}/24
Gateway={NETWORK}.1
LinkLocalAddressing=no
IPv6AcceptRA=no
"""


class Host:
    """One machine. It is off until `boot`; what was written stays over `cut_power` and `boot`."""

    def __init__(self, name: str, address: str, folder: Path, image: Path, spaces: Namespaces) -> None:
        self.name = name
        self.address = address
        self._short = name.partition(".")[0]
        self._folder = folder
        self._image = image
        self._spaces = spaces
        self._mark = f"vbo-{os.getpid()}-{address.rpartition('.')[2]}"
        self._process: subprocess.Popen[bytes] | None = None
        self._uuid = str(uuid4())
        self._prepare()

    @property
    def host_key(self) -> str:
        """`ssh-ed25519 AAAA…`"""
        text = (self.files / "etc/ssh/ssh_host_ed25519_key.pub").read_text(encoding="ascii")
        return " ".join(text.split()[:2])

    @property
    def files(self) -> Path:
        """Its root folder, as one gets there from here, on or off."""
        return Path(f"/proc/{self._spaces.first}/root{self._folder}/root")

    @property
    def is_on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _prepare(self) -> None:
        for name in ("up", "work", "root"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "up").chmod(0o755)
        layers = f"lowerdir={self._image},upperdir={self._folder / 'up'},workdir={self._folder / 'work'}"
        self._spaces.run("mount", "-t", "overlay", self._mark, "-o", layers, str(self._folder / "root"))
        (self.files / "etc/hostname").write_text(f"{self._short}\n", encoding="ascii")
        network = self.files / "etc/systemd/network/10-host0.network"
        network.write_text(_INTERFACE.format(address=self.address), encoding="ascii")
        key = self.files / "etc/ssh/ssh_host_ed25519_key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(key)])
        self.know({})

    def boot(self) -> None:
        """Switch on, and wait until it is up."""
        self.switch_on()
        self.wait()

    def switch_on(self) -> None:
        groups = [group / self._mark for group in (_CGROUPS / "systemd", unified()) if group.is_dir()]
        for group in groups:
            group.mkdir(exist_ok=True)
        enter = "".join(f"echo 0 >{group}/cgroup.procs; " for group in groups)
        start = (
            f"systemd-nspawn --quiet --register=no --keep-unit --boot --directory={self._folder / 'root'} "
            f"--machine={self._short} --uuid={self._uuid} --network-bridge=br0 --resolv-conf=off --timezone=off "
            "--link-journal=no --console=pipe"
        )
        again = f"while :; do {start}; code=$?; [ $code = {_REBOOT} ] || exit $code; done"
        with (self._folder / "console.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._spaces.command("sh", "-c", enter + again),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Until it is up."""
        self._wait_for_ssh()
        state = self.console("systemctl is-system-running --wait || systemctl --failed").strip()
        assert state == "running", f"{self.name}: {state}"

    def _wait_for_ssh(self) -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            if not self.is_on:
                break
            try:
                with socket.create_connection((self.address, 22), 1) as connection:
                    if connection.recv(4) == b"SSH-":
                        return
            except OSError:
                time.sleep(0.05)
        log = (self._folder / "console.log").read_text(encoding="utf-8", errors="replace")
        raise AssertionError(f"{self.name} did not come up:\n{log[-2000:]}")

    def cut_power(self) -> None:
        """Everything on it is gone at once; its files stay."""
        if self._process is None:
            return
        (unified() / self._mark / "cgroup.kill").write_text("1")
        self._process.wait(_PATIENCE)
        self._process = None
        self._remove_groups()

    def freeze(self) -> None:
        """It takes connections, and nothing on it runs."""
        self._freeze("1")

    def thaw(self) -> None:
        self._freeze("0")

    def _freeze(self, value: str) -> None:
        (unified() / self._mark / "payload/cgroup.freeze").write_text(value)

    def close(self) -> None:
        self.cut_power()
        self._spaces.run("umount", str(self._folder / "root"))
        shutil.rmtree(self._folder)

    def _remove_groups(self) -> None:
        for top in (_CGROUPS / "systemd", unified()):
            remove_group(top / self._mark)

    def console(self, script: str, given: str = "") -> str:
        """What a script prints that root runs on the host itself, past the network."""
        enter = ["nsenter", f"--target={self._first()}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"]
        return run([*enter, "--root", "--wd=/", "--", *environment, "sh", "-c", script], given)

    def _first(self) -> int:
        """The process that is number 1 on the host, by its number here."""
        for top in (unified(), _CGROUPS / "systemd"):
            file = top / self._mark / "payload/init.scope/cgroup.procs"
            for number in file.read_text().split() if file.exists() else ():
                status = Path(f"/proc/{number}/status").read_text()
                if status.partition("NSpid:")[2].split("\n")[0].split()[-1] == "1":
                    return int(number)
        raise AssertionError(f"{self.name} is not running")

    def processes(self) -> list[str]:
        """The numbers, here, of everything that runs on it."""
        files = (unified() / self._mark).rglob("cgroup.procs")
        return [number for file in files for number in file.read_text().split()]

    def know(self, names: Mapping[str, str]) -> None:
        """Let /etc/hosts hold these names and addresses, besides the host's own."""
        lines = ["127.0.0.1 localhost", f"{self.address} {self.name} {self._short}"]
        lines += [f"{address} {name}" for name, address in names.items()]
        text = "\n".join([*lines, ""])
        (self.files / "etc/hosts").write_text(text, encoding="ascii")

    def account(self, password: str, public_key: str = "") -> None:
        """An account with a password, a key and the right to use sudo with that password."""
        self.console(f"id {ADMIN} >/dev/null 2>&1 || useradd -m -s /bin/bash {ADMIN}")
        self.console("chpasswd", f"{ADMIN}:{password}\n")
        self.console(f"echo '{ADMIN} ALL=(ALL) ALL' >/etc/sudoers.d/admin; chmod 440 /etc/sudoers.d/admin")
        if public_key:
            owner, folder = f"-o {ADMIN} -g {ADMIN}", f"/home/{ADMIN}/.ssh"
            self.console(f"install -d -m700 {owner} {folder}")
            self.console(f"install -m600 {owner} /dev/stdin {folder}/authorized_keys", public_key)


class HostNetwork:
    """The network that hosts are in, and the hosts."""

    def __init__(self, spaces: Namespaces, image: Path, folder: Path) -> None:
        self._spaces = spaces
        self._image = image
        self._folder = folder
        self._made = 0
        remove_stale_groups()
        for line in (
            "link set lo up",
            "link add br0 type bridge",
            f"address add {NETWORK}.1/24 dev br0",
            "link set br0 up",
            f"route add local {OUTSIDE}.0.0/16 dev lo",
        ):
            spaces.run("ip", *line.split())

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and those that it starts, are in the network of the hosts."""
        with self._spaces.network():
            yield

    @contextmanager
    def hosts(self, *names: str) -> Iterator[list[Host]]:
        """Hosts that are up; they are gone at the end."""
        made: list[Host] = []
        try:
            for name in names:
                self._made += 1
                address = f"{NETWORK}.{10 + self._made % 200}"
                made.append(Host(name, address, self._folder / str(self._made), self._image, self._spaces))
            for host in made:
                host.switch_on()
            for host in made:
                host.wait()
            yield made
        finally:
            for host in made:
                host.close()


def remove_group(group: Path) -> None:
    """Remove an empty cgroup with all those below it. Waits for processes that were killed to be gone."""
    end = time.monotonic() + _PATIENCE
    for folder in sorted([group, *group.rglob("*/")], reverse=True):
        while folder.is_dir():
            with contextlib.suppress(OSError):
                folder.rmdir()
                break
            assert time.monotonic() < end, f"something goes on in {folder}"
            time.sleep(0.02)


def remove_stale_groups() -> None:
    """Of test runs that were killed: their processes are gone, and the kernel keeps the empty groups."""
    for top in (_CGROUPS / "systemd", unified()):
        for group in top.glob("vbo-*-*"):
            if not Path("/proc", group.name.split("-")[1]).exists():
                remove_group(group)


def unified() -> Path:
    """The cgroup hierarchy of version 2: the only one, or the one beside those of version 1."""
    return _CGROUPS if (_CGROUPS / "cgroup.controllers").exists() else _CGROUPS / "unified"
