"""What the scripts of the Linux playbook say of real hosts, beside what the hosts themselves show, and what they do."""

from __future__ import annotations

import hashlib
import json
import shlex
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.clients.host_session import open_host
from reconciler.model.connection import Connection, ConnectionContext, Credential, Transport, Trust
from reconciler.model.errors import ScriptFailed
from reconciler.model.secret import Secret, SecretRef
from reconciler.package_data import shipped_script
from reconciler.requirements.facts import parse
from tests.integration.hosts import ADMIN, NETWORK, Host, HostNetwork
from tests.integration.proxy.package import UNIT, debian_package

pytestmark = pytest.mark.integration

SERVER = "vbo.example.net"
PASSWORD = "a 'quoted' p@ssword"
CASES = yaml.safe_load(Path(__file__).with_name("firewalls.yml").read_text("utf-8"))
APPLICATION = "[{name}]\ntitle=proxy\ndescription=proxy\nports=9193/tcp\n"


class Given:
    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(PASSWORD)


def run(host: Host, script: str, arguments: Mapping[str, Any], *, sudo: bool = True) -> dict[str, Any]:
    """What a script answers that is run as the reconciler runs it: over SSH, by root with sudo's password."""
    credential = Credential("linux", ADMIN, password=SecretRef("given", "password"), sudo=sudo)
    connection = Connection(
        name="px-1",
        host=host.name,
        transport=Transport.SSH,
        credential=credential,
        address=host.address,
        port=22,
        trust=Trust(host_keys=(host.host_key,)),
    )
    with open_host(connection, ConnectionContext(Given(), "/")) as session:
        answer: dict[str, Any] = session.execute(shipped_script(script), arguments, deadline=30)
        return answer


def facts(host: Host, *, sudo: bool = True) -> dict[str, Any]:
    return parse(run(host, "linux/facts.sh", {"port": 9193, "server": SERVER}, sudo=sudo), "linux", datetime.now(UTC))


