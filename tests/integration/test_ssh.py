"""SSH against OpenSSH: certificates, agents, jump hosts, known_hosts and sudo, judged by those who made them."""

from __future__ import annotations

import hashlib
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.host_session import open_host
from reconciler.model.connection import Connection, ConnectionContext, Credential, Deadlines, Transport, Trust
from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    DeadlineExceeded,
    RemoteError,
    ScriptFailed,
    Unreachable,
    UntrustedPeer,
)
from reconciler.model.script import Script
from reconciler.model.secret import Secret, SecretRef
from tests.integration.hosts import Host, HostNetwork
from tests.integration.openssh import OpenSsh, keygen, missing, new_key, openssh

pytestmark = pytest.mark.integration
NAME = "px-lnx-1.example.net"
ONE = Script("linux/one.sh", "echo 1")
PASSWORD = "c0rrect horse-battery'"


class Given:
    """Resolves `secret://file/PATH` and takes the path of every other reference for the secret."""

    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(Path(reference.path).read_text("utf-8") if reference.scheme == "file" else reference.path)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenSsh]]:
    """Starts servers."""
    if missing():
        pytest.skip(missing())
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with ExitStack() as stack:
        yield lambda name, *settings: stack.enter_context(openssh(tmp_path / name, *settings))


def to(server: OpenSsh, **changes: Any) -> Connection:
    login = Credential("key", server.user, private_key=SecretRef("file", str(server.folder / "user")))
    trust = Trust(host_keys=(server.host_key,))
    connection = Connection("px-lnx-1", NAME, Transport.SSH, login, address="127.0.0.1", port=server.port, trust=trust)
    return replace(connection, **changes)


