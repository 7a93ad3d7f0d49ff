"""What happens to one proxy: a decision from how it is declared, live, on its host and remembered."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.kinds.naming import Naming
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory
from reconciler.model.live import HostFacts
from reconciler.model.plan import Action
from reconciler.model.recall import Recall
from reconciler.plan import interrupted
from reconciler.plan.batches import batched
from reconciler.plan.guards.availability import coverage
from reconciler.plan.guards.context import GuardContext
from reconciler.plan.guards.destructive import force
from reconciler.plan.maintenance import DRAINED, UPGRADING, restores
from reconciler.plan.passes import Inputs
from reconciler.plan.planner import make_plan
from reconciler.plan.proxies.changes import (
    Decision,
    MaintenanceAction,
    RegistrationAction,
    ServiceAction,
    decide,
)
from reconciler.plan.proxies.view import views
from reconciler.requirements import NO_REQUIREMENTS
from tests.plan.drawn import PLAYBOOKS, World, world
from tests.plan.test_chain import LIVE, proxy
from tests.plan.test_chain import world as chain
from tests.plan.world import BUILD, FakeReader, inventory, live

OLD = "8.4.0.1457"
OURS = {"description": "[vbo-reconcile:corp]"}
PUSHED: dict[str, Any] = {"type": "workgroup"}
PACKAGED: dict[str, Any] = {
    "type": "workgroup",
    "service.install": "package",
    "service.package": {"source": f"p/proxy_{BUILD}.msi", "sha256": "5e" * 32},
}


def decided(
    declared: dict[str, Any] | None,
    there: dict[str, Any] | None,
    service: dict[str, Any] | None = None,
    recall: Recall | None = None,
) -> Decision:
    wanted = inventory(proxy={"px-1": declared} if declared is not None else {})
    hosts = {"px-1": HostFacts("px-1", {"service": service})} if service is not None else {}
    found = live(wanted, FakeReader({"Proxies": [there] if there is not None else []}), hosts)
    naming = Naming(found.server.rest, wanted.access)
    (view,) = views(Inputs(wanted, found, recall or Recall(), naming, NO_REQUIREMENTS))
    return decide(view)


NONE, INSTALLED = {"installed": False}, {"installed": True, "version": BUILD}
FRESH = {**INSTALLED, "unregistered": True}


@pytest.mark.parametrize(
    ("declared", "there", "service", "registration", "action"),
    [
        (PUSHED, None, None, RegistrationAction.CREATE, ServiceAction.KEEP),
        (PUSHED, None, NONE, RegistrationAction.CREATE, ServiceAction.KEEP),
        (PUSHED, None, INSTALLED, RegistrationAction.TAKEOVER, ServiceAction.KEEP),
        (PUSHED, None, FRESH, RegistrationAction.TAKEOVER, ServiceAction.KEEP),
        (PUSHED, proxy(1), None, RegistrationAction.KEEP, ServiceAction.KEEP),
        (PUSHED, proxy(1, version=OLD), None, RegistrationAction.KEEP, ServiceAction.UPGRADE),
        (PUSHED, proxy(1, version=None), None, RegistrationAction.KEEP, ServiceAction.UNKNOWN),
        (PUSHED, proxy(1, version=OLD, type="Local"), None, RegistrationAction.REPLACE, ServiceAction.KEEP),
        ({**PUSHED, "port": 9200}, proxy(1, port=9193), None, RegistrationAction.UPDATE, ServiceAction.KEEP),
        (
            {**PUSHED, "port": 9200},
            proxy(1, port=9193, version=OLD),
            None,
            RegistrationAction.UPDATE,
            ServiceAction.UPGRADE,
        ),
        (
            {**PUSHED, "credentials": "corp"},
            proxy(1, type="Domain", version=OLD),
            None,
            RegistrationAction.REPLACE,
            ServiceAction.KEEP,
        ),
        (PUSHED, proxy(1, type="Domain", version=OLD), None, RegistrationAction.REPLACE, ServiceAction.KEEP),
        (PACKAGED, None, NONE, RegistrationAction.CREATE, ServiceAction.INSTALL),
        (PACKAGED, None, FRESH, RegistrationAction.CREATE, ServiceAction.INSTALL),
        (PACKAGED, None, INSTALLED, RegistrationAction.TAKEOVER, ServiceAction.KEEP),
        (PACKAGED, proxy(1), INSTALLED, RegistrationAction.KEEP, ServiceAction.KEEP),
        (PACKAGED, proxy(1), None, RegistrationAction.KEEP, ServiceAction.UNKNOWN),
        (PACKAGED, proxy(1), {**INSTALLED, "version": OLD}, RegistrationAction.KEEP, ServiceAction.UPGRADE_PACKAGE),
        (PACKAGED, proxy(1), {**INSTALLED, "unfinished": True}, RegistrationAction.KEEP, ServiceAction.UPGRADE_PACKAGE),
        (None, proxy(1), None, RegistrationAction.EXTERNAL, ServiceAction.KEEP),
        (None, proxy(1, version=OLD, **OURS), None, RegistrationAction.DELETE, ServiceAction.KEEP),
    ],
)
def test_registration_and_service(
    declared: dict[str, Any] | None,
    there: dict[str, Any] | None,
    service: dict[str, Any] | None,
    registration: RegistrationAction,
    action: ServiceAction,
) -> None:
    found = decided(declared, there, service)
    assert (found.registration, found.service) == (registration, action)


def test_a_blocked_replace_leaves_the_upgrade() -> None:
    blocked = decided(PUSHED, proxy(1, type="Domain", version=OLD, status="Offline"))
    assert (blocked.registration, bool(blocked.registration_blocked)) == (RegistrationAction.REPLACE, True)
    assert blocked.service is ServiceAction.UPGRADE


def test_a_refused_package_blocks_the_create() -> None:
    newer = {**INSTALLED, "version": "8.6.0.100", "unregistered": True}
    found = decided(PACKAGED, None, newer)
    assert found.registration_blocked == f"the host has 8.6.0.100, newer than {BUILD}: downgrades are not supported"
    assert found.service is ServiceAction.KEEP


@pytest.mark.parametrize(
    ("state", "remembered", "expected"),
    [
        ("Disabled", True, MaintenanceAction.NONE),
        ("Enabled", False, MaintenanceAction.EXTERNAL),
        ("Enabled", True, MaintenanceAction.CLEAR),
        ("Enabling", True, MaintenanceAction.CLEAR),
    ],
)
def test_maintenance_mode(state: str, remembered: bool, expected: MaintenanceAction) -> None:
    recall = Recall(applied={"drain.px-1": {DRAINED: "x"}} if remembered else {})
    found = decided(PUSHED, proxy(1, maintenanceModeState=state), recall=recall)
    assert found.maintenance is expected
    assert found.keeps_object is (expected is not MaintenanceAction.CLEAR)


@pytest.mark.parametrize(
    ("why", "version", "expected"),
    [
        (UPGRADING, None, ServiceAction.UPGRADE),
        ("by an apply", None, ServiceAction.UNKNOWN),
        (UPGRADING, BUILD, ServiceAction.KEEP),
        (UPGRADING, OLD, ServiceAction.UPGRADE),
    ],
)
def test_an_upgrade_that_was_interrupted_is_completed(why: str, version: str | None, expected: ServiceAction) -> None:
    """In maintenance mode the server shows no version: that an upgrade was under way is remembered."""
    recall = Recall(applied={"drain.px-1": {DRAINED: why}})
    found = decided(PUSHED, proxy(1, maintenanceModeState="Enabled", version=version), recall=recall)
    assert (found.maintenance, found.service) == (MaintenanceAction.CLEAR, expected)


@pytest.mark.parametrize(
    ("state", "remembered", "blocked"), [("Enabled", True, False), ("Enabled", False, True), ("Disabled", True, True)]
)
def test_a_proxy_that_we_drained_is_changed_though_it_looks_offline(
    state: str, remembered: bool, blocked: bool
) -> None:
    """Else an interrupted change would leave it in maintenance mode, and block itself for ever."""
    recall = Recall(applied={"drain.px-1": {DRAINED: "x"}} if remembered else {})
    live = proxy(1, maintenanceModeState=state, status="Offline", port=9999)
    found = decided({**PUSHED, "port": 9193}, live, recall=recall)
    assert found.registration is RegistrationAction.UPDATE
    assert bool(found.registration_blocked) is blocked


def inputs_of(given: World) -> Inputs:
    wanted: Inventory = given.inventory
    return Inputs(wanted, given.live, given.recall, Naming(given.live.server.rest, wanted.access), PLAYBOOKS)


CHANGING = set(RegistrationAction) - {RegistrationAction.NONE, RegistrationAction.KEEP, RegistrationAction.EXTERNAL}
UPGRADES = (ServiceAction.UPGRADE, ServiceAction.UPGRADE_PACKAGE)


@pytest.mark.parametrize("seed", range(40))
def test_the_changes_of_proxies_are_those_of_the_decisions(seed: int) -> None:
    given = world(seed)
    expected: Counter[str] = Counter()
    for view in views(inputs_of(given)):
        decision = decide(view)
        actions = {decision.registration.value} if decision.registration in CHANGING else set()
        actions |= {"upgrade"} if decision.service in UPGRADES else set()
        actions |= {"update"} if decision.maintenance is MaintenanceAction.CLEAR else set()
        expected.update(f"{action}:{view.address}" for action in actions)
        if decision.host is not None and decision.host.fixable:
            expected[f"update:host.{view.name}"] += 1
    made = make_plan(given.inventory, given.live, given.recall, access=given.inventory.access, playbooks=PLAYBOOKS)
    assert (
        Counter(str(change.key) for change in made.changes if change.address.startswith(("proxy.", "host.")))
        == expected
    )


def test_a_service_that_our_interrupted_creation_installed_is_attached_and_not_taken_over() -> None:
    """The server installs the service before it registers it; killed between both, the service has no owner."""
    begun = Recall(applied=interrupted.marks(interrupted.CREATING, "px-1"))
    found = decided(PUSHED, None, INSTALLED, begun)
    assert found.registration is RegistrationAction.CREATE
    wanted = inventory(proxy={"px-1": {**PUSHED, "credentials": "corp"}})
    seen = live(wanted, FakeReader(), {"px-1": HostFacts("px-1", {"service": INSTALLED})})
    made = make_plan(wanted, seen, begun, access=wanted.access, playbooks=NO_REQUIREMENTS)
    (change,) = (item for item in made.changes if item.address == "proxy.px-1")
    assert change.key == "create:proxy.px-1"
    assert change.steps[0].params["attach"] is True
    assert change.cause.detail.endswith("an interrupted apply began to create it, and its service is on the host")


@pytest.mark.parametrize(("begun", "status", "refused"), [(True, "Offline", []), (False, "Offline", ["force"])])
def test_a_deletion_that_was_interrupted_is_completed(begun: bool, status: str, refused: list[str]) -> None:
    """The server uninstalls the service first; killed before it removes the proxy, this looks offline."""
    recall = Recall(applied=interrupted.marks(interrupted.DELETING, "px-1") if begun else {})
    wanted = inventory(proxy={})
    seen = live(wanted, FakeReader({"Proxies": [proxy(1, status=status, **OURS)]}))
    made = make_plan(wanted, seen, recall, access=wanted.access, playbooks=NO_REQUIREMENTS)
    (change,) = (item for item in made.changes if item.action is Action.DELETE)
    assert change.cause.detail.endswith("an interrupted apply began to delete it") is begun
    context = GuardContext(made, wanted, seen, datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert [item.code for item in force(context)] == refused


POOL = {"ProxyPools": [{"id": "pool-a", "name": "a", "description": ""}]}
ASLEEP = {"maintenanceModeState": "Enabled", "status": "Offline", "version": None}


def upgrades(*proxies: dict[str, Any], hosts: dict[str, HostFacts] | None = None) -> Any:
    names = [str(item["hostName"]) for item in proxies]
    wanted = inventory(
        proxy={name: {**PUSHED, "credentials": "corp"} for name in names}, pool={"a": {"members": names}}
    )
    seen = live(wanted, FakeReader({**POOL, "Proxies": list(proxies)}), hosts)
    return make_plan(wanted, seen, Recall(), access=wanted.access, playbooks=NO_REQUIREMENTS)


def test_the_last_member_at_work_is_waited_for_and_not_put_into_maintenance_mode() -> None:
    """The server refuses that (409), whether its pool has no other member or the others are away."""
    behind = proxy(1, proxyPoolId="pool-a", version=OLD)
    for others in ([], [proxy(2, proxyPoolId="pool-a", **ASLEEP)]):
        made = upgrades(behind, *others)
        (change,) = (item for item in made.changes if item.key == "upgrade:proxy.px-1")
        assert [step.verb for step in change.steps] == ["sessions.wait", "proxy.upgrade", "proxy.verify"]
    two = upgrades(behind, proxy(2, proxyPoolId="pool-a", version=OLD))
    assert two.changes[0].steps[0].verb == "maintenance.on"


def test_a_member_that_sleeps_is_not_upgraded_and_its_host_is_no_error() -> None:
    """Users put it into maintenance mode and switch it off outside of the backup hours, every night."""
    lost = Diagnostic("unreachable", "No connection", "px-2 does not answer")
    hosts = {"px-2": HostFacts("px-2", {}, lost)}
    made = upgrades(proxy(1, proxyPoolId="pool-a"), proxy(2, proxyPoolId="pool-a", **ASLEEP), hosts=hosts)
    assert made.changes == ()
    assert not made.has_errors
    assert [problem.code for problem in made.problems] == ["unreachable"]
    assert "not upgraded while it is off" in next(item.detail for item in made.reports if item.code == "in-maintenance")
    awake = upgrades(proxy(1, proxyPoolId="pool-a"), proxy(2, proxyPoolId="pool-a"), hosts=hosts)
    assert awake.has_errors


def test_a_package_is_uploaded_before_a_member_is_drained() -> None:
    names = ["px-1", "px-2"]
    wanted = inventory(proxy={"px-1": {**PACKAGED, "credentials": "corp"}, "px-2": {}}, pool={"a": {"members": names}})
    there = {**POOL, "Proxies": [proxy(number, proxyPoolId="pool-a") for number in (1, 2)]}
    hosts = {"px-1": HostFacts("px-1", {"service": {**INSTALLED, "version": OLD}})}
    seen = live(wanted, FakeReader(there), hosts)
    made = make_plan(wanted, seen, Recall(), access=wanted.access, playbooks=NO_REQUIREMENTS)
    (change,) = (item for item in made.changes if item.key == "upgrade:proxy.px-1")
    verify = ["proxy.verify", "maintenance.off", "proxy.verify"]
    assert [step.verb for step in change.steps] == ["package.upload", "maintenance.on", "package.install", *verify]


@pytest.mark.parametrize("version", [BUILD, OLD])
@pytest.mark.parametrize("also", [{}, {"description": "new"}])
@pytest.mark.parametrize("left", [1, 2])
def test_an_upgrade_waits_for_the_member_that_an_interrupted_apply_left_in_maintenance_mode(
    left: int, also: dict[str, Any], version: str
) -> None:
    """Whatever else changes of that member: the pool keeps a proxy, so no waiver is needed. A member with
    an old version can be changed only after its upgrade, which clears its maintenance mode."""
    other = 3 - left
    proxies = {f"px-{left}": {**PUSHED, **also}, f"px-{other}": PUSHED, "px-3": {"type": "workgroup"}}
    wanted = chain(proxy=proxies)
    drained = proxy(left, maintenanceModeState="Enabled", proxyPoolId="pool-a", description="old", version=version)
    reader = FakeReader(
        {**LIVE, "Proxies": [drained, proxy(other, version=OLD, proxyPoolId="pool-a"), LIVE["Proxies"][2]]}
    )
    recall = Recall(applied={f"drain.px-{left}": {DRAINED: "x"}})
    seen = live(wanted, reader)
    made = batched(
        make_plan(wanted, seen, recall, access=wanted.access, playbooks=NO_REQUIREMENTS), wanted, seen, "100%"
    )
    keys = [str(change.key) for change in made.changes]
    needs: dict[str, set[str]] = {change.key: set(change.depends_on) for change in made.changes}
    context = GuardContext(made, wanted, seen, datetime(2026, 3, 2, 12, tzinfo=UTC))
    assert [item.code for item in coverage(context)] == []
    if version == OLD and also:
        assert made.batches == ((f"upgrade:proxy.px-{left}",), (f"upgrade:proxy.px-{other}",))
        assert keys.index(f"upgrade:proxy.px-{left}") < keys.index(f"update:proxy.px-{left}")
        assert any(restores(change) for change in made.changes if change.key == f"upgrade:proxy.px-{left}")
    else:
        assert f"update:proxy.px-{left}" in needs[f"upgrade:proxy.px-{other}"]