@pytest.fixture(scope="module")
def host(ground: HostNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host for the whole file; tests put back what they change. Something listens on the port."""
    with ground.entered(), ground.hosts("px-1.example.net") as (made,):
        made.account(PASSWORD)
        made.know({SERVER: f"{NETWORK}.1"})
        made.console("systemd-run -q --unit listener python3 -m http.server 9193 --directory /var/empty")
        yield made


def reachable(host: Host, *, expected: bool) -> bool:
    """Whether something accepts connections to the port. A busy machine may answer late, so an answer that is expected
    is waited for; one that is not would come at once."""
    try:
        socket.create_connection((host.address, 9193), 60 if expected else 1.5).close()
    except OSError:
        return False
    return True


def test_a_host_as_it_is(host: Host) -> None:
    shown = facts(host)
    release = dict(line.split("=", 1) for line in host.console("cat /etc/os-release").splitlines())
    assert shown["os"] == {
        "family": "linux",
        "id": "debian",
        "version": release["VERSION_ID"].strip('"'),
        "release": f"debian {release['VERSION_ID']}".replace('"', ""),
        "name": release["PRETTY_NAME"].strip('"'),
    }
    assert shown["host"] == {"name": "px-1", "fqdn": host.console("hostname -f").strip()}
    assert (shown["account"]["user"], shown["account"]["admin"]) == ("root", True)
    assert shown["clock"]["minutes_off"] == 0
    assert shown["server"]["addresses"] == [f"{NETWORK}.1"]
    assert shown["server"]["reverse_matches"] is True
    assert shown["firewall"] == {"kind": "none", "port": "9193 open"}
    free = int(host.console("df -Pk /opt | awk 'NR == 2 { print $4 }'"))
    assert abs(shown["disk"]["free_gb"] - free / 2**20) <= 1
    assert shown["service"] == {
        "installed": False,
        "version": None,
        "state": "missing",
        "start": "missing",
        "listening": True,
    }
    assert shown["reboot"] == {"pending": False, "reasons": []}


def test_without_sudo_it_is_no_administrator(host: Host) -> None:
    shown = facts(host, sudo=False)
    assert (shown["account"]["user"], shown["account"]["admin"]) == (ADMIN, False)


def test_a_small_disk_and_a_pending_restart(host: Host) -> None:
    host.console("mount -t tmpfs -o size=1536m none /opt; touch /run/reboot-required")
    try:
        shown = facts(host)
    finally:
        host.console("umount /opt; rm /run/reboot-required")
    assert shown["disk"]["free_gb"] == 1
    assert shown["reboot"] == {"pending": True, "reasons": ["reboot-required"]}


SERVICES = {
    "installed and stopped": ("systemctl disable {unit}", ("stopped", "disabled")),
    "enabled": ("systemctl enable {unit}", ("stopped", "automatic")),
    "running": ("systemctl enable --now {unit}", ("running", "automatic")),
    "failed": ("systemctl enable {unit}; systemctl kill -s KILL {unit}; sleep 0.5", ("failed", "automatic")),
    "stopped": ("systemctl disable --now {unit}; systemctl reset-failed {unit}", ("stopped", "disabled")),
    "masked": ("systemctl mask {unit}", ("stopped", "masked")),
}


def test_the_proxy_service_in_every_state(host: Host, tmp_path: Path) -> None:
    package = debian_package(tmp_path, "8.5.0.1014")
    (host.files / "root/proxy.deb").write_bytes(package.read_bytes())
    host.console("dpkg -i /root/proxy.deb")
    try:
        for name, (command, (state, start)) in SERVICES.items():
            host.console(f"({command.format(unit=UNIT)}) 2>&1 || :")
            shown = facts(host)["service"]
            assert (name, shown["state"], shown["start"]) == (name, state, start)
            assert (shown["installed"], shown["version"]) == (True, "8.5.0.1014")
    finally:
        host.console(f"systemctl unmask {UNIT}; dpkg --purge veeamvboproxy; systemctl daemon-reload")
    assert facts(host)["service"]["installed"] is False


def test_a_package_that_was_removed_but_not_purged_is_not_there(host: Host, tmp_path: Path) -> None:
    package = debian_package(tmp_path, "8.5.0.1014")
    (host.files / "root/proxy.deb").write_bytes(package.read_bytes())
    host.console("dpkg -i /root/proxy.deb; dpkg -r veeamvboproxy; systemctl daemon-reload")
    assert facts(host)["service"] == {
        "installed": False,
        "version": None,
        "state": "missing",
        "start": "missing",
        "listening": True,
    }


def staged(host: Host, package: Path) -> str:
    """Its digest, once it is where packages are installed from."""
    data = package.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    (host.files / "root/upload.deb").write_bytes(data)
    arguments = {"sha256": sha256, "kind": "deb", "upload": "/root/upload.deb"}
    assert run(host, "linux/package-stage.sh", arguments) == {"staged": True}
    return sha256


def installed(host: Host, package: Path) -> dict[str, Any]:
    arguments = {"sha256": staged(host, package), "kind": "deb", "version": "8.5.0.1014", "fresh": True, "wait": 20}
    return run(host, "linux/package-install.sh", arguments)


def test_what_dpkg_says_of_a_package_that_it_does_not_install(host: Host, tmp_path: Path) -> None:
    needs = debian_package(tmp_path, "8.5.0.1014", depends="nosuchlib (>= 4)")
    answer = installed(host, needs)
    for said in ("depends on nosuchlib (>= 4)", "Package nosuchlib is not installed."):
        assert said in answer["problem"]
    assert "Errors were encountered" not in answer["problem"]
    assert (answer["restored"], answer["state"], answer["log"]) == (True, "missing", [])
    host.console("mkdir -p /opt; mount -t tmpfs -o size=4k none /opt")
    try:
        answer = installed(host, debian_package(tmp_path, "8.5.0.1014"))
    finally:
        host.console("umount /opt")
    assert "No space left on device" in answer["problem"]
    assert (answer["restored"], answer["state"], answer["log"]) == (True, "missing", [])


def test_a_disk_that_a_package_does_not_fit_on_is_left_as_full_as_it_was(host: Host, tmp_path: Path) -> None:
    host.console("mkdir -p /var/lib/vbo-reconcile; mount -t tmpfs -o size=8k none /var/lib/vbo-reconcile")
    try:
        with pytest.raises(ScriptFailed, match=r"cp: .*No space left on device"):
            staged(host, debian_package(tmp_path, "8.5.0.1014"))
        assert host.console("ls /var/lib/vbo-reconcile/packages") == ""
    finally:
        host.console("umount /var/lib/vbo-reconcile")


@pytest.fixture
def ufw(host: Host) -> Iterator[Host]:
    (host.files / "etc/ufw/applications.d/proxy").write_text(
        "\n".join(APPLICATION.format(name=name) for name in ("Proxy", "Backup Proxy")), "ascii"
    )
    host.console("systemctl stop firewalld")  # which a test before may have left on: both filter then
    host.console("ufw --force reset; ufw default deny incoming; ufw allow 22/tcp; ufw --force enable")
    yield host
    host.console("ufw --force reset")


@pytest.fixture(scope="module")
def running_firewalld(host: Host) -> Iterator[Host]:
    service = host.files / "etc/firewalld/services/backup-proxy.xml"
    service.parent.mkdir(exist_ok=True)
    service.write_text('<service><short>p</short><port protocol="tcp" port="9193"/></service>', "ascii")
    service.with_name("backup-suite.xml").write_text('<service><include service="backup-proxy"/></service>', "ascii")
    host.console("systemctl unmask firewalld; systemctl start firewalld")
    yield host
    host.console("systemctl stop firewalld")


ANSWERS = "for try in $(seq 60); do firewall-cmd -q --state && break; systemctl start firewalld; sleep 1; done"
"""A busy machine may be slow to answer after a reload, which firewall-cmd calls not running."""


@pytest.fixture
def firewalld(running_firewalld: Host) -> Iterator[Host]:
    running_firewalld.console(f"{ANSWERS}; firewall-cmd -q --set-default-zone=public; firewall-cmd -q --reload")
    yield running_firewalld
    running_firewalld.console(f"{ANSWERS}; firewall-cmd -q --set-default-zone=public")
    running_firewalld.console("rm -f /etc/firewalld/zones/* /etc/firewalld/policies/* /etc/firewalld/direct.xml")
    running_firewalld.console("firewall-cmd -q --complete-reload")


def expected_port(case: Mapping[str, Any]) -> str | None:
    verdict = str(case.get("verdict", case["real"]))
    return None if verdict == "unknown" else f"9193 {verdict}"


def agrees(host: Host, case: Mapping[str, Any], kind: str) -> None:
    """Facts say what a connection finds, and the script that opens the port does so."""
    opened = case["real"] == "open"
    assert reachable(host, expected=opened) is opened, f"{case['name']}: the case is not what it says"
    shown = facts(host)["firewall"]
    expected = expected_port(case)
    assert shown == {"kind": kind, "port": expected}
    for _ in range(2):
        arguments = {"port": 9193, "server": SERVER}
        assert run(host, "linux/open-port.sh", arguments) == {"port": 9193, "rule": kind}
    mended = case.get("mended", "open")
    assert reachable(host, expected=mended == "open") is (mended == "open")
    if "verdict" not in case:
        assert facts(host)["firewall"]["port"] == f"9193 {mended}"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES["ufw"]])
def test_ufw(ufw: Host, case: Mapping[str, Any]) -> None:
    for rule in case["rules"]:
        words = " ".join(shlex.quote(word) for word in shlex.split(rule.replace("10.77.0.99", ufw.address)))
        ufw.console(f"ufw {words}")
    agrees(ufw, case, "ufw")


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES["firewalld"]])
def test_firewalld(firewalld: Host, case: Mapping[str, Any]) -> None:
    for rule in case["rules"]:
        words = [rule] if rule.startswith("--add-rich") else shlex.split(rule)
        firewalld.console(f"firewall-cmd -q {' '.join(shlex.quote(word) for word in words)}")
    if not case.get("runtime"):
        firewalld.console("firewall-cmd -q --runtime-to-permanent")
    agrees(firewalld, case, "firewalld")


REMOVED = (
    "for table in 'inet mine' 'ip6 mine' 'netdev mine'; do nft delete table $table; done 2>/dev/null; "
    "iptables -t raw -F; iptables -t mangle -F; iptables-legacy -F INPUT"
)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES["others"]])
def test_filters_of_other_tools(host: Host, case: Mapping[str, Any]) -> None:
    host.console("systemctl stop firewalld; ufw --force disable")
    try:
        for rule in case["rules"]:
            host.console(" ".join(shlex.quote(word) for word in rule.split()))
        opened = case["real"] == "open"
        assert reachable(host, expected=opened) is opened
        assert facts(host)["firewall"] == {"kind": "none", "port": expected_port(case)}
    finally:
        host.console(f"{REMOVED}; iptables -F INPUT")


def drops(host: Host, kind: str) -> None:
    """Every filter that is set beside the firewall closes the port that it accepts, and leaves it in doubt."""
    assert facts(host)["firewall"] == {"kind": kind, "port": "9193 open"}
    for case in CASES["beside"]:
        for rule in case["rules"]:
            host.console(" ".join(shlex.quote(word) for word in rule.split()))
        try:
            assert not reachable(host, expected=False), case["name"]
            assert facts(host)["firewall"] == {"kind": kind, "port": None}, case["name"]
        finally:
            host.console(REMOVED)
    assert facts(host)["firewall"] == {"kind": kind, "port": "9193 open"}


def test_filters_beside_ufw(ufw: Host) -> None:
    ufw.console("ufw allow 9193/tcp")
    drops(ufw, "ufw")


def test_filters_beside_firewalld(firewalld: Host) -> None:
    firewalld.console("firewall-cmd -q --add-port=9193/tcp; firewall-cmd -q --runtime-to-permanent")
    drops(firewalld, "firewalld")


@pytest.mark.parametrize(("default", "rule"), [("deny", "ACCEPT"), ("allow", "DROP")])
def test_ufw_with_a_rule_that_it_does_not_show(ufw: Host, default: str, rule: str) -> None:
    ufw.console(f"ufw default {default} incoming; cp /etc/ufw/before.rules /root/")
    line = f"-A ufw-before-input -p tcp --dport 9193 -j {rule}"
    ufw.console(f"sed -i 's/^# End required lines/&\\n{line}/' /etc/ufw/before.rules; ufw reload")
    try:
        shown = ufw.console("iptables -S ufw-before-input")
        opened = rule == "ACCEPT"
        assert reachable(ufw, expected=opened) is opened, shown
        assert facts(ufw)["firewall"] == {"kind": "ufw", "port": None}
    finally:
        ufw.console("mv /root/before.rules /etc/ufw/")


def test_facts_are_one_line_of_json_whatever_the_login_shell_prints(host: Host) -> None:
    noise = ("echo Welcome", "echo welcome >&2", "trap 'echo bye' EXIT")
    host.console(f"printf '%s\\n' {' '.join(shlex.quote(line) for line in noise)} >/home/{ADMIN}/.bashrc")
    shown = run(host, "linux/facts.sh", {"port": 9193, "server": SERVER})
    assert json.loads(json.dumps(shown)) == shown
    assert shown["os"]["family"] == "linux"