def log_in(connection: Connection, root: Path | str = "/") -> int:
    with open_host(connection, ConnectionContext(Given(), str(root))) as host:
        return int(host.execute(ONE, {}, deadline=30))


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_encrypted_keys(start: Callable[..., OpenSsh], tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").mkdir()
    new_key(tmp_path / "a/user", "s3cret phrase", kind)
    server = start("a")
    key = SecretRef("file", str(tmp_path / "a/user"))
    login = Credential("key", server.user, private_key=key, passphrase=SecretRef("test", "s3cret phrase"))
    assert log_in(to(server, credential=login)) == 1
    with pytest.raises(AuthenticationFailed, match="wrong"):
        log_in(to(server, credential=replace(login, passphrase=SecretRef("test", "another"))))


def test_a_user_certificate(start: Callable[..., OpenSsh], tmp_path: Path) -> None:
    new_key(tmp_path / "authority")
    server = start("a", f"TrustedUserCAKeys {tmp_path}/authority.pub", "AuthorizedKeysFile none")
    keygen("-s", tmp_path / "authority", "-I", "me", "-n", server.user, "-V", "+1h", server.folder / "user.pub")
    signed = Credential(
        "key", server.user, private_key=SecretRef("file", str(server.folder / "user")), certificate_file="user-cert.pub"
    )
    assert log_in(to(server, credential=signed), server.folder) == 1
    with pytest.raises(AuthenticationFailed):
        log_in(to(server, credential=replace(signed, certificate_file="")), server.folder)


def test_an_agent_with_several_keys(
    start: Callable[..., OpenSsh], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start("a")
    new_key(tmp_path / "other")
    place = str(tmp_path / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        agent.stdout.readline()  # it reports where it listens once it does
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        try:
            for key in (tmp_path / "other", server.folder / "user"):
                subprocess.run(["ssh-add", "-q", str(key)], check=True)
            assert log_in(to(server, credential=Credential("agent", server.user, agent=True))) == 1
        finally:
            agent.terminate()


def test_an_agent_with_more_keys_than_attempts(
    start: Callable[..., OpenSsh], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start("a")
    place = str(tmp_path / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        agent.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        try:
            for number in range(7):
                new_key(tmp_path / f"other{number}")
                subprocess.run(["ssh-add", "-q", str(tmp_path / f"other{number}")], check=True)
            with pytest.raises(AuthenticationFailed, match="Too many authentication failures") as caught:
                log_in(to(server, credential=Credential("agent", server.user, agent=True)))
        finally:
            agent.terminate()
    assert "MaxAuthTries" in caught.value.hint


def test_sixty_hosts_behind_one_address_with_the_default_limit(start: Callable[..., OpenSsh]) -> None:
    """OpenSSH drops connections at random from the eleventh one that has not logged in (MaxStartups 10:30:100)."""
    server = start("gateway", "MaxStartups 10:30:100")
    with ThreadPoolExecutor(60) as pool:
        results = list(pool.map(lambda number: log_in(to(server, name=f"px-{number}")), range(60)))
    assert results == [1] * 60


def test_a_server_that_takes_no_connection_says_so(start: Callable[..., OpenSsh]) -> None:
    server = start("full", "MaxStartups 1")
    with ExitStack() as stack:
        said = b""
        while said != b"SSH-":  # the first one that is let in
            waiting = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            said = waiting.recv(4)
        with pytest.raises(Unreachable, match="the host says: Exceeded MaxStartups") as caught:
            log_in(to(server, deadlines=Deadlines(connect=1.0)))
    assert "MaxStartups" in caught.value.hint


def test_a_second_factor_is_not_asked_for(start: Callable[..., OpenSsh], capfd: pytest.CaptureFixture[str]) -> None:
    server = start(
        "two", "AuthenticationMethods publickey,keyboard-interactive", "KbdInteractiveAuthentication yes", "UsePAM yes"
    )
    with pytest.raises(AuthenticationFailed, match="the key was accepted, and the host requires another factor"):
        log_in(to(server))
    assert server.logged("authenticating user") == 1
    assert capfd.readouterr() == ("", "")


def test_two_jump_hosts_and_everything_over_one_connection_each(start: Callable[..., OpenSsh], tmp_path: Path) -> None:
    outer, inner, target = (start(name) for name in ("outer", "inner", "target"))
    package = tmp_path / "proxy.deb"
    package.write_bytes(bytes(range(256)) * 40_000)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    first = to(outer, name="outer", host="outer.example.net")
    second = to(inner, name="inner", host="inner.example.net", jump=first)
    with open_host(to(target, jump=second), ConnectionContext(Given(), "/")) as host:
        for _ in range(3):
            assert host.execute(ONE, {}, deadline=30) == 1
        path = host.upload(package, digest, deadline=60)
        assert Path(path).stat().st_mode & 0o777 == 0o600
        size = Script("linux/size.sh", 'wc -c <"$arg_path"')
        assert host.execute(size, {"path": path}, deadline=30) == package.stat().st_size
        host.remove(path, deadline=30)
        assert not Path(path).exists()
    assert [server.logins() for server in (outer, inner, target)] == [1, 1, 1]


def test_a_jump_host_that_forwards_nothing(start: Callable[..., OpenSsh]) -> None:
    bastion, target = start("bastion", "AllowTcpForwarding no"), start("target")
    with pytest.raises(RemoteError) as caught:
        log_in(to(target, jump=to(bastion, name="bastion", host="bastion.example.net")))
    assert "rohibited" in caught.value.reason
    assert "AllowTcpForwarding" in caught.value.hint


_CONNECTED = (
    'import socket, sys; line = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); '
    "socket.send_fds(socket.socket(fileno=1), [bytes(1)], [line.fileno()])"
)
TRUST = {
    "key": "{names} {key}",
    "another key": "{names} {other}",
    "port alone": "[{host}]:{port} {key}",
    "another port": "[{host}]:1 {key}",
    "pattern": "*.example.net {key}",
    "not this one": "*.example.net,!{host},![{host}]:{port} {key}",
    "revoked": "{names} {key}\n@revoked * {key}",
    "tabs": " {names} {key}",
    "tabs: revoked": "{names} {key}\n@revoked * {key}",
    "tabs: authority": "@cert-authority *.example.net {authority}",
    "authority": "@cert-authority *.example.net {authority}",
    "authority by port": "@cert-authority [{host}]:{port} {authority}",
    "another authority": "@cert-authority *.example.net {other}",
    "authority of others": "@cert-authority *.example.org {authority}",
    "revoked authority": "@cert-authority * {authority}\n@revoked * {authority}",
    "revoked key with an authority": "@cert-authority * {authority}\n@revoked * {key}",
    "authority as a key": "{names} {authority}",
    "nothing": "",
}


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("case", TRUST)
def test_we_trust_whom_openssh_trusts(start: Callable[..., OpenSsh], tmp_path: Path, case: str, hashed: bool) -> None:
    authority, other = new_key(tmp_path / "authority"), new_key(tmp_path / "other")
    (tmp_path / "a").mkdir()
    new_key(tmp_path / "a/host")
    keygen("-s", tmp_path / "authority", "-h", "-I", "px", "-n", NAME, "-V", "+1h", tmp_path / "a/host.pub")
    server = start("a", f"HostCertificate {tmp_path}/a/host-cert.pub")
    names = f"[{NAME}]:{server.port},{NAME}"
    file = tmp_path / "known"
    text = TRUST[case].format(
        names=names, host=NAME, port=server.port, key=server.host_key, other=other, authority=authority
    )
    file.write_text((text.replace(" ", "\t") if case.startswith("tabs") else text) + "\n")
    if hashed:
        keygen("-H", "-f", file)
    theirs = subprocess.run(
        [
            *("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"),
            *("-o", f"UserKnownHostsFile={file}", "-o", "GlobalKnownHostsFile=none", "-o", "IdentitiesOnly=yes"),
            *("-o", "ProxyUseFdpass=yes", "-o", f"ProxyCommand={sys.executable} -Sc '{_CONNECTED}' {server.port}"),
            *("-i", str(server.folder / "user"), "-p", str(server.port), f"{server.user}@{NAME}", "true"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        ours = log_in(to(server, trust=Trust(known_hosts=("known",))), tmp_path) == 1
    except UntrustedPeer:
        ours = False
    assert ours == (theirs.returncode == 0), theirs.stderr


def test_a_hundred_megabytes_are_not_kept(start: Callable[..., OpenSsh]) -> None:
    server = start("a")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_host(to(server), ConnectionContext(Given(), "/")) as host:
        for where in ("1", "2"):
            with pytest.raises(BadAnswer, match="more than 4 MB"):
                host.execute(Script("linux/big.sh", f"head -c 100000000 /dev/zero >&{where}"), {}, deadline=120)
        assert host.execute(ONE, {}, deadline=30) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80_000


SUDOERS = {
    "password": "keeper ALL=(ALL) ALL",
    "terminal": "Defaults requiretty\nkeeper ALL=(ALL) ALL",
    "pty": "Defaults use_pty\nkeeper ALL=(ALL) ALL",
    "terminal and pty": "Defaults requiretty, use_pty\nkeeper ALL=(ALL) ALL",
    "nothing asked": "Defaults use_pty\nkeeper ALL=(ALL) NOPASSWD: ALL",
    "terminal, nothing asked": "Defaults requiretty\nkeeper ALL=(ALL) NOPASSWD: ALL",
}
LOOK = """\
set -eu
seen=$(printf %s "$arg_word" | grep -l -a -F -f - /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | wc -l)
printf '{"who":"%s","seen":%s,"rest":"%s","text":"' "$(id -un)" "$seen" "$(cat)"
printf %s "$arg_text" | od -An -v -tx1 | tr -d ' \\n'
printf '"}\\n'
echo noise >&2
"""


@pytest.fixture(scope="module")
def debian(ground: HostNetwork) -> Iterator[Host]:
    with ground.entered(), ground.hosts("px-sudo.example.net") as (host,):
        host.console("useradd -m -s /bin/bash keeper && chpasswd", f"keeper:{PASSWORD}\n")
        yield host


def over_sudo(host: Host, password: str = PASSWORD) -> Connection:
    return Connection(
        "px-sudo",
        host.name,
        Transport.SSH,
        Credential("sudo", "keeper", password=SecretRef("test", password), sudo=True),
        address=host.address,
        trust=Trust(host_keys=(host.host_key,)),
        deadlines=Deadlines(connect=30),
    )


@pytest.mark.parametrize("case", SUDOERS)
def test_sudo_takes_its_password_and_nobody_sees_it(debian: Host, case: str) -> None:
    debian.console("cat >/etc/sudoers.d/backup; chmod 440 /etc/sudoers.d/backup; visudo -cq", f"{SUDOERS[case]}\n")
    with open_host(over_sudo(debian), ConnectionContext(Given(), "/")) as host:
        for text in ("", "two\nlines", "é✓" * 20_000):
            params = {"word": Secret(PASSWORD), "text": text}
            answer = host.execute(Script("linux/look.sh", LOOK), params, deadline=60)
            assert bytes.fromhex(answer.pop("text")).decode() == text
            assert answer == {"who": "root", "seen": 0, "rest": ""}


@pytest.mark.parametrize("case", ["password", "terminal and pty"])
def test_sudo_that_refuses(debian: Host, case: str) -> None:
    lines = f"Defaults passwd_tries=1\n{SUDOERS[case]}\n"
    debian.console("cat >/etc/sudoers.d/backup; chmod 440 /etc/sudoers.d/backup; visudo -cq", lines)
    wrong = over_sudo(debian)
    with open_host(wrong, ConnectionContext(Given(), "/")) as host:
        debian.console("chpasswd", "keeper:changed-meanwhile\n")
        try:
            with pytest.raises(AuthenticationFailed) as caught:
                host.execute(ONE, {}, deadline=60)
        finally:
            debian.console("chpasswd", f"keeper:{PASSWORD}\n")
        assert "incorrect password" in caught.value.reason
        with pytest.raises(AuthenticationFailed, match="not tried"):
            host.execute(ONE, {}, deadline=60)
    debian.console("echo 'keeper ALL=(nobody) ALL' >/etc/sudoers.d/backup")
    again = ConnectionContext(Given(), "/")
    with open_host(wrong, again) as host, pytest.raises(AuthenticationFailed, match="not allowed"):
        host.execute(ONE, {}, deadline=60)


ROOT = "Wurzel $(id) 'é"


@pytest.fixture
def rooted(debian: Host) -> Iterator[Host]:
    """Root has a password, and keeper may not use sudo."""
    debian.console("rm -f /etc/sudoers.d/backup; chpasswd", f"root:{ROOT}\n")
    yield debian
    debian.console("passwd -l root; usermod -s /bin/bash keeper; sed -i '/# of a test/d' /etc/pam.d/su")


def over_su(host: Host, password: str = ROOT) -> Connection:
    login = Credential(
        "su", "keeper", password=SecretRef("test", PASSWORD), su=True, root_password=SecretRef("test", password)
    )
    return replace(over_sudo(host), credential=login)


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/dash"])
def test_su_takes_the_password_of_root_and_nobody_sees_it(rooted: Host, shell: str) -> None:
    rooted.console(f"usermod -s {shell} keeper")
    with open_host(over_su(rooted), ConnectionContext(Given(), "/")) as host:
        for text in ("", "two\nlines", "é✓" * 20_000):
            params = {"word": Secret(ROOT), "text": text}
            answer = host.execute(Script("linux/look.sh", LOOK), params, deadline=60)
            assert bytes.fromhex(answer.pop("text")).decode() == text
            assert answer == {"who": "root", "seen": 0, "rest": ""}
        with pytest.raises(ScriptFailed) as caught:
            host.execute(Script("linux/no.sh", "id -un >&2; exit 7"), {}, deadline=60)
        assert (caught.value.exit_code, caught.value.reason) == (7, "root")


def test_su_that_refuses(rooted: Host) -> None:
    context = ConnectionContext(Given(), "/")
    for number in range(2):
        wrong = replace(over_su(rooted, "wrong"), name=f"px-{number}")
        with open_host(wrong, context) as host, pytest.raises(AuthenticationFailed) as caught:
            host.execute(ONE, {}, deadline=60)
        assert ("did not accept root" if number else "su: Authentication failure") in caught.value.reason
    failures = "journalctl -b --no-pager | grep -c 'FAILED SU (to root) keeper'"
    assert rooted.console(failures).strip() == "1", "the second attempt was not made"
    rooted.console("sed -i '1i auth required pam_wheel.so group=root # of a test' /etc/pam.d/su")
    with open_host(over_su(rooted), context) as host, pytest.raises(AuthenticationFailed, match="Permission denied"):
        host.execute(ONE, {}, deadline=60)


@pytest.mark.parametrize("case", ["password", "terminal"])
def test_what_takes_too_long_is_ended_on_the_host_too(debian: Host, case: str) -> None:
    debian.console("cat >/etc/sudoers.d/backup; chmod 440 /etc/sudoers.d/backup; visudo -cq", f"{SUDOERS[case]}\n")
    with open_host(over_sudo(debian), ConnectionContext(Given(), "/")) as host:
        with pytest.raises(DeadlineExceeded):
            host.execute(Script("linux/slow.sh", "sleep 4711"), {}, deadline=3)
        debian.console("n=0; while pgrep -f 'sleep 4711$'; do n=$((n+1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done")
        assert host.execute(ONE, {}, deadline=60) == 1


def test_what_takes_too_long_is_ended_through_su_too(rooted: Host) -> None:
    with open_host(over_su(rooted), ConnectionContext(Given(), "/")) as host:
        with pytest.raises(DeadlineExceeded):
            host.execute(Script("linux/slow.sh", "sleep 4712"), {}, deadline=5)
        rooted.console("n=0; while pgrep -f 'sleep 4712$'; do n=$((n+1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done")
        assert host.execute(ONE, {}, deadline=60) == 1
