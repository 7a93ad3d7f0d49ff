"""Accounts and machines of other administrators: they work, or what OpenSSH or the login shell says arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.host_session import open_host
from reconciler.model.connection import Connection, ConnectionContext, Credential, Deadlines, Transport, Trust
from reconciler.model.errors import AuthenticationFailed, BadAnswer, RemoteError, Unavailable
from reconciler.model.script import Script
from reconciler.model.secret import Secret, SecretRef
from reconciler.package_data import shipped_script
from tests.integration.hosts import Host, HostNetwork
from tests.integration.openssh import new_key

pytestmark = pytest.mark.integration
PASSWORD = "c0rrect horse-battery'"
ONE = Script("linux/one.sh", "echo 1")


class Given:
    """Resolves `secret://file/PATH` and takes the path of every other reference for the secret."""

    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(Path(reference.path).read_text("utf-8") if reference.scheme == "file" else reference.path)


@pytest.fixture(scope="module")
def host(ground: HostNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with ground.entered(), ground.hosts("px-odd.example.net") as (made,):
        made.console("ln -s /usr/bin/busybox /usr/local/bin/ash")
        made.know({"vbo.example.net": "192.0.2.1"})  # no name server answers there
        made.console("cat >/etc/ssh/sshd_config.d/test.conf", SETTINGS)
        made.console("systemctl restart ssh")
        made.wait()
        yield made


@pytest.fixture
def keeper(host: Host, tmp_path: Path) -> Iterator[Connection]:
    """How to log in with a new account, by key; sudo asks it for nothing."""
    public = new_key(tmp_path / "key")
    host.console("useradd -m -s /bin/bash keeper && chpasswd", f"keeper:{PASSWORD}\n")
    host.console("echo 'keeper ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/keeper; chmod 440 /etc/sudoers.d/keeper")
    host.console("install -d -m755 /srv/keys; cat >/srv/keys/keeper", f"{public}\n")
    yield Connection(
        "px-odd",
        host.name,
        Transport.SSH,
        Credential("key", "keeper", private_key=SecretRef("file", str(tmp_path / "key"))),
        address=host.address,
        trust=Trust(host_keys=(host.host_key,)),
        deadlines=Deadlines(connect=30),
    )
    host.console("rm -f /etc/nologin; pkill -KILL -u keeper; userdel -f -r keeper 2>/dev/null; :")


SETTINGS = """Port 22
Port 2201
Port 2202
Port 2203
Port 2204
Port 2205
AuthorizedKeysFile /srv/keys/%u
KbdInteractiveAuthentication yes
PasswordAuthentication no
PermitTTY no
Match LocalPort 2201
  ForceCommand internal-sftp
Match LocalPort 2202
  ForceCommand echo Only backups here
Match LocalPort 2203
  DenyUsers keeper
Match LocalPort 2204
  ChrootDirectory /srv
Match LocalPort 2205
  MaxSessions 0
