"""A Linux host: SSH in front of a root folder."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from reconciler.lab.hosts.host import Close, Fresh, Host, Surroundings, Switch, one_of, whole
from reconciler.lab.hosts.linux import root as files
from reconciler.lab.hosts.linux.accounts import LinuxAccounts
from reconciler.lab.hosts.linux.confine import confining
from reconciler.lab.hosts.proxy_service import Installed
from reconciler.lab.hosts.ssh import SshHost
from reconciler.lab.network import SERVED
from reconciler.lab.pki import ssh_key, ssh_public
from reconciler.lab.state import Document


def fresh(host: Fresh) -> dict[str, Any]:
    return {"name": host.name.lower(), "os": "linux", "power": "on", "faults": {}}


class _Logins:
    """The accounts of a host; `lab set` can make it refuse every login."""

    def __init__(self, host: LinuxHost) -> None:
        self._host = host

    def accepts(self, user: str, password: str) -> bool:
        return "wrong-password" not in self._host.faults and self._host.accounts.accepts(user, password)

    def keys(self, user: str) -> Sequence[str]:
        return () if "wrong-password" in self._host.faults else self._host.accounts.keys(user)


class LinuxHost(Host):
    transport: ClassVar[str] = "ssh"
    port: ClassVar[int] = 22

    def __init__(self, document: Document, around: Surroundings) -> None:
        super().__init__(document, around)
        self.root = around.folder / self.name
        if not (self.root / "etc/os-release").exists():
            files.make(self.root, Fresh(self.name, "linux"))
        self.accounts = LinuxAccounts(self.root)

    @property
    def key_file(self) -> Path:
        """The host key that clients are given."""
        return self.around.folder / f"{self.name}.hostkey"

    @property
    def public_key(self) -> str:
        """`ssh-ed25519 AAAA…` of `key_file`."""
        return ssh_public(ssh_key(self.key_file))

    def _listen(self, listener: socket.socket) -> Close:
        network = self.around.network
        self._put("etc/hostname", self.own_name)
        places = {} if "mail" in self.faults else network.places
        files.equip(self.root, network.names, {**places, **dict.fromkeys(network.served, SERVED)})
        changed = "host-key" in self.faults
        key = ssh_key(self.key_file.with_suffix(".otherkey") if changed else self.key_file)
        cuts = "upload" in self.faults
        confined = confining(self.root, self.key_file.with_suffix(".mounts"))
        served = SshHost(self.name, key, self.root, _Logins(self), self.settle, lambda: cuts, confined)
        return self.around.ssh().open(served, listener)

    def installed(self) -> Installed | None:
        config = files.read_config(self.root) if files.has_service(self.root) else {}
        try:
            port = int(config["port"])
            return Installed(
                version=config["version"],
                owner=config["owner"],
                port=port,
                domain=False,
                account="",
                trust=(self.root / files.TRUST).read_text(encoding="ascii"),
                identity=self.root / files.IDENTITY,
            )
        except (KeyError, ValueError, OSError):
            return None

    def is_running(self) -> bool:
        return files.is_active(self.root)

    def lets_in(self, port: int) -> bool:
        return files.lets_in(self.root, port)

    def _keep_trust(self, certificate: str) -> None:
        (self.root / files.TRUST).write_text(certificate, encoding="ascii")

    def switches(self) -> Mapping[str, Callable[[str], None]]:
        return {
            **super().switches(),
            "host-key": lambda value: self._fault("host-key", value, "changed", "right"),
            "sudo": self._set_sudo,
            "su": lambda value: self._put(files.SU, "" if one_of("su", value, *files.SU_FAULTS) == "works" else value),
            "dotnet": lambda value: files.set_runtimes(
                self.root, present=one_of("dotnet", value, "present", "missing") == "present"
            ),
            "firewall": self._set_firewall,
            "clock": lambda value: self._put(files.CLOCK, str(whole("clock", value))),
            "free-gb": lambda value: self._put(files.FREE, str(whole("free-gb", value))),
            "reboot": lambda value: self._put(
                files.REBOOT,
                "*** System restart required ***" if one_of("reboot", value, "pending", "none") == "pending" else "",
            ),
            "broken-build": lambda value: self._put(files.BAD_BUILD, "" if value == "none" else value),
            "owner": lambda value: self._proxy(owner=value),
            "version": lambda value: self._proxy(version=value),
            "service": lambda value: self._put(
                f"run/lab/{files.PROXY_UNIT}",
                "active" if one_of("service", value, "running", "stopped") == "running" else "inactive",
            ),
        }

    def _put(self, name: str, text: str) -> None:
        """Write a small file, or take it away."""
        file = self.root / name
        if text:
            file.write_text(f"{text}\n", encoding="ascii")
        else:
            file.unlink(missing_ok=True)

    def _set_sudo(self, value: str) -> None:
        """Takes effect until the accounts are adopted anew."""
        rule = {"refused": "", "password": " ALL=(ALL) ALL", "free": " ALL=(ALL) NOPASSWD: ALL"}
        one_of("sudo", value, *rule)
        users = sorted(path.name for path in (self.root / "home").iterdir())
        (self.root / files.SUDOERS).write_text(
            "".join(f"{user}{rule[value]}\n" for user in users if rule[value]), encoding="ascii"
        )
        self._fault("sudo", value, "refused", "password", "free")

    def _set_firewall(self, value: str) -> None:
        """`open` and `closed` are about the port of the proxy; `off` switches the firewall off."""
        chosen = one_of("firewall", value, "open", "closed", "off")
        port = files.read_config(self.root).get("port", "9193")
        self._put(files.FIREWALL, "ENABLED=no" if chosen == "off" else "ENABLED=yes")
        self._put(files.RULES, f"22/tcp\n{port}/tcp" if chosen == "open" else "22/tcp")

    def _proxy(self, **changes: str) -> None:
        """Change the proxy service; if none is installed, one of another server appears."""
        config = files.read_config(self.root)
        if not config:
            if "owner" not in changes:
                raise Switch(f"no proxy service is installed on {self.name}")
            identity = self.around.authority.host(self.name)
            config = {"version": "8.0.0.1", "port": "9193"}
            (self.root / files.IDENTITY).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(identity.file, self.root / files.IDENTITY)
            self._keep_trust(identity.cert_pem.decode())
            (self.root / "etc/systemd/system").mkdir(parents=True, exist_ok=True)
            self._put(f"etc/systemd/system/{files.PROXY_UNIT}", "[Service]")
            self._put(f"run/lab/{files.PROXY_UNIT}", "active")
        files.write_config(self.root, config | changes)
        version = {**config, **changes}["version"]
        self._put(files.PACKAGES, f"veeamvboproxy {version} /opt/veeamvboproxy")

    def describe(self) -> dict[str, Any]:
        return {**self._summary(), "root": str(self.root)}
