"""What a package means for a plan: from what the host says of its service, without a host."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import HostFacts
from reconciler.model.plan import Change, Plan
from reconciler.model.secret import MASK
from reconciler.plan.offline import difference
from tests.plan.world import BUILD, FakeReader, inventory, plan

OLD, NEWER = "8.4.0.1457", "8.6.0.100"
SENDING = ["package.upload", "package.install"]


def declared(build: str = BUILD, **more: Any) -> dict[str, Any]:
    package = {"source": f"p/proxy_{build}_amd64.deb", "sha256": "5e" * 32}
    return {"type": "workgroup", "os": "linux", "service.install": "package", "service.package": package, **more}


def registered(**more: Any) -> FakeReader:
    raw = {"id": "one", "hostName": "px-1", "type": "Workgroup", "status": "Online", "operatingSystem": "Linux"}
    return FakeReader({"Proxies": [{**raw, "version": OLD, **more}]})


def service(**facts: Any) -> dict[str, HostFacts]:
    return {"px-1": HostFacts("px-1", {"service": {"installed": bool(facts), "version": None, **facts}})}


def only(made: Plan) -> Change:
    (change,) = made.changes
    return change


def verbs(change: Change) -> list[str]:
    return [step.verb for step in change.steps]


def made(reader: FakeReader, hosts: dict[str, HostFacts] | None, build: str = BUILD, **more: Any) -> Plan:
    return plan(inventory(proxy={"px-1": declared(build, **more)}), reader, hosts=hosts)


@pytest.mark.parametrize("facts", [{}, {"version": BUILD, "unregistered": True, "installed": True}])
def test_a_new_proxy_has_its_service_before_the_server_is_told(facts: dict[str, Any]) -> None:
    change = only(made(FakeReader(), service(**facts)))
    assert verbs(change) == [*SENDING, "create", "package.registered"]
    assert [step.params.get("attach", False) for step in change.steps] == [False, False, True, False]
    assert change.steps[1].params["fresh"] is True
    assert "proxy_8.5.0.1014_amd64.deb" in change.cause.detail


@pytest.mark.parametrize(
    ("facts", "fresh"),
    [({"version": OLD}, False), ({}, False), ({"version": BUILD, "unfinished": True}, False), (None, True)],
)
def test_only_for_a_new_proxy_the_host_is_to_have_no_service(facts: dict[str, Any] | None, fresh: bool) -> None:
    """The script that installs refuses to go on where it finds one in spite of that."""
    found = made(FakeReader(), service()) if facts is None else made(registered(), service(**facts))
    (step,) = [step for step in only(found).steps if step.verb == "package.install"]
    assert step.params["fresh"] is fresh


def test_a_service_that_is_somebody_elses_is_no_place_for_a_package() -> None:
    change = only(made(FakeReader(), service(version=OLD, installed=True)))
    assert not set(SENDING) & set(verbs(change))
    assert change.key == "takeover:proxy.px-1"


def test_a_registered_proxy_is_upgraded_by_what_its_host_says() -> None:
    change = only(made(registered(), service(version=OLD)))
    assert change.key == "upgrade:proxy.px-1"
    assert verbs(change)[:1] + verbs(change)[2:3] == SENDING  # the drain stands between them
    assert made(registered(version=BUILD), service(version=f"1:{BUILD}-2")).is_empty


@pytest.mark.parametrize(
    "facts",
    [
        {"installed": True, "version": None},  # dpkg-query failed, or the file of the service cannot be read
        {"installed": True, "version": "unknown"},
        {"installed": None, "version": None},  # systemctl failed
    ],
)
def test_what_a_host_cannot_tell_of_its_service_installs_nothing(facts: dict[str, Any]) -> None:
    """A healthy proxy is not disrupted because a command failed."""
    found = made(registered(version=BUILD), service(**facts))
    assert found.is_empty
    assert [(item.path, item.why) for item in found.unknown] == [
        ("service.version", "the host does not report the version of its service")
    ]


def test_a_new_proxy_waits_until_its_host_tells_whether_it_has_a_service() -> None:
    change = only(made(FakeReader(), service(installed=None)))
    assert change.blocked == "the host does not report whether it has a proxy service"
    assert change.steps == ()


def test_a_registered_proxy_without_a_service_has_it_installed() -> None:
    assert only(made(registered(), service())).key == "upgrade:proxy.px-1"


def test_an_installation_that_was_cut_off_is_done_again() -> None:
    change = only(made(registered(version=BUILD), service(version=BUILD, unfinished=True)))
    assert change.cause.detail.startswith("an earlier installation was interrupted")
    assert not change.blocked


@pytest.mark.parametrize(
    ("have", "build", "more", "blocked"),
    [
        (NEWER, BUILD, {}, f"the host has {NEWER}, newer than {BUILD}: downgrades are not supported"),
        (OLD, NEWER, {}, f"proxy_{NEWER}_amd64.deb is build {NEWER}, and the server runs {BUILD}: upgrade the server"),
        (
            "8.3.0.2201",
            OLD,
            {},
            f"proxy_{OLD}_amd64.deb is build {OLD}, and the server runs {BUILD}: specify",
        ),
        ("8.3.0.2201", OLD, {"service.version": OLD}, ""),
    ],
)
def test_what_is_refused(have: str, build: str, more: dict[str, Any], blocked: str) -> None:
    change = only(made(registered(), service(version=have), build, **more))
    assert change.blocked.startswith(blocked)
    assert bool(change.blocked) == bool(blocked)
    assert bool(change.steps) != bool(blocked)


def test_a_host_that_cannot_be_asked_is_unknown_and_never_different() -> None:
    problem = Diagnostic("unreachable", "No connection", "px-1: connecting: refused", "")
    found = made(registered(), {"px-1": HostFacts("px-1", {}, problem)})
    assert found.changes == ()
    assert ("proxy.px-1", "service.version") in {(item.address, item.path) for item in found.unknown}


def test_the_difference_of_two_inventories_tells_of_packages() -> None:
    old, new = (inventory(proxy={"px-1": declared(build)}) for build in (OLD, BUILD))
    change = only(difference(old, new))
    assert (change.key, change.fields[0].before, change.fields[0].after) == ("upgrade:proxy.px-1", OLD, BUILD)
    assert difference(new, new).is_empty
    assert not only(difference(inventory(), new)).blocked


def test_what_the_installer_is_given_is_shown_without_what_may_be_a_secret() -> None:
    package = {
        "source": f"p/proxy_{BUILD}_x64.msi",
        "sha256": "5e" * 32,
        "properties": {"SERVICE_PASSWORD": "hunter2", "ACCEPT_EULA": "1", "INSTALLDIR": "D:\\Program Files\\Proxy"},
    }
    declared = {"type": "workgroup", "service.install": "package", "service.package": package}
    install = only(plan(inventory(proxy={"px-1": declared}), FakeReader(), hosts=service())).steps[1]
    assert install.params["properties"] == {
        "ACCEPT_EULA": "1",
        "INSTALLDIR": "D:\\Program Files\\Proxy",
        "SERVICE_PASSWORD": MASK,
    }
    assert 'with ACCEPT_EULA="1" INSTALLDIR="D:\\Program Files\\Proxy"' in install.text
    assert "hunter2" not in str(install)
