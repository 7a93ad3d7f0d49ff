"""Linux hosts: a real shell behind a real SSH server. fabric is the client, and the shipped scripts run as they are."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fabric
import paramiko
import pytest

from reconciler.clients.host_session import open_host
from reconciler.lab.fleet import DeployError
from reconciler.lab.hosts.linux import confine
from reconciler.lab.hosts.linux.accounts import LinuxAccounts
from reconciler.lab.hosts.linux.root import write_config
from reconciler.model.connection import ConnectionContext, Credential
from reconciler.model.errors import AuthenticationFailed, UntrustedPeer
from reconciler.model.script import Script
from reconciler.model.secret import SecretRef
from reconciler.package_data import shipped_script
from tests.lab.hosts.hosts_world import BUILD, PASSWORDS, SERVER, Given, World, hosts_world

PASSWORD = PASSWORDS["lnx"]
SUDO = Credential("c", "backup", password=SecretRef("lab", "p"), sudo=True)
FACTS = {"port": 9193, "server": SERVER}


confined = pytest.mark.skipif(not confine.is_possible(), reason="no user and mount namespaces can be made here")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with hosts_world(tmp_path_factory.mktemp("linux")) as made:
        yield made


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[World]:
    """A separate world, for tests that change it."""
    with hosts_world(tmp_path) as made:
        yield made


@contextmanager
def fabric_to(world: World, **login: Any) -> Iterator[fabric.Connection]:
    address, port = world.network.resolve(world.lnx.name, 22)
    arguments = {"allow_agent": False, "look_for_keys": False, **(login or {"password": PASSWORD})}
    link = fabric.Connection(
        address, "backup", port, config=fabric.Config(lazy=True), connect_kwargs=arguments, connect_timeout=5
    )
    link.client = paramiko.SSHClient()
    link.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    kind, key = world.lnx.public_key.split()
    link.client.get_host_keys().add(f"[{address}]:{port}", kind, paramiko.Ed25519Key(data=base64.b64decode(key)))
    try:
        yield link
    finally:
        link.client.close()


def facts(world: World, credential: Credential = SUDO) -> dict[str, Any]:
    with open_host(world.connection(world.lnx, credential), ConnectionContext(Given(p=PASSWORD), "/")) as session:
        found: dict[str, Any] = session.execute(shipped_script("linux/facts.sh"), FACTS, deadline=10)
        return found


def test_a_command_with_input_output_error_and_exit_code(world: World) -> None:
    with fabric_to(world) as link:
        done = link.run("cat; echo oops >&2; exit 7", in_stream=io.StringIO("in put\n"), hide=True, warn=True)
        assert (done.stdout, done.stderr, done.exited) == ("in put\n", "oops\n", 7)


def test_big_output(world: World) -> None:
    with fabric_to(world) as link:
        done = link.run("head -c 2000000 /dev/zero | tr '\\0' x", in_stream=False, hide=True)
        assert len(done.stdout) == 2_000_000


def test_input_that_nobody_reads(world: World) -> None:
    with fabric_to(world) as link:
        link.open()
        channel = link.transport.open_session()
        channel.exec_command("exit 3")
        with suppress(OSError):  # the channel may be closed before all is sent
            channel.sendall(b"y" * 500_000)
        assert channel.recv_exit_status() == 3
        channel.close()


def test_a_command_ended_by_a_signal(world: World) -> None:
    with fabric_to(world) as link:
        assert link.run("kill -9 $$", in_stream=False, hide=True, warn=True).exited == 128 + 9


def test_nothing_of_the_lab_is_in_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBO_PASSWORD", "canary")
    with fabric_to(world) as link:
        shown = link.run("env", in_stream=False, hide=True).stdout
    names = {line.partition("=")[0] for line in shown.splitlines()}
    assert names <= {"PATH", "HOME", "USER", "LOGNAME", "LAB_USER", "LANG", "VBO_RECONCILE_ROOT", "PWD", "SHLVL", "_"}


def test_no_interactive_shell(world: World) -> None:
    with fabric_to(world) as link:
        link.open()
        channel = link.client.invoke_shell()
        assert channel.recv_exit_status() == 1
        channel.close()


def test_login_with_a_key(world: World) -> None:
    key = paramiko.Ed25519Key.from_private_key_file(str(world.folder / "id"))
    with fabric_to(world, pkey=key) as link:
        assert link.run("id", in_stream=False, hide=True).stdout.startswith("uid=1000(backup)")


def test_refused_logins(world: World) -> None:
    stranger = paramiko.Ed25519Key.from_private_key_file(str(world.lnx.key_file))
    for login in ({"password": "wrong"}, {"pkey": stranger}):
        with fabric_to(world, **login) as link, pytest.raises(paramiko.AuthenticationException):
            link.open()


@pytest.mark.parametrize(
    ("command", "stdin", "out", "code"),
    [
        ("sudo -S -k -p '' -- sh -c 'id; cat'", f"{PASSWORD}\nrest", "uid=0(root) gid=0(root) groups=0(root)\nrest", 0),
        ("sudo -S -k -p '' -- id", "wrong\n", "", 1),
        ("sudo -S -k -p '' -- id", "", "", 1),
        ("sudo -n -- id", "", "", 1),
        ("sudo -S -u root id -un", f"wrong\n{PASSWORD}\n", "root\n", 0),
        ("sudo -Su root -p '' id -un", "wrong\n" * 3, "", 1),
        ("sudo -k", "", "", 0),
        ("sudo -Sv", f"{PASSWORD}\n", "", 0),
        ("sudo --stdin --user=root A=b sh -c 'echo $A ${HOME##*/} $SUDO_USER'", f"{PASSWORD}\n", "b root backup\n", 0),
        ("sudo -HS -u backup id -un", f"{PASSWORD}\n", "backup\n", 0),
        ("sudo -S -s 'id -un; echo $0'", f"{PASSWORD}\n", "root\n/bin/sh\n", 0),
        ("sudo -S -u eve id", "", "", 1),
        ("sudo -S nothing", f"{PASSWORD}\n", "", 1),
        ("sudo --host=a id", "", "", 1),
        ("sudo id", "", "", 1),
        # Ansible's become, with and without a password
        (
            "sudo -H -S -p '[sudo via ansible, key=abc] password:' -u root /bin/sh -c 'echo BECOME-SUCCESS-a ; id -un'",
            f"{PASSWORD}\n",
            "BECOME-SUCCESS-a\nroot\n",
            0,
        ),
        ("sudo -H -S -n -u root /bin/sh -c 'echo BECOME-SUCCESS-abc ; id -un'", "", "", 1),
    ],
)
def test_sudo(world: World, command: str, stdin: str, out: str, code: int) -> None:
    with fabric_to(world) as link:
        done = link.run(command, in_stream=io.StringIO(stdin), hide=True, warn=True)
        assert (done.stdout, done.exited) == (out, code)


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("", ""),
        ("%p@%h for %U: ", "backup@px-lnx-1 for root: "),
        ("100%% %u", "100% backup"),
        (None, "[sudo] password for backup: "),
    ],
)
def test_the_prompt_of_sudo(world: World, prompt: str | None, shown: str) -> None:
    option = "" if prompt is None else f"-p {shlex.quote(prompt)}"
    with fabric_to(world) as link:
        done = link.run(f"sudo -S {option} true", in_stream=io.StringIO(f"{PASSWORD}\n"), hide=True)
        assert done.stderr == shown


def in_terminal(world: World, command: str, *answers: tuple[bytes, str]) -> tuple[bytes, int]:
    """What a terminal shows, and the exit code. `answers` are typed after what they answer was shown."""
    with fabric_to(world) as link:
        link.open()
        channel = link.transport.open_session()
        channel.settimeout(60)
        channel.get_pty("xterm", 100, 30)
        channel.exec_command(command)
        shown = b""
        for question, answer in answers:
            while question not in shown:
                more = channel.recv(4096)
                assert more, shown
                shown += more
            channel.sendall(answer.encode())
        while more := channel.recv(4096):
            shown += more
        code = channel.recv_exit_status()
        channel.close()
    return shown, code


def test_a_terminal(world: World) -> None:
    shown, code = in_terminal(world, "test -t 0 && echo out; echo error >&2; echo $TERM; stty size; exit 5")
    assert (shown, code) == (b"out\r\nerror\r\nxterm\r\n30 100\r\n", 5)


def test_sudo_reads_from_the_terminal_and_shows_no_password(world: World) -> None:
    ask = b"[sudo] password for backup: "
    shown, code = in_terminal(world, "sudo id -un", (ask, "wrong\n"), (b"again.\r\n" + ask, f"{PASSWORD}\n"))
    assert (shown, code) == (ask + b"\r\nSorry, try again.\r\n" + ask + b"\r\nroot\r\n", 0)


def test_a_terminal_that_is_gone_ends_its_command(world: World) -> None:
    with fabric_to(world) as link:
        link.open()
        channel = link.transport.open_session()
        channel.get_pty()
        there = "${VBO_RECONCILE_ROOT-}/tmp/hung-up"  # where commands cannot be confined, they see this machine
        channel.exec_command(f"trap 'echo gone >{there}; exit' HUP; echo ready; while :; do sleep 1; done")
        assert channel.recv(5) == b"ready"
    file = world.lnx.root / "tmp/hung-up"
    for _ in range(1200):
        if file.exists() and file.read_text():
            break
        time.sleep(0.05)
    assert file.read_text() == "gone\n"


def test_sftp_sees_the_root_of_the_host_alone(world: World) -> None:
    with fabric_to(world) as link:
        link.put(io.BytesIO(b"x"), "/tmp/file")
        link.put(io.BytesIO(b"x"), "../../../../tmp/other")
    assert (world.lnx.root / "tmp/file").read_bytes() == (world.lnx.root / "tmp/other").read_bytes() == b"x"


@confined
@pytest.mark.parametrize(
    "folder", ["/etc", "/opt", "/var/lib", "/tmp", "/root", "/home/backup", ""], ids=lambda folder: folder or "home"
)
def test_a_shell_sees_the_same_root_as_sftp(world: World, folder: str) -> None:
    name = f"{folder}/a file" if folder else "a file"
    with fabric_to(world) as link:
        link.put(io.BytesIO(b"sent"), name)
        shown = link.run(f"cat '{name}' && printf ' and answered' >>'{name}'", in_stream=False, hide=True)
        taken = io.BytesIO()
        link.get(name, taken)
    assert (shown.stdout, taken.getvalue()) == ("sent", b"sent and answered")
    assert (world.lnx.root / (folder or "/home/backup").lstrip("/") / "a file").read_bytes() == b"sent and answered"


@confined
def test_a_shell_sees_this_machines_programs_and_cannot_change_them(world: World, tmp_path: Path) -> None:
    (tmp_path / "own").write_text("x")
    with fabric_to(world) as link:
        for command in (
            f"cat {tmp_path}/own",
            "touch /usr/bin/lab",
            "mount -o remount,rw /usr/bin",
            "ls /.lab-old/etc",
        ):
            assert link.run(command, in_stream=False, hide=True, warn=True).exited != 0, command
        assert link.run("bash -c 'echo $PWD; cat /etc/hostname'", in_stream=False, hide=True).stdout.split() == [
            "/home/backup",
            world.lnx.name,
        ]


def test_where_commands_cannot_be_confined_they_are_told_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setattr(confine, "is_possible", lambda: False)
    with hosts_world(tmp_path) as other:
        with fabric_to(other) as link:
            shown = link.run('echo "$VBO_RECONCILE_ROOT" "$HOME"; pwd', in_stream=False, hide=True).stdout.split()
        root = str(other.lnx.root)
        assert shown == [root, f"{root}/home/backup", f"{root}/home/backup"]
        found, wanted = facts(other), facts(world)
    for item in (found, wanted):
        del item["clock"], item["server"]
    assert found == wanted


@pytest.mark.parametrize("path", ["/a b/c", "/tab\there", "/back\\slash", "/#"])
def test_a_place_with_any_name_can_be_mounted(path: str) -> None:
    line = confine._line(Path(path), Path(path), "bind")
    real, place, *rest = line.split(" ")
    assert rest == ["none", "bind", "0", "0\n"]
    assert real == place == confine._escaped(Path(path))
    assert real.encode().decode("unicode_escape") == path


def test_a_root_whose_name_is_not_utf_8_can_be_mounted(tmp_path: Path) -> None:
    root = tmp_path / "root\udcff"
    root.mkdir()
    confine._confining(root, tmp_path / "table")
    assert b"root\xff" in (tmp_path / "table").read_bytes()


@pytest.mark.parametrize("command", ["systemctl reboot", "apt-get install x", "iptables -F", "useradd x"])
def test_the_real_machine_is_out_of_reach(world: World, command: str) -> None:
    with fabric_to(world) as link:
        done = link.run(command, in_stream=False, hide=True, warn=True)
        assert (done.exited != 0, "lab:" in done.stderr) == (True, True)


def test_facts_of_a_fresh_host(world: World) -> None:
    found = facts(world)
    found.pop("clock")
    assert found.pop("disk")["free_gb"] >= 0
    assert found == {
        "os": {
            "family": "linux",
            "id": "ubuntu",
            "version": "22.04",
            "release": "ubuntu 22.04",
            "name": "Ubuntu 22.04.4 LTS",
        },
        "host": {"name": "px-lnx-1", "fqdn": "px-lnx-1.example.net"},
        "account": {"user": "root", "admin": True},
        "dotnet": {"runtime": ["8.0.11"], "aspnet": ["8.0.11"]},
        "firewall": {"kind": "ufw", "port": "9193 closed"},
        "reboot": {"pending": False, "reasons": []},
        "mail": {"server": "", "reachable": None},
        "certificates": {"ends": []},
        "server": {
            "name": SERVER,
            "addresses": [world.network.resolve(SERVER, 4443)[0]],
            "reverse": [SERVER],
        },
        "service": {"installed": False, "version": None, "state": "missing", "start": "missing", "listening": False},
    }


def test_facts_follow_what_happens(changed: World) -> None:
    host = changed.lnx
    with open_host(changed.connection(host, SUDO), ConnectionContext(Given(p=PASSWORD), "/")) as session:
        answer = session.execute(shipped_script("linux/open-port.sh"), {"port": 9193}, deadline=10)
    assert answer == {"port": 9193, "rule": "ufw"}
    changed.fleet.deploy(changed.order(host))
    host.change("free-gb", "2")
    host.change("reboot", "pending")
    host.change("clock", "-600")
    found = facts(changed)
    assert found["firewall"]["port"] == "9193 open"
    assert found["disk"] == {"free_gb": 2}
    assert found["reboot"]["pending"] is True
    running = {"installed": True, "version": BUILD, "state": "running", "start": "automatic", "listening": True}
    assert found["service"] == running
    host.change("service", "stopped")
    host.change("firewall", "off")
    found = facts(changed)
    assert found["service"] == running | {"state": "stopped", "listening": False}
    assert found["firewall"] == {"kind": "none", "port": "9193 open"}


def test_what_a_command_changes_is_in_effect_when_it_ends(changed: World) -> None:
    changed.lnx.change("firewall", "open")
    changed.fleet.deploy(changed.order(changed.lnx))
    with fabric_to(changed) as link:
        for verb, version in (("stop", None), ("start", BUILD)):
            command = f"sudo -S -k -p '' -- systemctl {verb} Veeam.Archiver.Proxy"
            link.run(command, in_stream=io.StringIO(f"{PASSWORD}\n"), hide=True)
            assert changed.version(changed.lnx) == version


def test_a_user_without_sudo_is_told_so(world: World) -> None:
    plain = Credential("c", "backup", password=SecretRef("lab", "p"))
    assert facts(world, plain)["account"] == {"user": "backup", "admin": False}
    with pytest.raises(DeployError) as refused:
        world.fleet.deploy(world.order(world.lnx, ssh=world.ssh(elevateAccountToRoot=False)))
    assert refused.value.code == "sudo"


SU = Credential("c", "backup", password=SecretRef("lab", "p"), su=True, root_password=SecretRef("lab", "root"))
BY_SU = {"UseSuIfSudoUnavailable": True, "rootPassword": "r00t"}


def ask_by_su(world: World, given: str = "r00t") -> Any:
    context = ConnectionContext(Given(p=PASSWORD, root=given), "/")
    with open_host(world.connection(world.lnx, SU), context) as host:
        return host.execute(shipped_script("linux/facts.sh"), FACTS, deadline=5)


def test_su_takes_the_password_of_root(changed: World) -> None:
    with pytest.raises(AuthenticationFailed, match="Authentication failure"):
        ask_by_su(changed)  # root has no password
    changed.lnx.accounts.adopt("root", password="r00t")
    assert ask_by_su(changed)["account"] == {"user": "root", "admin": True}
    for given, switch, said in (
        ("wrong", "works", "Authentication failure"),
        ("r00t", "locked", "Authentication failure"),
        ("r00t", "denied", "Permission denied"),
    ):
        changed.lnx.change("su", switch)
        with pytest.raises(AuthenticationFailed, match=said):
            ask_by_su(changed, given)
    changed.lnx.change("su", "works")
    assert ask_by_su(changed)["account"]["admin"] is True


def test_root_of_the_real_machine_is_out_of_reach(world: World) -> None:
    with fabric_to(world) as link:
        done = link.run("su -c 'echo in'", in_stream=io.StringIO("guessed\n"), hide=True, warn=True)
    assert (done.exited, done.stdout, done.stderr) == (1, "", "Password: su: Authentication failure\n")


def test_the_server_takes_su_where_sudo_is_unavailable(changed: World) -> None:
    changed.lnx.change("firewall", "open")
    changed.lnx.change("sudo", "refused")
    changed.lnx.accounts.adopt("root", password="r00t")
    for settings in ({}, {**BY_SU, "rootPassword": "wrong"}):
        with pytest.raises(DeployError) as refused:
            changed.fleet.deploy(changed.order(changed.lnx, ssh=changed.ssh(**settings)))
        assert refused.value.code == "sudo"
    changed.fleet.deploy(changed.order(changed.lnx, ssh=changed.ssh(**BY_SU)))
    assert changed.version(changed.lnx) == BUILD


def test_the_server_tries_sudo_first(changed: World) -> None:
    changed.lnx.change("firewall", "open")
    changed.fleet.deploy(changed.order(changed.lnx, ssh=changed.ssh(**BY_SU)))  # root has no password
    assert changed.version(changed.lnx) == BUILD


def test_switches_that_a_client_meets(changed: World) -> None:
    changed.lnx.change("host-key", "changed")
    with pytest.raises(UntrustedPeer):
        facts(changed)
    changed.lnx.change("host-key", "right")
    changed.lnx.change("wrong-password", "yes")
    with pytest.raises(AuthenticationFailed):
        facts(changed)
    changed.lnx.change("wrong-password", "no")
    changed.lnx.change("sudo", "refused")
    with pytest.raises(AuthenticationFailed, match="sudo"):
        facts(changed)
    changed.lnx.change("sudo", "free")
    assert facts(changed, Credential("c", "backup", password=SecretRef("lab", "p")))["account"]["admin"] is False


@pytest.mark.parametrize("name", ["..", "a/b", "", "x:y"])
def test_names_that_are_no_accounts(tmp_path: Path, name: str) -> None:
    accounts = LinuxAccounts(tmp_path)
    if name != "..":
        with pytest.raises(ValueError, match="cannot be the name"):
            accounts.adopt(name, password="x")
    assert accounts.keys(name) == ()


def test_a_configuration_that_is_broken_is_no_installation(changed: World) -> None:
    changed.lnx.change("owner", SERVER)
    assert changed.lnx.installed() is not None
    write_config(changed.lnx.root, {"port": "x"})
    assert changed.lnx.installed() is None


def test_the_commands_are_shell_without_surprises(world: World) -> None:
    """Each one parses, and answers from the root folder that it is given."""
    folder = world.lnx.root / "lab-bin"
    for command in sorted(folder.iterdir()):
        subprocess.run(["/bin/sh", "-n", str(command)], check=True)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "VBO_RECONCILE_ROOT": str(world.lnx.root), "LAB_USER": "root"}
    shown = subprocess.run(["dotnet", "--list-runtimes"], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[0] == (
        "Microsoft.AspNetCore.App 8.0.11 [/usr/share/dotnet/shared/Microsoft.AspNetCore.App]"
    )


def test_nothing_secret_is_in_the_state(world: World) -> None:
    assert PASSWORD not in json.dumps(world.lnx.state)
    shadow = world.lnx.root / "etc/lab-shadow"
    assert (PASSWORD in shadow.read_text(), shadow.stat().st_mode & 0o077, world.lnx.root.stat().st_mode & 0o077) == (
        False,
        0,
        0,
    )


def test_files_are_taken_over_sftp_where_scripts_find_them(world: World, tmp_path: Path) -> None:
    package = tmp_path / "proxy.deb"
    package.write_bytes(b"content" * 1000)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    script = Script("linux/size.sh", 'wc -c <"$arg_path"')
    with open_host(world.connection(world.lnx, SUDO), ConnectionContext(Given(p=PASSWORD), "/")) as session:
        path = session.upload(package, digest, deadline=10)
        assert session.execute(script, {"path": path}, deadline=10) == 7000
        session.remove(path, deadline=10)
    assert not Path(path).exists()


@pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH's ssh is not installed")
def test_openssh_runs_commands_and_knows_the_host_by_its_key(world: World, tmp_path: Path) -> None:
    address, port = world.network.resolve(world.lnx.name, 22)
    asked = tmp_path / "ask"
    asked.write_text(f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(PASSWORD)}\n")
    asked.chmod(0o700)
    known = tmp_path / "known_hosts"
    command = [
        *("ssh", "-F", "none", "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none"),
        *("-o", "StrictHostKeyChecking=yes", "-o", "PubkeyAuthentication=no", "-p", str(port)),
        *(f"backup@{address}", 'cat; echo "$LAB_USER" >&2; exit 7'),
    ]
    environment = {"PATH": os.environ["PATH"], "SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force"}
    known.write_text("")
    refused = subprocess.run(command, input="", text=True, capture_output=True, check=False, env=environment)
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr
    known.write_text(f"[{address}]:{port} {world.lnx.public_key}\n")
    done = subprocess.run(command, input="in put\n", text=True, capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (7, "in put\n", "backup\n")
