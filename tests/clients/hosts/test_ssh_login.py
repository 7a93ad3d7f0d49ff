"""Connecting and logging in with SSH: who is believed, who is let in, and what is said when it does not work."""

from __future__ import annotations

import base64
import hmac
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from reconciler.clients.host_session import open_host, trusted_keys
from reconciler.clients.ssh.host_keys import HostKeys, fingerprint, kind_of
from reconciler.clients.ssh.login import load_key
from reconciler.model.connection import ConnectionContext, Credential, Deadlines, Trust
from reconciler.model.errors import AuthenticationFailed, RemoteError, Unreachable, UntrustedPeer
from reconciler.model.script import Script
from reconciler.model.secret import SecretRef
from tests.clients.hosts.conftest import PASSWORD, Connect
from tests.clients.hosts.secrets import Resolver
from tests.clients.hosts.sshd import Sshd
from tests.ports import refused_port

ONE = Script("linux/one.sh", "echo 1")
PLAIN = serialization.NoEncryption()


def log_in(connect: Connect, root: str = "/", **changes: object) -> int:
    with open_host(connect(**changes), ConnectionContext(Resolver(), root)) as host:
        return int(host.execute(ONE, {}, deadline=20))


def refusal(connect: Connect, root: str = "/", **changes: object) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        log_in(connect, root, **changes)
    assert caught.value.nothing_sent
    return caught.value


def blob(public: str) -> bytes:
    return base64.b64decode(public.split()[1])


def other_key(kind: str = "ssh-ed25519") -> str:
    return " ".join(asyncssh.generate_private_key(kind).export_public_key().decode().split()[:2])


def text_of(
    key: PrivateKeyTypes, form: serialization.PrivateFormat = serialization.PrivateFormat.OpenSSH, passphrase: str = ""
) -> str:
    locked = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else PLAIN
    return key.private_bytes(serialization.Encoding.PEM, form, locked).decode()


def public_of(text: str) -> str:
    return asyncssh.import_private_key(text).export_public_key().decode()


def test_a_pinned_key_lets_in(connect: Connect) -> None:
    assert log_in(connect) == 1


def test_a_key_among_several_pinned_ones_lets_in(sshd: Sshd, connect: Connect) -> None:
    keys = (other_key(), other_key("ecdsa-sha2-nistp256"), sshd.public)
    assert log_in(connect, trust=Trust(host_keys=keys)) == 1


def test_another_key_is_refused_with_both_fingerprints(sshd: Sshd, connect: Connect) -> None:
    pinned = other_key()
    error = refusal(connect, trust=Trust(host_keys=(pinned,)))
    assert isinstance(error, UntrustedPeer)
    assert fingerprint(blob(sshd.public)) in error.reason
    assert fingerprint(blob(pinned)) in error.reason
    assert sshd.public in error.hint
    assert sshd.logins == []


def test_an_unknown_key_is_refused_and_can_be_pinned_from_the_hint(sshd: Sshd, connect: Connect) -> None:
    error = refusal(connect, trust=Trust())
    assert isinstance(error, UntrustedPeer)
    assert "no key of this host is trusted yet" in error.reason
    pin = error.hint.partition('["')[2].partition('"]')[0]
    assert log_in(connect, trust=Trust(host_keys=(pin,))) == 1


@pytest.mark.parametrize("names", ["[{host}]:{port}", "{host}", "*.example.net", "other,{host}", "|1|"])
def test_known_hosts_of_the_operator(sshd: Sshd, connect: Connect, names: str) -> None:
    host, port = "px-lnx-1.example.net", sshd.port
    if names == "|1|":
        salt = b"0123456789abcdefghij"
        digest = hmac.new(salt, f"[{host}]:{port}".encode(), "sha1").digest()
        names = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    folder = Path.home() / ".ssh"
    folder.mkdir()
    line = f"{names.format(host=host, port=port)} {sshd.public} a comment"
    (folder / "known_hosts").write_text(f"# text\n@cert-authority *.example.net {other_key()}\n\n{line}\n")
    assert log_in(connect, trust=Trust()) == 1
    assert trusted_keys(connect(trust=Trust()), "/") == (blob(sshd.public),)


