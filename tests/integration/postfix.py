"""Postfix on loopback, with TLS and SASL, as root: its master, its queue and its accounts in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("postfix", "postconf", "postmap", "saslpasswd2")
DOMAIN = "example.net"
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = smtp.{domain}
mydestination =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mails
virtual_mailbox_maps = texthash:{folder}/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 1
local_recipient_maps =
mynetworks =
maillog_file = /dev/stdout
maillog_file_prefixes = /dev
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {identity}
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
cyrus_sasl_config_path = {folder}/sasl
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_reject_unlisted_recipient = yes
"""
MASTER = """\
postlog unix-dgram n - n - 1 postlogd
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
"""
SASL = """\
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
sasldb_path: {folder}/accounts
"""


@dataclass
class Postfix:
    folder: Path
    port: int

    def mails(self, name: str) -> list[str]:
        """What is in the mailbox of NAME@DOMAIN, once it is."""
        box, end = self.folder / "mails" / name / "new", time.monotonic() + 60
        while not (box.is_dir() and list(box.iterdir())) and time.monotonic() < end:
            time.sleep(0.05)
        return [file.read_text("utf-8") for file in sorted(box.iterdir())]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")


def missing() -> str:
    """Why there can be none here; empty where nothing is known to stand in the way."""
    if os.geteuid() != 0:
        return "Postfix is started by root"
    absent = [name for name in PROGRAMS if shutil.which(name, path="/usr/sbin:/usr/bin") is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


@contextmanager
def postfix(folder: Path, identity: Path, accounts: Mapping[str, str], mailboxes: tuple[str, ...]) -> Iterator[Postfix]:
    """A server with `accounts` (name to password) that may send, and mailboxes NAME@DOMAIN. `identity` is a PEM with
    key and certificate. `folder` must be one that the account postfix can reach."""
    user = Path("/var/lib/postfix").stat().st_uid
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    for name in ("queue", "data", "mails", "sasl"):
        (folder / name).mkdir(parents=True)
    for name in ("data", "mails"):
        os.chown(folder / name, user, user)
    texts = {
        "main.cf": MAIN.format(folder=folder, domain=DOMAIN, uid=user, identity=identity),
        "master.cf": MASTER.format(port=port),
        "sasl/smtpd.conf": SASL.format(folder=folder),
        "mailboxes": "".join(f"{name}@{DOMAIN} {name}/\n" for name in mailboxes),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, "ascii")
    for name, password in accounts.items():
        subprocess.run(
            ["saslpasswd2", "-p", "-c", "-f", str(folder / "accounts"), "-u", f"smtp.{DOMAIN}", name],
            input=password,
            text=True,
            check=True,
        )
    if accounts:
        os.chown(folder / "accounts", user, user)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["postfix", "-c", str(folder), "start-fg"], stdout=log, stderr=log)
    try:
        _wait(port, process, folder)
        yield Postfix(folder, port)
    finally:
        process.terminate()
        process.wait(60)


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"Postfix did not start: {(folder / 'log').read_text('utf-8')}")
