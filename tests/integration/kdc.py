"""Two Kerberos realms that trust each other, served by MIT's KDC on loopback. Any user can run it, in a second."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CORP, FABRIKAM = "CORP.TEST", "FABRIKAM.TEST"
PASSWORDS = {f"alice@{CORP}": "Alice-Pw-1", f"bob@{FABRIKAM}": "Bob-Pw-1"}
HOSTS = {"srv1.corp.test": CORP, "srv2.fabrikam.test": FABRIKAM}
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "klist")


def missing() -> str:
    """Why there can be no KDC here; empty where nothing stands in the way."""
    absent = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


@dataclass(frozen=True)
class Realms:
    """`config` is the krb5.conf of clients, `keytab` holds the keys of HOSTS, `alice` those of alice."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "krb5.conf"

    @property
    def keytab(self) -> Path:
        return self.folder / "hosts.keytab"

    @property
    def alice(self) -> Path:
        return self.folder / "alice.keytab"

    def run(self, *command: str, given: str = "", cache: str = "") -> str:
        """What a program of Kerberos says. Raises CalledProcessError."""
        environment = {"PATH": _PATH, "KRB5_CONFIG": str(self.config), "KRB5_KDC_PROFILE": f"{self.folder}/kdc.conf"}
        environment |= {"KRB5CCNAME": cache} if cache else {}
        done = subprocess.run(command, env=environment, input=given, capture_output=True, text=True, check=True)
        return done.stdout


@contextmanager
def realms(folder: Path) -> Iterator[Realms]:
    made = Realms(folder)
    ports = _free_ports(2)
    _write(folder, dict(zip((CORP, FABRIKAM), ports, strict=True)))
    for realm in (CORP, FABRIKAM):
        made.run("kdb5_util", "-r", realm, "create", "-s", "-P", f"master-{realm}")
    for realm, command in _principals(made):
        made.run("kadmin.local", "-r", realm, "-q", command)
    environment = {"PATH": _PATH, "KRB5_CONFIG": str(made.config), "KRB5_KDC_PROFILE": str(folder / "kdc.conf")}
    program = shutil.which("krb5kdc", path=_PATH) or "krb5kdc"
    with (folder / "kdc.out").open("wb") as log:
        kdc = subprocess.Popen(
            [program, "-n", "-r", CORP, "-r", FABRIKAM, "-P", str(folder / "kdc.pid")],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        for port in ports:
            _wait(port)
        yield made
    finally:
        kdc.terminate()
        kdc.wait(10)


def _principals(made: Realms) -> Iterator[tuple[str, str]]:
    for principal, password in PASSWORDS.items():
        yield principal.partition("@")[2], f"addprinc +requires_preauth -pw {password} {principal}"
    yield CORP, f"ktadd -norandkey -k {made.alice} alice@{CORP}"
    for host, realm in HOSTS.items():
        yield realm, f"addprinc -randkey HTTP/{host}@{realm}"
        yield realm, f"ktadd -k {made.keytab} HTTP/{host}@{realm}"
    for ticket in (f"krbtgt/{CORP}@{FABRIKAM}", f"krbtgt/{FABRIKAM}@{CORP}"):  # the trust, both ways
        for realm in (CORP, FABRIKAM):
            yield realm, f"addprinc -pw between-{ticket} {ticket}"


def _write(folder: Path, ports: dict[str, int]) -> None:
    # One line for each setting: MIT ignores `{ kdc = … }` without a word.
    realms_of_clients = "".join(f" {realm} = {{\n  kdc = 127.0.0.1:{port}\n }}\n" for realm, port in ports.items())
    paths = "".join(f" {one} = {{\n  {other} = .\n }}\n" for one, other in ((CORP, FABRIKAM), (FABRIKAM, CORP)))
    (folder / "krb5.conf").write_text(
        f"[libdefaults]\n default_realm = {CORP}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
        " dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n"
        f" default_ccache_name = FILE:{folder}/operator.cache\n"
        f"[realms]\n{realms_of_clients}[domain_realm]\n .corp.test = {CORP}\n .fabrikam.test = {FABRIKAM}\n"
        f" .nowhere.test = NOWHERE.TEST\n[capaths]\n{paths}"
    )
    served = "".join(
        f" {realm} = {{\n  database_name = {folder}/{realm}.db\n  key_stash_file = {folder}/{realm}.stash\n"
        f"  acl_file = {folder}/kadm5.acl\n  kdc_listen = 127.0.0.1:{port}\n  kdc_tcp_listen = 127.0.0.1:{port}\n"
        "  max_life = 10h\n  supported_enctypes = aes256-cts:normal aes128-cts:normal\n }\n"
        for realm, port in ports.items()
    )
    (folder / "kdc.conf").write_text(f"[realms]\n{served}[logging]\n kdc = FILE:{folder}/kdc.log\n")


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(item.getsockname()[1]) for item in held]
    for item in held:
        item.close()
    return ports


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the KDC does not listen")
