"""Replaces that can be done in one go, replaces that are blocked before anything is touched, and takeovers."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import HostFacts
from reconciler.model.plan import Action, Change, Plan
from tests.plan.test_chain import LIVE, keys, proxy, world
from tests.plan.test_ownership import OURS, OWNED, blocked, chain
from tests.plan.world import BUILD, FakeReader, inventory, plan

WORKGROUP = {"type": "workgroup", "credentials": "corp"}
DISK: dict[str, Any] = {
    "id": "repo",
    "name": "disk",
    "proxyId": "p1",
    "path": "D:\\old",
    "retentionType": "ItemLevel",
    "objectStorage": None,
}
NEW = {"owner": "proxy.px-1", "path": "D:\\new", "retention.type": "item-level"}
OTHER = {**DISK, "id": "other", "name": "Default Backup Repository"}


def replaced(made: Plan) -> Change:
    (change,) = [item for item in made.changes if item.action is Action.REPLACE]
    return change


def verbs(change: Change) -> list[str]:
    return [step.verb for step in change.steps]


class TestProxies:
    def test_a_type_that_differs_is_a_removal_and_a_create(self) -> None:
        made = plan(inventory(proxy={"px-1": WORKGROUP}), FakeReader({"Proxies": [proxy(1, type="Domain", **OURS)]}))
        change = replaced(made)
        assert verbs(change) == ["sessions.wait", "delete", "create"]
        expected = {"kind": "proxy", "name": "px-1", "id": "p1", "owner": "corp", "force": False, "credentials": "corp"}
        assert change.steps[1].params == expected
        assert change.steps[2].params["fields"] == {"host": "px-1", **WORKGROUP}

    def test_an_adopted_one_is_removed_as_what_it_is(self) -> None:
        made = plan(inventory(proxy={"px-1": WORKGROUP}), FakeReader({"Proxies": [proxy(1, type="Domain")]}))
        assert replaced(made).steps[1].params["owner"] == ""

    @pytest.mark.parametrize("status", ["Offline", None])
    def test_one_that_is_not_online_is_blocked(self, status: Any) -> None:
        there = proxy(1, type="Domain", status=status)
        made = plan(inventory(proxy={"px-1": WORKGROUP}), FakeReader({"Proxies": [there]}))
        assert "could only remove it by force" in replaced(made).blocked

    def test_one_whose_service_is_installed_by_package_is_blocked(self) -> None:
        package = {"source": "packages/proxy_8.5.0.1014.msi", "sha256": "0" * 64}
        fields = {**WORKGROUP, "service.install": "package", "service.package": package}
        made = plan(inventory(proxy={"px-1": fields}), FakeReader({"Proxies": [proxy(1, type="Domain")]}))
        assert "`state: absent`" in replaced(made).blocked

    def test_one_without_a_login_is_blocked(self) -> None:
        made = plan(inventory(proxy={"px-1": {"type": "domain"}}), FakeReader({"Proxies": [proxy(1)]}))
        assert "needs credentials for the host" in replaced(made).blocked

    def test_the_servers_own_is_blocked(self) -> None:
        made = plan(inventory(proxy={"px-1": WORKGROUP}), FakeReader({"Proxies": [proxy(1, type="Local")]}))
        assert "the server's own proxy" in replaced(made).blocked

    @pytest.mark.parametrize("owner", ["", "[vbo-reconcile:corp]"])
    def test_one_with_a_repository_is_blocked_and_names_it(self, owner: str) -> None:
        reader = FakeReader(
            {"Proxies": [proxy(1, type="Domain")], "BackupRepositories": [{**DISK, "description": owner}]}
        )
        wanted = inventory(proxy={"px-1": WORKGROUP}, repository={"disk": {"owner": "proxy.px-1", "path": "D:\\old"}})
        assert replaced(plan(wanted, reader)).blocked.startswith("it is in use by repository.disk;")
        foreign = plan(inventory(proxy={"px-1": WORKGROUP}), FakeReader({**reader.answers, "Jobs": []}))
        assert "repository.disk" in replaced(foreign).blocked

    def test_a_member_joins_its_pool_again(self) -> None:
        wanted = chain(proxy={"px-1": WORKGROUP, "px-2": {"type": "domain"}, "px-3": {"type": "domain"}})
        change = replaced(plan(wanted, FakeReader(OWNED)))
        assert verbs(change) == ["sessions.wait", "delete", "create", "pool.members"]
        assert change.steps[-1].params == {"name": "a", "join": ["px-1"], "leave": []}

    @pytest.mark.parametrize("other", [{"status": "Offline"}, {"maintenanceModeState": "Enabled"}])
    def test_the_last_working_member_is_blocked(self, other: dict[str, Any]) -> None:
        proxies = [OWNED["Proxies"][0], {**OWNED["Proxies"][1], **other}, OWNED["Proxies"][2]]
        wanted = chain(proxy={"px-1": WORKGROUP, "px-2": {"type": "domain"}, "px-3": {"type": "domain"}})
        made = plan(wanted, FakeReader({**OWNED, "Proxies": proxies}))
        assert "last working member of pool.a" in replaced(made).blocked

    def test_a_member_of_a_foreign_pool_is_blocked(self) -> None:
        wanted = inventory(proxy={"px-1": WORKGROUP})
        reader = FakeReader({**LIVE, "Proxies": [proxy(1, type="Domain", proxyPoolId="pool-a"), *LIVE["Proxies"][1:]]})
        assert "pool.a (external)" in replaced(plan(wanted, reader)).blocked

    def test_an_upgrade_is_part_of_it(self) -> None:
        old = proxy(1, type="Domain", version="8.1.0.305")
        assert keys(plan(inventory(proxy={"px-1": WORKGROUP}), FakeReader({"Proxies": [old]}))) == [
            "replace:proxy.px-1"
        ]

    def test_a_host_that_is_not_fit_blocks_it(self) -> None:
        problem = Diagnostic("unreachable", "Unreachable", "No answer.")
        made = plan(
            inventory(proxy={"px-1": WORKGROUP}),
            FakeReader({"Proxies": [proxy(1, type="Domain")]}),
            hosts={"px-1": HostFacts("px-1", {}, problem)},
        )
        assert "could not be observed" in replaced(made).blocked


class TestRepositories:
    def made(self, *, jobs: list[dict[str, Any]], there: list[dict[str, Any]], **fields: Any) -> Plan:
        answers = {"Proxies": [proxy(1)], "BackupRepositories": there, "Jobs": jobs}
        wanted = inventory(proxy={"px-1": {"type": "workgroup"}}, repository={"disk": {**NEW, **fields}})
        return plan(wanted, FakeReader({**LIVE, **answers, "ProxyPools": []}))

    def test_another_folder_is_a_delete_and_a_create(self) -> None:
        assert verbs(replaced(self.made(jobs=[], there=[DISK, OTHER]))) == ["delete", "create"]

    def test_a_job_on_it_keeps_it(self) -> None:
        made = self.made(jobs=LIVE["Jobs"], there=[DISK, OTHER])
        assert "job.daily (external)" in replaced(made).blocked

    def test_the_last_one_is_kept(self) -> None:
        assert "last repository" in replaced(self.made(jobs=[], there=[DISK])).blocked

    def test_another_kind_of_retention_in_the_same_place_is_blocked(self) -> None:
        made = self.made(jobs=[], there=[DISK, OTHER], **{"path": "D:\\old", "retention.type": "snapshot"})
        assert "declare a new repository elsewhere" in replaced(made).blocked


class TestTakeovers:
    def made(self, facts: dict[str, Any], **fields: Any) -> Plan:
        hosts = {"px-1": HostFacts("px-1", facts)}
        return plan(inventory(proxy={"px-1": {**WORKGROUP, **fields}}), FakeReader(), hosts=hosts)

    def test_a_service_on_the_host_of_a_new_proxy_is_taken_over(self) -> None:
        (change,) = self.made({"service": {"installed": True, "version": "8.0.0.1"}}).changes
        assert change.key == "takeover:proxy.px-1"
        assert [(step.verb, step.params["attach"]) for step in change.steps] == [("takeover", True)]
        assert "has a proxy service (8.0.0.1)" in change.cause.detail

    def test_a_service_of_unknown_version_is_taken_over(self) -> None:
        (change,) = self.made({"service": {"installed": True}}).changes
        assert change.key == "takeover:proxy.px-1"
        assert "has a proxy service: another server" in change.cause.detail

    @pytest.mark.parametrize("facts", [{}, {"service": None}, {"service": {"installed": False}}, {"service": {}}])
    def test_none_is_just_created(self, facts: dict[str, Any]) -> None:
        assert keys(self.made(facts)) == ["create:proxy.px-1"]

    @pytest.mark.parametrize(("unregistered", "action"), [(True, Action.CREATE), (False, Action.TAKEOVER)])
    def test_our_own_package_is_not(self, unregistered: bool, action: Action) -> None:
        package = {"source": "packages/proxy_8.5.0.1014.msi", "sha256": "0" * 64}
        service = {"installed": True, "version": BUILD, "unregistered": unregistered}
        found = self.made({"service": service}, **{"service.install": "package", "service.package": package})
        assert [change.action for change in found.changes if change.address == "proxy.px-1"] == [action]

    def test_pools_wait_for_it_as_for_a_new_one(self) -> None:
        reader = FakeReader({name: LIVE[name] for name in ("Organizations", "Accounts")})
        hosts = {"px-1": HostFacts("px-1", {"service": {"installed": True}})}
        made = plan(world(), reader, hosts=hosts)
        needs: dict[str, set[str]] = {change.key: set(change.depends_on) for change in made.changes}
        assert needs["create:pool.a"] == {"takeover:proxy.px-1", "create:proxy.px-2"}
        assert blocked(made) == {}
