"""The shipped shell scripts, run for real on hosts that are a folder and a table of commands."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.ssh import posix_shell
from reconciler.requirements.facts import parse
from tests.hosts.documents import NOW
from tests.hosts.linux import Linux
from tests.ports import refused_port
from tests.programs import program

UFW = """Status: active
Logging: on (low)
Default: {default} (incoming), allow (outgoing), disabled (routed)
New profiles: skip

To                         Action      From
--                         ------      ----
22/tcp                     ALLOW IN    Anywhere
{rules}
22/tcp (v6)                ALLOW IN    Anywhere (v6)
"""


@pytest.fixture
def host(tmp_path: Path) -> Linux:
    return Linux(tmp_path)


def test_a_host_without_proxy_service(host: Linux) -> None:
    facts = host.facts()
    free = facts["disk"].pop("free_gb")
    assert isinstance(free, int)
    assert facts == {
        "os": {
            "family": "linux",
            "id": "ubuntu",
            "version": "22.04",
            "release": "ubuntu 22.04",
            "name": "Ubuntu 22.04.4 LTS",
        },
        "host": {"name": "px-2", "fqdn": "px-2.example.net"},
        "clock": {"utc": "2026-03-01T12:00:00Z"},
        "account": {"user": "root", "admin": True},
        "dotnet": {"runtime": [], "aspnet": []},
        "firewall": {"kind": "none", "port": "9193 open"},
        "disk": {},
        "reboot": {"pending": False, "reasons": []},
        "mail": {"server": "", "reachable": None},
        "certificates": {"ends": []},
        "server": {"name": "vbo01", "addresses": ["10.0.0.5", "10.0.0.6"], "reverse": ["vbo01.example.net"]},
        "service": {"installed": False, "version": None, "state": "missing", "start": "missing", "listening": False},
    }
    assert parse(facts, "linux", NOW)["clock"]["minutes_off"] == 0


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_every_posix_shell_gives_the_same_facts(tmp_path: Path, shell: str) -> None:
    program(shell.partition(" ")[0])
    odd = 'ID=ubuntu\nVERSION_ID=22.04\nPRETTY_NAME="Ubuntu \\"22\\" \\\\ \ttab é"'
    answers = []
    for name in ("sh", shell):
        host = Linux(tmp_path / name.partition(" ")[0], name)
        (host.root / "etc/os-release").write_text(odd)
        host.commands["ufw"] = f"cat <<'END'\n{UFW.format(default='deny', rules='9193/tcp ALLOW IN Anywhere')}END"
        answers.append({**host.facts(), "disk": None})
    assert answers[0] == answers[1]
    assert answers[0]["os"]["name"] == 'Ubuntu \\"22\\" \\\\ tab é'


def test_a_running_service(host: Linux) -> None:
    (host.root / "opt/veeamvboproxy").mkdir()
    host.commands |= {
        "systemctl": '[ "$1 $3" = "show Veeam.Archiver.Proxy.service" ] || exit 9\n'
        'printf "LoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\n"',
        "ss": 'printf "LISTEN 0 128 *:9193 *:*\\n"',
        "dpkg-query": 'case "$1" in -S) echo "veeam-proxy, other: $2";; -W) printf "8.1.0.305";; esac',
    }
    assert host.facts()["service"] == {
        "installed": True,
        "version": "8.1.0.305",
        "state": "running",
        "start": "automatic",
        "listening": True,
    }
    assert host.facts(port=919)["service"]["listening"] is False


@pytest.mark.parametrize(("exit_code", "reachable"), [(0, True), (1, False), (124, False)])
def test_the_mail_server_is_connected_to(host: Linux, exit_code: int, reachable: bool) -> None:
    host.commands["bash"] = f'echo "$@" >"$LOG"; echo noise; echo noise >&2; exit {exit_code}'
    found = host.facts(smtp="smtp.example.net", smtp_port=587)
    assert found["mail"] == {"server": "smtp.example.net", "reachable": reachable}
    assert host.log == ['-c exec 3<>"/dev/tcp/$1/$2" bash smtp.example.net 587']


def test_without_bash_nobody_knows_about_the_mail_server(host: Linux) -> None:
    assert host.facts(smtp="smtp.example.net", smtp_port=587)["mail"]["reachable"] is None


def test_a_real_bash_connects_to_the_mail_server(host: Linux) -> None:
    host.commands["bash"] = f'exec {program("bash")} "$@"'
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert host.facts(smtp="127.0.0.1", smtp_port=port)["mail"]["reachable"] is True
    with refused_port() as port:
        assert host.facts(smtp="127.0.0.1", smtp_port=port)["mail"]["reachable"] is False


def printed(stdout: bytes) -> Any:
    return json.loads(next(line for line in stdout.splitlines() if line.startswith(b"{")))


def test_ports_are_connected_to(host: Linux) -> None:
    """With a real bash on real sockets: accepted, refused, and a name that does not resolve."""
    host.commands["bash"] = f'exec {program("bash")} "$@"'
    with socket.create_server(("127.0.0.1", 0)) as there, refused_port() as refused:
        targets = [f"127.0.0.1:{there.getsockname()[1]}", f"127.0.0.1:{refused}", "px-1.invalid:9193"]
        ended = host.run("linux/reach.sh", {"targets": " ".join(targets)})
    opened = {item["target"]: item["open"] for item in printed(ended.stdout)["ports"]}
    assert opened == dict(zip(targets, (True, False, None), strict=True))
    del host.commands["bash"]
    (host.bin / "bash").unlink()
    ended = host.run("linux/reach.sh", {"targets": "127.0.0.1:1"})
    assert printed(ended.stdout) == {"ports": [{"target": "127.0.0.1:1", "open": None}]}
    assert host.run("linux/reach.sh", {"targets": "$(id):1"}).returncode == 70


def test_certificates_of_the_proxy_service(host: Linux) -> None:
    folder = host.root / "etc/veeam/certs"
    folder.mkdir(parents=True)
    for name in ("a.pem", "b.crt", "c.pem", "d.txt"):
        (folder / name).touch()
    host.commands["openssl"] = (
        'case "$*" in *c.pem) exit 1 ;; *a.pem) echo "notAfter=Mar 31 12:00:00 2026 GMT" ;; '
        '*) echo "notAfter=May  6 07:08:09 2027 GMT" ;; esac'
    )
    found = host.facts()
    assert found["certificates"] == {"ends": ["Mar 31 12:00:00 2026 GMT", "May  6 07:08:09 2027 GMT"]}
    assert parse(found, "linux", NOW)["certificates"]["days_left"] == 30


@pytest.mark.parametrize(
    ("shown", "state", "start"),
    [
        ("LoadState=loaded\\nActiveState=failed\\nUnitFileState=disabled", "failed", "disabled"),
        ("LoadState=loaded\\nActiveState=inactive\\nUnitFileState=static", "stopped", "manual"),
        ("LoadState=masked\\nActiveState=inactive\\nUnitFileState=masked", "stopped", "masked"),
        ("LoadState=loaded\\nActiveState=activating\\nUnitFileState=enabled-runtime", "running", "automatic"),
        ("LoadState=not-found\\nActiveState=inactive\\nUnitFileState=", "missing", "missing"),
    ],
)
def test_states_of_the_service(host: Linux, shown: str, state: str, start: str) -> None:
    host.commands["systemctl"] = f'printf "{shown}\\n"'
    service = host.facts()["service"]
    assert (service["state"], service["start"]) == (state, start)
    assert service["installed"] is (state != "missing")
    assert service["version"] is None


def test_the_version_comes_from_rpm_too(host: Linux) -> None:
    host.commands["systemctl"] = 'printf "LoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\n"'
    host.commands["rpm"] = f'[ "$*" = "-qf --qf %{{VERSION}} {host.root}/opt/veeamvboproxy" ] && printf 8.2.0.2008'
    assert host.facts()["service"]["version"] == "8.2.0.2008"


def test_what_a_host_cannot_tell_is_null(host: Linux) -> None:
    host.commands |= {"df": "exit 1", "systemctl": "exit 1", "ss": "exit 1", "ufw": "exit 1", "getent": "exit 2"}
    facts = host.facts()
    assert facts["disk"]["free_gb"] is None
    assert facts["service"]["listening"] is None
    assert facts["firewall"] == {"kind": "ufw", "port": None}
    assert facts["server"] == {"name": "vbo01", "addresses": [], "reverse": []}


@pytest.mark.parametrize(
    ("rules", "default", "answer"),
    [
        ("9193/tcp ALLOW IN Anywhere", "deny", "open"),
        ("9193 ALLOW IN Anywhere", "deny", "open"),
        ("9000:9300/tcp LIMIT IN Anywhere", "deny", "open"),
        ("80,9193/tcp ALLOW IN Anywhere", "deny", "open"),
        ("9193/tcp on eth0 ALLOW IN Anywhere", "deny", "open"),
        ("9193/tcp on eth1 ALLOW IN Anywhere", "deny", "closed"),
        ("9193/tcp (Backup Proxy) ALLOW IN Anywhere", "deny", "open"),
        ("10.0.0.9 9193/tcp ALLOW IN Anywhere", "deny", "open"),
        ("10.0.0.8 9193/tcp ALLOW IN Anywhere", "deny", "closed"),
        ("9193/tcp ALLOW IN Anywhere (log) # do not DENY", "deny", "open"),
        ("9193/tcp ALLOW IN 10.0.0.5 7/tcp", "deny", "closed"),
        ("9193/tcp ALLOW IN 10.0.0.6", "deny", "open"),
        ("Anywhere ALLOW IN 10.0.0.5", "deny", "open"),
        ("9193/tcp ALLOW IN 10.0.0.0/24", "deny", "open"),
        ("9193/tcp ALLOW IN 10.0.0.128/25", "deny", None),
        ("9193/tcp DENY IN Anywhere\n9193/tcp ALLOW IN Anywhere", "deny", "closed"),
        ("9193/tcp ALLOW IN 10.0.0.5\n9193/tcp DENY IN Anywhere", "deny", "open"),
        ("9193/udp ALLOW IN Anywhere", "deny", "closed"),
        ("9194/tcp ALLOW IN Anywhere", "deny", "closed"),
        ("9193/tcp (v6) ALLOW IN Anywhere (v6)", "deny", "closed"),
        ("OpenSSH ALLOW IN Anywhere", "deny", "closed"),
        ("", "allow", "open"),
        ("9193/tcp REJECT IN Anywhere", "allow", "closed"),
        ("9193/tcp ALLOW OUT Anywhere", "deny", "closed"),
    ],
)
def test_rules_of_ufw(host: Linux, rules: str, default: str, answer: str | None) -> None:
    host.commands["ip"] = "echo 10.0.0.5 via 10.0.0.1 dev eth0 src 10.0.0.9 uid 0"
    host.commands["ufw"] = f"cat <<'END'\n{UFW.format(default=default, rules=rules)}END"
    expected = None if answer is None else f"9193 {answer}"
    assert host.facts()["firewall"] == {"kind": "ufw", "port": expected}


@pytest.mark.parametrize(
    ("state", "ports", "kind", "answer"),
    [
        ("running", "22/tcp 9193/tcp", "firewalld", "open"),
        ("running", "9000-9200/tcp", "firewalld", "open"),
        ("running", "9193/udp", "firewalld", "closed"),
        ("running", "", "firewalld", "closed"),
        ("not running", "", "none", "open"),
    ],
)
def test_ports_of_firewalld(host: Linux, state: str, ports: str, kind: str, answer: str) -> None:
    host.commands["ufw"] = "echo 'Status: inactive'"
    host.commands["firewall-cmd"] = firewalld(f"ports: {ports}", state=state)
    assert host.facts()["firewall"] == {"kind": kind, "port": f"9193 {answer}"}


def firewalld(now: str, later: str | None = None, *, state: str = "running", more: str = "") -> str:
    """`firewall-cmd` of a host with one zone; `later` is the line of its permanent configuration."""
    zone = "public (active)\n  target: default\n  interfaces: eth0\n  {}\n"
    return (
        f'case $* in --state) echo "{state}";; --get-default-zone) echo public;; {more} '
        f"--list-all-zones) cat <<'END'\n{zone.format(now)}END\n;; "
        f"'--permanent --list-all-zones') cat <<'END'\n{zone.format(now if later is None else later)}END\n;; esac"
    )


INCLUDING = "*=a) printf '  ports: \\n  includes: b c\\n';; *=c) echo '  ports: 9193/tcp';;"
CIRCLE = "*=a) printf '  ports: \\n  includes: a b\\n';; *=b) echo '  includes: a';;"
POLICY = "mine (active)\n  priority: -1\n  target: REJECT\n  ingress-zones: ANY\n  egress-zones: HOST\n"


def policies(shown: str) -> str:
    return f"--list-all-policies) cat <<'END'\n{shown}END\n;;"


@pytest.mark.parametrize(
    ("now", "later", "more", "answer"),
    [
        ("ports: 9193/tcp", "ports: ", "", "open until restart"),
        ("protocols: tcp", None, "", "open"),
        ("protocols: udp", None, "", "closed"),
        ("services: ssh a", None, INCLUDING, "open"),
        ("services: a", None, CIRCLE, "closed"),
        ("services: a", None, "*=a) printf '  ports: \\n  protocols: tcp\\n';;", "open"),
        ("ports: 9193/tcp", None, "--direct*) echo ipv4 filter INPUT 0 -j DROP;;", None),
        ("ports: 9193/tcp", None, policies(POLICY), None),
        ("ports: 9193/tcp", None, policies(POLICY.replace(" (active)", "")), "open"),
        ("ports: 9193/tcp", None, policies(POLICY.replace("HOST", "ANY")), "open"),
    ],
)
def test_firewalld_beyond_the_ports_of_its_zone(
    host: Linux, now: str, later: str | None, more: str, answer: str | None
) -> None:
    host.commands["firewall-cmd"] = firewalld(now, later, more=more)
    assert host.facts()["firewall"] == {"kind": "firewalld", "port": answer and f"9193 {answer}"}


CHAIN = "table {} {{\n\tchain c {{\n\t\ttype filter hook {} priority 0; policy {};\n{}\t}}\n}}\n"
MINE = "inet mine"


def saved(*rules: str, table: str = "filter", policy: str = "ACCEPT") -> str:
    """What `iptables-save` prints of one table."""
    chains = f":INPUT {policy} [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]"
    return "\n".join([f"*{table}", chains, *rules, "COMMIT", ""])


FILTERS = {
    "nothing": ({"nft": ""}, "open"),
    "accepting": ({"nft": CHAIN.format(MINE, "input", "accept", "")}, "open"),
    "dropping": ({"nft": CHAIN.format(MINE, "input", "drop", "")}, None),
    "a rule": ({"nft": CHAIN.format(MINE, "input", "accept", "\t\ttcp dport 9193 drop\n")}, None),
    "a rule after one with braces": (
        {"nft": CHAIN.format(MINE, "input", "accept", "\t\tct state { established } accept\n\t\tdrop\n")},
        None,
    ),
    "a rule that is alone and has braces": (
        {"nft": CHAIN.format(MINE, "input", "accept", "\t\ttcp dport { 9193, 9194 } drop\n")},
        None,
    ),
    "what the host sends": ({"nft": CHAIN.format(MINE, "output", "drop", "")}, "open"),
    "before the routing decision": (
        {"nft": CHAIN.format(MINE, "prerouting", "accept", "\t\ttcp dport 9193 drop\n")},
        None,
    ),
    "before the routing decision, dropping": ({"nft": CHAIN.format(MINE, "prerouting", "drop", "")}, None),
    "at the interface": ({"nft": CHAIN.format("netdev mine", 'ingress device "eth0"', "drop", "")}, None),
    "a flow table": (
        {"nft": "table inet mine {\n\tflowtable f {\n\t\thook ingress priority 0\n\t\tdevices = { eth0 }\n\t}\n}\n"},
        "open",
    ),
    "iptables": ({"iptables-save": saved()}, "open"),
    "iptables, dropping": ({"iptables-save": saved(policy="DROP")}, None),
    "iptables with a rule": ({"iptables-save": saved("-A INPUT -p tcp -j REJECT")}, None),
    "iptables, another chain": ({"iptables-save": saved("-A FORWARD -j REJECT", "-A OUTPUT -j DROP")}, "open"),
    "iptables, another table": ({"iptables-save": saved("-A INPUT -j DROP", table="mangle")}, None),
    "iptables before the routing decision": (
        {"iptables-save": "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 9193 -j DROP\nCOMMIT\n"},
        None,
    ),
    "ip6tables, and a server that has no such address": (
        {"iptables-save": saved(), "ip6tables-save": saved(policy="DROP")},
        "open",
    ),
    "iptables of the older kind beside": (
        {"iptables-save": saved(), "iptables-legacy-save": saved("-A INPUT -j DROP")},
        None,
    ),
    "iptables of the older kind alone": ({}, None),
}


def printing(shown: str) -> str:
    return f"cat <<'END'\n{shown}END"


@pytest.mark.parametrize("case", FILTERS)
def test_filters_of_other_tools_leave_the_port_in_doubt(host: Linux, case: str) -> None:
    commands, answer = FILTERS[case]
    host.commands.update({name: printing(shown) for name, shown in commands.items()})
    if "older" in case:
        (host.root / "proc/net").mkdir(parents=True)
        (host.root / "proc/net/ip_tables_names").write_text("filter\n")
    assert host.facts()["firewall"] == {"kind": "none", "port": answer and f"9193 {answer}"}


def test_a_server_with_an_address_of_ipv6_is_asked_of_ip6tables_too(host: Linux) -> None:
    host.commands["getent"] = 'case $1 in ahosts) echo "fd00::5 STREAM vbo01" ;; *) exit 2 ;; esac'
    host.commands.update({"iptables-save": printing(saved()), "ip6tables-save": printing(saved(policy="DROP"))})
    assert host.facts()["firewall"]["port"] is None


@pytest.mark.parametrize("command", ["nft", "iptables-save"])
def test_filters_that_the_account_may_not_see(host: Linux, command: str) -> None:
    host.commands[command] = "echo Operation not permitted >&2; exit 1"
    assert host.facts()["firewall"] == {"kind": "none", "port": None}


BESIDE = {
    "firewalld": CHAIN.format("inet firewalld", "input", "drop", "\t\tct state { established } accept\n"),
    "ufw": CHAIN.format("ip filter", "input", "drop", "\t\tcounter jump ufw-before-input\n"),
}
OF_UFW = (
    "-A INPUT -j ufw-before-logging-input",
    "-A INPUT -j ufw-before-input",
    "-A ufw-before-input -i lo -j ACCEPT",
    "-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT",
    "-A ufw-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT",
    "-A ufw-before-input -j ufw-not-local",
    "-A ufw-before-input -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT",
    "-A ufw-before-input -j ufw-user-input",
)


@pytest.mark.parametrize("kind", BESIDE)
def test_filters_beside_a_firewall(host: Linux, kind: str) -> None:
    """Its own rules are known; a table of others may drop what it accepts."""
    host.commands["firewall-cmd"] = firewalld("ports: 9193/tcp", state="running" if kind == "firewalld" else "not")
    if kind == "ufw":
        host.commands["ufw"] = printing(UFW.format(default="deny", rules="9193/tcp ALLOW IN Anywhere"))
        host.commands["iptables-save"] = printing(saved(*OF_UFW, policy="DROP"))
    host.commands["nft"] = printing(BESIDE[kind])
    assert host.facts()["firewall"] == {"kind": kind, "port": "9193 open"}
    host.commands["nft"] = printing(BESIDE[kind] + CHAIN.format(MINE, "prerouting", "drop", ""))
    assert host.facts()["firewall"] == {"kind": kind, "port": None}
    host.commands["nft"] = printing(BESIDE[kind])
    host.commands["iptables-save"] = printing(saved(*OF_UFW, "-A INPUT -s 10.0.0.0/8 -j DROP", policy="DROP"))
    assert host.facts()["firewall"] == {"kind": kind, "port": None}


@pytest.mark.parametrize("rule", ["-s 10.0.0.0/8 -j DROP", "-p tcp -m tcp --dport 9193 -j ACCEPT"])
def test_ufw_with_rules_in_its_files(host: Linux, rule: str) -> None:
    """/etc/ufw/before.rules: `ufw status` does not list them."""
    host.commands["ufw"] = printing(UFW.format(default="deny", rules="9193/tcp ALLOW IN Anywhere"))
    host.commands["iptables-save"] = printing(saved(*OF_UFW, f"-A ufw-before-input {rule}", policy="DROP"))
    assert host.facts()["firewall"] == {"kind": "ufw", "port": None}


def test_firewalld_that_does_not_answer(host: Linux) -> None:
    host.commands["firewall-cmd"] = "case $1 in --state) echo running;; *) exit 1;; esac"
    assert host.facts()["firewall"] == {"kind": "firewalld", "port": None}


def test_the_rest_of_the_facts(host: Linux) -> None:
    for place, version in (("usr/share", "8.0.9"), ("usr/lib", "8.0.11")):
        (host.root / place / "dotnet/shared/Microsoft.NETCore.App" / version).mkdir(parents=True)
    (host.root / "var/run/reboot-required").touch()
    host.commands["id"] = "echo 'uid=1000(backup) gid=1000(backup)'"
    host.commands["hostname"] = '[ "$1" = -f ] && exit 1; echo px-2'
    facts = host.facts()
    assert sorted(facts["dotnet"]["runtime"]) == ["8.0.11", "8.0.9"]
    assert facts["account"] == {"user": "backup", "admin": False}
    assert facts["reboot"] == {"pending": True, "reasons": ["reboot-required"]}
    assert facts["host"] == {"name": "px-2", "fqdn": "px-2"}


@pytest.mark.parametrize("port", ["", "91x3", "$(id)"])
def test_a_port_that_is_none_is_refused(host: Linux, port: str) -> None:
    for name in ("linux/facts.sh", "linux/open-port.sh"):
        done = host.run(name, {"port": port, "server": "vbo01"})
        assert done.returncode == 70
        assert posix_shell.output(done.stdout) == b""
        output = json.loads(done.stderr.decode().splitlines()[-1])
        assert output["message"] == "the argument port is not a number"
        assert sorted(output) == ["at", "message", "type"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("mkdir", "mkdir: cannot create directory '/var/lib/vbo-reconcile': Read-only file system"),
        ("cp", "cp: error writing '/var/lib/vbo-reconcile/packages/x.new': No space left on device"),
        ("mv", 'mv: cannot move "a\\b": Disk quota exceeded'),
    ],
)
def test_the_message_of_a_tool_is_passed_on(host: Linux, tmp_path: Path, command: str, message: str) -> None:
    upload = tmp_path / "upload.deb"
    upload.write_bytes(b"package")
    host.commands[command] = f"cat >&2 <<'END'\n{message}\nEND\nexit 1"
    digest = hashlib.sha256(b"package").hexdigest()
    done = host.run("linux/package-stage.sh", {"sha256": digest, "kind": "deb", "upload": str(upload)})
    assert done.returncode == 70
    assert json.loads(done.stderr.decode().splitlines()[-1])["message"] == message


def test_a_host_without_systemd_gets_no_package(host: Linux) -> None:
    package = host.root / "var/lib/vbo-reconcile/packages" / f"{'0' * 64}.deb"
    package.parent.mkdir(parents=True)
    package.write_bytes(b"package")
    host.commands |= {
        "sha256sum": f"echo {'0' * 64} -",
        "dpkg-deb": "echo veeamvboproxy",
        "systemctl": "echo 'System has not been booted with systemd' >&2; exit 1",
        "dpkg": 'echo dpkg >>"$LOG"',
    }
    args = {"sha256": "0" * 64, "kind": "deb", "version": "8.5.0.1014", "fresh": True, "wait": 1}
    done = host.run("linux/package-install.sh", args)
    assert done.returncode == 70
    assert "systemd does not run on this host" in done.stderr.decode()
    assert host.log == []


def test_facts_fail_one_by_one(host: Linux) -> None:
    """A minimal image: no hostname, no getent, no systemd, no os-release; and an account without a name."""
    whole = host.facts()
    (host.root / "etc/os-release").unlink()
    for command in ("hostname", "getent", "systemctl", "ss"):
        del host.commands[command]
        (host.bin / command).unlink()
    host.commands |= {"uname": "echo px-2.example.net", "id": "echo 'uid=0 gid=0(root)'; exit 1", "df": "exit 1"}
    facts = host.facts()
    assert facts["os"] == {"family": "linux", "id": "", "version": "", "release": None, "name": ""}
    assert facts["host"] == {"name": "px-2", "fqdn": "px-2.example.net"}
    assert facts["account"] == {"user": "0", "admin": True}
    assert facts["server"] == {"name": "vbo01", "addresses": None, "reverse": None}
    assert facts["service"] == {
        "installed": None, "version": None, "state": None, "start": None, "listening": None
    }  # fmt: skip
    assert facts["clock"] == whole["clock"]
    assert facts["firewall"] == whole["firewall"]
    parsed = parse(facts, "linux", NOW)
    assert parsed["server"]["resolves"] is None


def test_a_program_without_systemd_is_installed(host: Linux) -> None:
    (host.root / "opt/veeamvboproxy").mkdir()
    host.commands["systemctl"] = "echo 'System has not been booted with systemd as init system' >&2; exit 1"
    service = host.facts()["service"]
    assert (service["installed"], service["state"], service["start"]) == (True, None, None)


def test_the_release_is_also_where_the_distribution_keeps_it(host: Linux) -> None:
    (host.root / "etc/os-release").rename(host.root / "usr/lib/os-release")
    assert host.facts()["os"]["release"] == "ubuntu 22.04"


LOGGED = 'echo "$(basename "$0") $*" >>"$LOG"; '


def test_opening_the_port_in_ufw(host: Linux) -> None:
    host.commands["ufw"] = (
        'case $1 in status) echo "Status: active";; *) echo "ufw $*" >>"$LOG"; echo "Rule added";; esac'
    )
    for _ in range(2):
        assert host.ask("linux/open-port.sh", {"port": 9193}) == {"port": 9193, "rule": "ufw"}
    words = ("allow 9193/tcp", "--force delete allow 9193/tcp", "prepend allow 9193/tcp comment vbo-reconcile")
    assert host.log == [f"ufw {word}" for word in words] * 2


def test_opening_the_port_in_firewalld(host: Linux) -> None:
    host.commands["ufw"] = 'echo "Status: inactive"'
    host.commands["ip"] = "echo default via 10.0.0.1 dev eth0"
    host.commands["firewall-cmd"] = (
        "case $1 in --state | --get-active-zones) ;; --get-zone-of-interface=eth0) echo lan;; "
        '*) echo "$*" >>"$LOG";; esac'
    )
    assert host.ask("linux/open-port.sh", {"port": 9500}) == {"port": 9500, "rule": "firewalld"}
    assert host.log == ["--quiet --permanent --zone=lan --add-port=9500/tcp", "--quiet --zone=lan --add-port=9500/tcp"]


ZONES = {
    "its address": ("10.0.0.5", "vip"),
    "its network": ("10.0.0.0/24 10.9.0.0/16", "vip"),
    "another network": ("10.9.0.0/16 ipset:mine 00:11:22:33:44:55", "dmz"),
}


@pytest.mark.parametrize("case", ZONES)
def test_the_port_is_opened_in_the_zone_of_the_server(host: Linux, case: str) -> None:
    """The one of its address, else of the interface that leads to it, which may be another than the default route's."""
    sources, expected = ZONES[case]
    host.commands["ip"] = 'case "$*" in *"get 10.0.0.5"*) echo 10.0.0.5 dev eth1 src 10.0.0.7;; *) echo dev eth0;; esac'
    host.commands["firewall-cmd"] = (
        "case $1 in --state) ;; --get-zone-of-interface=eth1) echo dmz;; --get-zone-of-interface=*) echo lan;; "
        f'--get-active-zones) printf "vip\\n  sources: {sources}\\nlan (default)\\n  interfaces: eth0\\n";; '
        '*) echo "$*" >>"$LOG";; esac'
    )
    host.ask("linux/open-port.sh", {"port": 9500, "server": "vbo01"})
    assert host.log[1] == f"--quiet --zone={expected} --add-port=9500/tcp"


def test_without_a_firewall_there_is_nothing_to_open(host: Linux) -> None:
    assert host.ask("linux/open-port.sh", {"port": 9193}) == {"port": 9193, "rule": "none"}


def test_a_firewall_that_refuses(host: Linux) -> None:
    host.commands["ufw"] = 'case $1 in status) echo "Status: active";; *) exit 1;; esac'
    done = host.run("linux/open-port.sh", {"port": 9193})
    assert done.returncode == 70
    assert json.loads(done.stderr.decode().splitlines()[-1])["message"] == "ufw did not take the rule: ufw failed"