@pytest.mark.parametrize("names", ["[{host}]:{port}", "{host}"])
def test_known_hosts_by_the_name_that_the_host_proves(sshd: Sshd, connect: Connect, tmp_path: Path, names: str) -> None:
    (tmp_path / "known").write_text(f"{names.format(host='own.example.com', port=sshd.port)} {sshd.public}\n")
    trust = Trust(known_hosts=("known",))
    assert log_in(connect, str(tmp_path), trust=trust, verified_name="own.example.com") == 1
    for name in ("", "px-lnx-1.example.net"):
        assert isinstance(refusal(connect, str(tmp_path), trust=trust, verified_name=name), UntrustedPeer)


@pytest.mark.parametrize(
    "line", ["!px-lnx-1.example.net,*.example.net", "elsewhere.example.net", "[px-lnx-1.example.net]:1"]
)
def test_lines_about_other_hosts_do_not_count(sshd: Sshd, connect: Connect, tmp_path: Path, line: str) -> None:
    (tmp_path / "known").write_text(f"{line} {sshd.public}\n")
    assert isinstance(refusal(connect, str(tmp_path), trust=Trust(known_hosts=("known",))), UntrustedPeer)


def test_a_revoked_key_is_refused_even_when_it_is_pinned(sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "known").write_text(f"@revoked * {sshd.public}\n")
    trust = Trust(host_keys=(sshd.public,), known_hosts=("known",))
    assert "revoked" in refusal(connect, str(tmp_path), trust=trust).reason


@pytest.mark.parametrize("line", ["{name}\t{key}", "\t{name} \t {key}\tcomment\r", "\ufeff{name} {key}"])
def test_tabs_separate_words_of_known_hosts(sshd: Sshd, connect: Connect, tmp_path: Path, line: str) -> None:
    text = line.format(name="px-lnx-1.example.net", key=sshd.public)
    (tmp_path / "known").write_text(f"{text}\n", encoding="utf-8")
    assert log_in(connect, str(tmp_path), trust=Trust(known_hosts=("known",))) == 1


@pytest.mark.parametrize("line", ["@revoked\t*\t{key}", "@revoked *\t{key}", " \t@revoked\t* {key}"])
def test_a_key_is_revoked_with_tabs_too(sshd: Sshd, connect: Connect, tmp_path: Path, line: str) -> None:
    (tmp_path / "known").write_text(f"{line.format(key=sshd.public)}\n")
    trust = Trust(host_keys=(sshd.public,), known_hosts=("known",))
    assert "revoked" in refusal(connect, str(tmp_path), trust=trust).reason