"""


def with_sudo(connection: Connection) -> Connection:
    assert connection.credential is not None
    return replace(connection, credential=replace(connection.credential, sudo=True))


def run(connection: Connection, script: Script = ONE, **arguments: Any) -> Any:
    with open_host(connection, ConnectionContext(Given(), "/")) as host:
        return host.execute(script, arguments, deadline=60)


def refusal(connection: Connection) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        run(connection)
    return caught.value


ACCOUNTS: dict[str, tuple[str, type[RemoteError], str, str]] = {
    "account expired": ("chage -E 0 keeper", AuthenticationFailed, "Your account has expired", "chage -l"),
    "password expired": ("chage -d 0 keeper", AuthenticationFailed, "password has expired", "chage -l"),
    "nologin as the shell": (
        "usermod -s /usr/sbin/nologin keeper",
        BadAnswer,
        "This account is currently not available.",
        "login shell",
    ),
    "false as the shell": ("usermod -s /bin/false keeper", BadAnswer, "no shell (exit code 1)", "login shell"),
    "no such shell": ("usermod -s /bin/gone keeper", AuthenticationFailed, "does not accept", "login shell must exist"),
    "maintenance": ("echo Closed until noon. >/etc/nologin", AuthenticationFailed, "Closed until noon.", "nologin"),
    "a shell that ends": ("echo 'echo go away; exit 3' >~keeper/.bashrc", BadAnswer, "go away", ".bashrc"),
}


@pytest.mark.parametrize("case", ACCOUNTS)
def test_an_account_that_may_not_log_in(host: Host, keeper: Connection, case: str) -> None:
    command, kind, reason, hint = ACCOUNTS[case]
    host.console(command)
    for connection in (keeper, with_sudo(keeper)):
        error = refusal(connection)
        assert (type(error), reason in error.reason, hint in error.hint) == (kind, True, True), repr(error)


PORTS: dict[int, tuple[type[RemoteError], str, str]] = {
    2201: (BadAnswer, "This service allows sftp connections only.", "login shell"),
    2202: (BadAnswer, "Only backups here", "login shell"),
    2203: (AuthenticationFailed, "the host does not accept this user", "AllowUsers"),
    2204: (BadAnswer, "/bin/bash: No such file or directory", "login shell"),
    2205: (Unavailable, "", "MaxSessions"),
}


@pytest.mark.parametrize("port", PORTS)
def test_an_account_that_may_not_run_commands(keeper: Connection, port: int) -> None:
    kind, reason, hint = PORTS[port]
    for connection in (keeper, with_sudo(keeper)):
        error = refusal(replace(connection, port=port))
        assert (type(error), reason in error.reason, hint in error.hint) == (kind, True, True), repr(error)


def test_a_password_that_is_asked_for_by_keyboard_interactive(keeper: Connection) -> None:
    login = Credential("password", "keeper", password=SecretRef("test", PASSWORD))
    assert run(replace(keeper, credential=login)) == 1
    error = refusal(replace(keeper, credential=replace(login, password=SecretRef("test", "wrong"))))
    assert (type(error), "with this password" in error.reason) == (AuthenticationFailed, True)


def test_a_sudo_that_requires_the_terminal_that_sshd_refuses(host: Host, keeper: Connection) -> None:
    host.console("sed -i '1i Defaults requiretty' /etc/sudoers.d/keeper")
    error = refusal(with_sudo(keeper))
    assert "requiretty" in f"{error.reason} {error.hint}", repr(error)
    assert "PermitTTY" in f"{error.reason} {error.hint}", repr(error)


def test_a_port_of_another_service(host: Host, keeper: Connection) -> None:
    host.console(
        "systemd-run -q --unit other busybox nc -ll -p 2525 -e echo 220 mail ESMTP; "
        "n=0; until ss -ltn | grep -q :2525; do n=$((n+1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done"
    )
    error = refusal(replace(keeper, port=2525))
    assert (type(error), "it says: 220 mail ESMTP" in error.reason) == (BadAnswer, True), repr(error)


SHELLS = {
    "csh that prints": "usermod -s /bin/csh keeper; echo 'echo Welcome' >~keeper/.cshrc",
    "fish that prints": "usermod -s /usr/bin/fish keeper; mkdir -p ~keeper/.config/fish; "
    "echo 'echo Welcome; echo welcome >&2' >~keeper/.config/fish/config.fish; chown -R keeper ~keeper/.config",
    "ash of busybox": "usermod -s /usr/local/bin/ash keeper",
    "restricted bash": "usermod -s /bin/rbash keeper",
    "a question at a terminal only": "echo '[ ! -t 0 ] || read -p project? p' >~keeper/.bashrc",
    "another umask, a tiny PATH": "mkdir -p /opt/tiny; ln -sf /bin/sh /bin/env /bin/sudo /opt/tiny/; "
    "printf 'umask 000\\nPATH=/opt/tiny\\nunset TERM HOME\\n' >~keeper/.bashrc",
    "a locale that is not installed": "echo 'export LC_ALL=xx_YY.UTF-8 LANG=xx_YY' >~keeper/.bashrc",
    "a command that is not found": "echo 'gone-tool --init' >~keeper/.bashrc",
    "no home": "rm -rf ~keeper",
}


@pytest.mark.parametrize("case", SHELLS)
def test_a_login_shell_of_another_kind(host: Host, keeper: Connection, case: str) -> None:
    host.console(SHELLS[case])
    for connection, is_root in ((keeper, False), (with_sudo(keeper), True)):
        shown = run(connection, shipped_script("linux/facts.sh"), port=9193, server="vbo.example.net")
        assert shown["os"]["id"] == "debian"
        assert shown["account"]["admin"] is is_root
        assert run(connection, Script("linux/umask.sh", "printf '\"%s\"' $(umask)")) == "0077"


def test_a_login_shell_that_asks_ends_with_what_it_asks(host: Host, keeper: Connection) -> None:
    host.console("printf 'echo Which project?\\nread p\\n' >~keeper/.bashrc")
    with open_host(keeper, ConnectionContext(Given(), "/")) as session, pytest.raises(BadAnswer) as caught:
        session.execute(ONE, {}, deadline=2)
    assert "it printed: Which project?" in caught.value.reason
    assert ".bashrc" in caught.value.hint


def test_a_machine_without_the_usual_programs(host: Host, keeper: Connection) -> None:
    """No hostname, no getent, no systemd, no ss; /tmp read-only, /var full: each hides its own fact alone."""
    gone = ("hostname", "getent", "systemctl", "ss", "firewall-cmd")
    for name in gone:
        host.console(f"mv $(command -v {name}) /root/{name}.kept")
    host.console(
        "mount -t tmpfs -o ro none /tmp; mount -t tmpfs -o size=64k none /var/tmp; head -c 70000 /dev/zero "
        ">/var/tmp/full || :"
    )
    try:
        shown = run(with_sudo(keeper), shipped_script("linux/facts.sh"), port=9193, server="vbo.example.net")
    finally:
        host.console("umount /tmp /var/tmp")
        for name in gone:
            host.console(f"mv /root/{name}.kept /usr/bin/{name}")
    assert shown["host"]["name"] == "px-odd"
    assert (shown["server"]["addresses"], shown["service"]["state"], shown["service"]["listening"]) == (
        None,
        None,
        None,
    )
    assert (shown["os"]["id"], shown["account"]["admin"]) == ("debian", True)
    assert shown["disk"]["free_gb"] >= 0
