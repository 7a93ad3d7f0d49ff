"""The proxy service comes to real hosts as a real Debian package, which dpkg installs and systemd starts."""

from __future__ import annotations

import hashlib
import re
import threading

import pytest

from tests.integration.estate import Estate
from tests.integration.hosts import Host
from tests.integration.proxy.package import UNIT, debian_package

pytestmark = pytest.mark.integration

OLD, NEW = "8.5.0.1014", "8.6.0.100"
WAIVED = ("--waive", "coverage=one proxy for each organization")


def carry(estate: Estate, build: str, *, starts: bool = True) -> None:
    """Let the inventory name a package of this build, which is also the server's."""
    packed = debian_package(estate.folder, build, starts=starts)
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    text = estate.file.read_text(encoding="utf-8")
    service = f"service: {{install: package, package: {{source: {packed.name}, sha256: {digest}}}}}"
    estate.file.write_text(re.sub("service: .*", service, text), encoding="utf-8")


@pytest.fixture
def packaged(three_in_estate: Estate) -> Estate:
    """Proxies that were installed from the package of the old build."""
    carry(three_in_estate, OLD)
    three_in_estate.converges()
    assert set(three_in_estate.services().values()) == {(OLD, "active")}
    return three_in_estate


def test_a_package_is_installed_registered_and_upgraded(packaged: Estate) -> None:
    owner = packaged.hosts[0].console("dpkg -S /opt/veeamvboproxy/version")
    assert owner.startswith("veeamvboproxy:")
    assert packaged.hosts[0].console(f"systemctl is-enabled {UNIT}") == "enabled\n"
    packaged.set("server", f"build={NEW}")
    carry(packaged, NEW)
    ended = packaged.apply(*WAIVED)
    assert ended.code == 0, ended.out + ended.err
    assert set(packaged.services().values()) == {(NEW, "active")}
    assert packaged.plan()["changes"] == []
    assert {mail["proxy"] for mail in packaged.mails()} == {"px-1.example.net"}


def test_a_package_whose_service_does_not_start_is_put_back(packaged: Estate) -> None:
    packaged.set("server", f"build={NEW}")
    carry(packaged, NEW, starts=False)
    ended = packaged.apply(*WAIVED)
    assert ended.code == 3, ended.out + ended.err
    assert ended.out.count(f"the service of {NEW} does not start; {OLD} was put back and runs") == 1
    assert "not started upgrade proxy.px-2" in ended.err
    assert set(packaged.services().values()) == {(OLD, "active")}
    carry(packaged, NEW)
    ended = packaged.apply(*WAIVED)
    assert ended.code == 0, ended.out + ended.err
    assert set(packaged.services().values()) == {(NEW, "active")}
    assert packaged.plan()["changes"] == []


def test_a_first_package_that_does_not_start_leaves_nothing(three_in_estate: Estate) -> None:
    carry(three_in_estate, OLD, starts=False)
    ended = three_in_estate.apply()
    assert ended.code == 3, ended.out + ended.err
    assert set(three_in_estate.services().values()) == {("", "inactive")}
    carry(three_in_estate, OLD)
    three_in_estate.converges()
    assert set(three_in_estate.services().values()) == {(OLD, "active")}


SLOW = """#!/bin/sh
# Works as dpkg does up to the middle, and then does not go on.
case " $* " in *" -i "*) ;; *) exec /usr/bin/dpkg "$@" ;; esac
for package; do :; done
/usr/bin/dpkg --unpack "$package"
: >/var/tmp/in-the-middle
sync
sleep 300
"""


def cut_in_the_middle(host: Host, done: threading.Event) -> None:
    while not done.wait(0.05):
        if (host.files / "var/tmp/in-the-middle").exists():
            host.cut_power()
            return


@pytest.mark.parametrize(
    ("build", "name"),
    [
        pytest.param(OLD, "px-2", id="first"),
        pytest.param(NEW, "px-3", id="upgrade"),  # upgrades go in batches, and none is begun after one that failed
    ],
)
def test_a_host_that_dies_in_the_middle_leaves_the_others_done(three_in_estate: Estate, build: str, name: str) -> None:
    estate = three_in_estate
    waived: tuple[str, ...] = ()
    carry(estate, OLD)
    if build == NEW:
        estate.converges()
        estate.set("server", f"build={NEW}")
        carry(estate, NEW)
        waived = WAIVED
    (victim,) = (host for host in estate.hosts if host.name.startswith(name))
    victim.console("cat >/usr/local/sbin/dpkg; chmod 755 /usr/local/sbin/dpkg", SLOW)
    done = threading.Event()
    death = threading.Thread(target=cut_in_the_middle, args=(victim, done))
    death.start()
    try:
        ended = estate.apply(*waived)
    finally:
        done.set()
        death.join()
    assert not victim.is_on
    assert ended.code == 3, ended.out + ended.err
    others = {"px-1", "px-2", "px-3"} - {name}
    assert estate.services() == dict.fromkeys(others, (build, "active"))
    (victim.files / "usr/local/sbin/dpkg").unlink()
    victim.boot()
    ended = estate.apply(*waived)
    assert ended.code == 0, ended.out + ended.err
    assert set(estate.services().values()) == {(build, "active")}
    assert estate.plan()["changes"] == []