def test_a_comment_does_not_begin_a_line(sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
    text = f"# a note\x0bpx-lnx-1.example.net {sshd.public}\n# a note\u2028px-lnx-1.example.net {sshd.public}\n"
    (tmp_path / "known").write_text(text, encoding="utf-8")
    assert isinstance(refusal(connect, str(tmp_path), trust=Trust(known_hosts=("known",))), UntrustedPeer)


def test_trust_that_cannot_be_read_is_said_so(connect: Connect) -> None:
    assert "cannot be read" in refusal(connect, trust=Trust(known_hosts=("nowhere",))).reason
    assert "is not a host key" in refusal(connect, trust=Trust(host_keys=("ssh-ed25519 AAAA",))).reason


def test_keys_are_read_as_what_they_call_themselves() -> None:
    assert kind_of(blob(other_key())) == "ssh-ed25519"
    assert kind_of(b"\0\0\0\xffshort") == ""
    assert HostKeys((blob(other_key()),)).kinds == ("ssh-ed25519",)


def test_a_wrong_password(sshd: Sshd, connect: Connect) -> None:
    login = Credential("linux", "backup", password=SecretRef("test", "wr0ng-horse"))
    error = refusal(connect, credential=login)
    assert isinstance(error, AuthenticationFailed)
    assert "wr0ng-horse" not in f"{error!r} {error.__cause__!r} {error.hint}"
    assert sshd.logins == ["backup password"]


def test_no_credential_at_all(connect: Connect) -> None:
    assert isinstance(refusal(connect, credential=None), AuthenticationFailed)


def test_nothing_of_the_operators_is_tried_unasked(sshd: Sshd, connect: Connect) -> None:
    text = text_of(ed25519.Ed25519PrivateKey.generate())
    sshd.keys["backup"] = [public_of(text)]
    folder = Path.home() / ".ssh"
    folder.mkdir()
    (folder / "id_ed25519").write_text(text)
    error = refusal(connect, credential=Credential("linux", "backup"))
    assert isinstance(error, AuthenticationFailed)
    assert "agent: true" in error.hint
    assert sshd.logins == []


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """An SSH agent, and how to give it one key in the place of what it has."""
    if shutil.which("ssh-agent") is None:
        pytest.skip("OpenSSH's ssh-agent is not installed")
    place = str(tmp_path / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", place)
    while not Path(place).exists():
        time.sleep(0.01)

    def hold(text: str) -> None:
        subprocess.run(["ssh-add", "-q", "-D"], check=True)
        subprocess.run(["ssh-add", "-q", "-"], input=text.encode(), check=True)

    yield hold
    process.terminate()
    process.wait()


def test_keys_of_the_agent_let_in_where_they_are_asked_for(
    sshd: Sshd, connect: Connect, agent: Callable[[str], None]
) -> None:
    texts = [text_of(ed25519.Ed25519PrivateKey.generate()) for _ in range(2)]
    sshd.keys["backup"] = [public_of(texts[1])]
    login = Credential("linux", "backup", password=SecretRef("test", PASSWORD), agent=True)
    assert "holds no key" in refusal(connect, credential=login).reason
    agent(texts[0])
    assert isinstance(refusal(connect, credential=login), AuthenticationFailed)
    agent(texts[1])
    assert log_in(connect, credential=login) == 1
    assert "backup password" not in sshd.logins


def test_an_agent_that_is_not_there(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    login = Credential("linux", "backup", agent=True)
    assert "SSH_AUTH_SOCK is not set" in refusal(connect, credential=login).reason
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nonexistent")
    assert isinstance(refusal(connect, credential=login), AuthenticationFailed)


def test_the_agent_of_windows_has_no_socket(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.clients.ssh.login.is_windows", lambda: True)
    monkeypatch.delattr(socket, "AF_UNIX")
    error = refusal(connect, credential=Credential("linux", "backup", agent=True))
    assert error.reason == "none runs, or it holds no key"
    assert "\n  Start-Service ssh-agent\n" in error.hint


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
def test_a_user_certificate_lets_in(sshd: Sshd, connect: Connect, tmp_path: Path, kind: str) -> None:
    authority, key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key(kind)
    sshd.authority = authority.export_public_key().decode()
    private = SecretRef("test", key.export_private_key().decode())
    cases: dict[str, tuple[dict[str, Any] | None, str]] = {
        "good": ({"principals": ["backup"]}, ""),
        "late": ({"principals": ["backup"], "valid_before": 1}, "is not valid now"),
        "host": (None, "no OpenSSH certificate of a user"),
    }
    for name, (options, said) in cases.items():
        file = tmp_path / f"{name}-cert.pub"
        make = authority.generate_host_certificate if options is None else authority.generate_user_certificate
        file.write_bytes(make(key, name, **(options or {})).export_certificate())
        login = Credential("linux", "backup", private_key=private, certificate_file=file.name)
        if said:
            assert said in refusal(connect, str(tmp_path), credential=login).reason
        else:
            assert log_in(connect, str(tmp_path), credential=login) == 1
    assert set(sshd.logins) == {"backup certificate"}


def test_a_certificate_that_cannot_be_used(connect: Connect, tmp_path: Path) -> None:
    key, other = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "other").write_bytes(other.generate_user_certificate(other, "x").export_certificate())
    (tmp_path / "text").write_text("text")
    private = SecretRef("test", key.export_private_key().decode())
    for name, said in {"other": "another key", "text": "no OpenSSH certificate", "none": "cannot be read"}.items():
        login = Credential("linux", "backup", private_key=private, certificate_file=name)
        error = refusal(connect, str(tmp_path), credential=login)
        assert isinstance(error, AuthenticationFailed)
        assert said in error.reason


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
@pytest.mark.parametrize("passphrase", ["", "s0me-passphrase"])
def test_a_private_key_lets_in(sshd: Sshd, connect: Connect, kind: str, passphrase: str) -> None:
    made: dict[str, PrivateKeyTypes] = {
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
        "rsa": rsa.generate_private_key(65537, 2048),
        "ecdsa": ec.generate_private_key(ec.SECP256R1()),
    }
    sshd.keys["backup"] = [public_of(text_of(made[kind]))]
    for form in (serialization.PrivateFormat.OpenSSH, serialization.PrivateFormat.PKCS8):
        login = Credential(
            "linux",
            "backup",
            password=SecretRef("test", PASSWORD),
            private_key=SecretRef("test", text_of(made[kind], form, passphrase)),
            passphrase=SecretRef("test", passphrase) if passphrase else None,
        )
        assert log_in(connect, credential=login) == 1
    assert set(sshd.logins) == {"backup key"}


def test_a_key_that_the_host_does_not_know(sshd: Sshd, connect: Connect) -> None:
    sshd.keys["backup"] = []
    text = text_of(ed25519.Ed25519PrivateKey.generate())
    login = Credential("linux", "backup", private_key=SecretRef("test", text), password=SecretRef("test", PASSWORD))
    assert isinstance(refusal(connect, credential=login), AuthenticationFailed)
    assert "backup password" not in sshd.logins


def test_keys_that_cannot_be_used_say_why() -> None:
    locked = text_of(ed25519.Ed25519PrivateKey.generate(), passphrase="right")
    odd = text_of(ed448.Ed448PrivateKey.generate(), serialization.PrivateFormat.PKCS8)
    cases = [
        (locked, None, "is encrypted"),
        (locked, "wrong", "passphrase of the private key is wrong"),
        ("no key", None, "cannot be read"),
        (odd, None, "is not supported with SSH"),
    ]
    for text, passphrase, said in cases:
        with pytest.raises(AuthenticationFailed) as caught:
            load_key(text, passphrase, "px")
        assert said in caught.value.reason
        assert text not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_passphrase_that_is_not_needed_does_no_harm() -> None:
    assert isinstance(load_key(text_of(ed25519.Ed25519PrivateKey.generate()), "extra", "px"), paramiko.Ed25519Key)


def test_a_refused_port(connect: Connect) -> None:
    with refused_port() as port:
        error = refusal(connect, port=port)
    assert isinstance(error, Unreachable)
    assert "refused" in error.reason


def test_a_peer_that_stays_silent(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = refusal(connect, port=listener.getsockname()[1], deadlines=Deadlines(connect=0.3))
    assert isinstance(error, Unreachable)


def test_a_name_that_does_not_resolve(connect: Connect) -> None:
    error = refusal(connect, address="nowhere.invalid", deadlines=Deadlines(connect=5))
    assert isinstance(error, Unreachable)
    assert "does not resolve" in error.reason


def test_settings_of_the_operator_have_no_part(connect: Connect) -> None:
    folder = Path.home() / ".ssh"
    folder.mkdir()
    (folder / "config").write_text("Host *\n  HostName 203.0.113.1\n  User nobody\n  ProxyCommand false\n")
    (Path.home() / ".fabric.yml").write_text("user: nobody\n")
    assert log_in(connect) == 1
