"""What answers of a server miss that must be there, and what is not done because of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import Unavailable
from reconciler.model.plan import Action, Plan
from reconciler.plan.document import plan_to_json
from reconciler.plan.recheck import recheck
from tests.worlds.base import applied, inventory
from tests.worlds.world import World

Data = dict[str, dict[str, dict[str, Any]]]
NEVER = (Action.DELETE, Action.REPLACE, Action.TAKEOVER)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Every host has a proxy service, as it is after an apply."""
    found = applied(tmp_path)
    found.services = {raw["hostName"]: {"installed": True} for raw in found.server.data["Proxies"].values()}
    return found


def one(data: Data, collection: str, name: str) -> dict[str, Any]:
    key = "hostName" if collection == "Proxies" else "name"
    return next(item for item in data[collection].values() if item[key] == name)


def of(plan: Plan) -> list[str]:
    """The keys of what would be done."""
    return [change.key for change in plan.changes if not change.blocked]


def details(plan: Plan) -> list[str]:
    return [item.detail for item in plan.problems if item.code == "incomplete-observation"]


def missing(collection: str, name: str) -> Callable[[Data], object]:
    return lambda data: data[collection].pop(one(data, collection, name)["id"])


def without(collection: str, name: str, field: str) -> Callable[[Data], object]:
    return lambda data: one(data, collection, name).pop(field)


BENDS: dict[str, tuple[Callable[[Data], object], str]] = {
    "no proxy": (lambda data: data["Proxies"].clear(), "The server lists no proxy, not even its own"),
    "one proxy": (missing("Proxies", "px-1.example.com"), "that repository.disk-1 uses"),
    "no repository": (lambda data: data["BackupRepositories"].clear(), "that job.mail uses"),
    "no pool": (lambda data: data["ProxyPools"].clear(), "that proxy.px-3 and 2 more use"),
    "no organization": (lambda data: data["Organizations"].clear(), "and 1 more use"),
    "an organization": (missing("Organizations", "beta.example.com"), "does not list the organization"),
    "no host name": (without("Proxies", "px-2.example.com", "hostName"), "does not show the host name of proxy."),
    "no organization of a job": (
        without("Jobs", "mail", "organizationId"),
        "the name and its organization of job.mail",
    ),
    "no name of a repository": (without("BackupRepositories", "disk-2", "name"), "the name of repository."),
    "no id": (lambda data: one(data, "Jobs", "mail").update(id=None), "does not show the id of job.mail"),
}


@pytest.mark.parametrize("bend", BENDS)
def test_a_gap_changes_nothing_and_is_a_problem(world: World, bend: str) -> None:
    edit, words = BENDS[bend]
    edit(world.server.data)
    plan = world.plan(inventory(world))
    assert of(plan) == []
    assert any(words in detail for detail in details(plan)), details(plan)
    assert plan.has_errors


@pytest.mark.parametrize("bend", BENDS)
def test_with_a_gap_nothing_else_is_deleted_or_replaced(world: World, bend: str) -> None:
    def edit(document: dict[str, Any]) -> None:
        del document["jobs"]["files"], document["repositories"]["spare-bucket"], document["proxies"]["px-6"]
        document["repositories"]["spare-disk"]["path"] = "D:\\Other"
        document["smtp"]["to"] = ["more@example.com"]

    assert {"delete", "replace"} <= {change.action.value for change in world.plan(inventory(world, edit)).changes}
    BENDS[bend][0](world.server.data)
    plan = world.plan(inventory(world, edit))
    done = [change for change in plan.changes if not change.blocked]
    assert [change.key for change in done if change.action in NEVER] == []
    assert "update:smtp" in of(plan), "what is in no doubt is done"


def test_a_job_of_another_name_is_created_although_one_cannot_be_identified(world: World) -> None:
    BENDS["no organization of a job"][0](world.server.data)
    new = {"organization": "alpha.example.com", "repository": "disk-1", "items": ["teams"], "run": "never"}
    plan = world.plan(inventory(world, lambda document: document["jobs"].update(new=new)))
    assert of(plan) == ["create:job.new"]


def test_what_cannot_be_identified_is_neither_deleted_nor_called_external(world: World) -> None:
    BENDS["no host name"][0](world.server.data)
    plan = world.plan(inventory(world))
    assert [change.key for change in plan.changes if change.action is Action.DELETE] == []
    assert [report.code for report in plan.reports if report.code == "not-ours"] == []


def test_a_saved_plan_whose_object_is_not_shown_is_stale_and_not_done(world: World) -> None:
    wanted = inventory(world, lambda document: document["jobs"]["mail"].update(enabled=False))
    saved = [item for item in plan_to_json(world.plan(wanted))["changes"] if item["action"] == "update"]
    assert [item["key"] for item in saved] == ["update:job.mail"]
    BENDS["no organization of a job"][0](world.server.data)
    checked = recheck(saved, world.plan(wanted))
    assert (checked.done, [item.key for item in checked.stale]) == ((), ["update:job.mail"])


UNHEALTHY = {"status": "unhealthy", "entries": {"NATS": {"status": "Unhealthy"}, "db": {"status": "Healthy"}}}


class TestHealth:
    """The server is asked how it is when its answers look incomplete."""

    def health(self, world: World, monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[str]:
        get, asked = world.server.get, []

        def bent(path: str, **query: Any) -> Any:
            asked.append(path)
            if path != "Health":
                return get(path, **query)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(world.server, "get", bent)
        return asked

    def test_it_is_not_asked_for_nothing(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = self.health(world, monkeypatch, UNHEALTHY)
        assert of(world.plan(inventory(world))) == []
        assert "Health" not in asked

    def test_an_empty_list_of_an_unhealthy_server_is_not_believed(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.server.data["Jobs"].clear()
        self.health(world, monkeypatch, UNHEALTHY)
        plan = world.plan(inventory(world))
        assert of(plan) == []
        assert details(plan) == [
            "The server is unhealthy (NATS) and lists no jobs. Nothing is deleted, replaced or taken over."
        ]

    def test_one_of_a_healthy_server_is(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.server.data["Jobs"].clear()
        self.health(world, monkeypatch, {"status": "Healthy"})
        assert "create:job.mail" in of(world.plan(inventory(world)))

    def test_who_does_not_answer_is_not_believed_either(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.server.data["Jobs"].clear()
        self.health(world, monkeypatch, Unavailable("server", "GET Health", "HTTP 503"))
        plan = world.plan(inventory(world))
        assert (of(plan), len(details(plan))) == ([], 1)


class TestPools:
    """An absent pool of a proxy is how the API says that it is in none: the pool is asked before that is believed."""

    @pytest.mark.parametrize("pool", [None, "no-such-pool", 7])
    def test_a_proxy_that_names_no_listed_pool_is_not_moved(
        self, world: World, monkeypatch: pytest.MonkeyPatch, pool: Any
    ) -> None:
        members = world.server.list("ProxyPools/{}/proxies".format(*world.server.data["ProxyPools"]))
        part = world.server._part
        monkeypatch.setattr(world.server, "_part", lambda *path: members if path[2] == "proxies" else part(*path))
        one(world.server.data, "Proxies", "px-3.example.net")["proxyPoolId"] = pool
        plan = world.plan(inventory(world))
        assert of(plan) == []
        assert ("pool.cloud", "members") in {(item.address, item.path) for item in plan.unknown}

    def test_one_that_the_pool_does_not_have_either_joins_it(self, world: World) -> None:
        one(world.server.data, "Proxies", "px-3.example.net")["proxyPoolId"] = None
        assert "update:pool.cloud" in of(world.plan(inventory(world)))


class TestRenamedJobs:
    def test_one_that_was_renamed_on_the_server_is_renamed_back(self, world: World) -> None:
        one(world.server.data, "Jobs", "mail")["name"] = "Post"
        plan = world.plan(inventory(world))
        assert [key for key in of(plan) if not key.startswith("run:")] == ["update:job.mail"]

    def test_its_new_name_can_be_declared_as_the_former_one(self, world: World) -> None:
        one(world.server.data, "Jobs", "mail")["name"] = "Post"
        plan = world.plan(inventory(world, lambda document: document["jobs"]["mail"].update(formerly="Post")))
        assert [key for key in of(plan) if not key.startswith("run:")] == ["update:job.mail"]

    def test_one_that_is_renamed_in_the_inventory_is_neither_deleted_nor_created(self, world: World) -> None:
        def edit(document: dict[str, Any]) -> None:
            document["jobs"]["new"] = document["jobs"].pop("mail")

        plan = world.plan(inventory(world, edit))
        assert of(plan) == []
        said = "job.mail may be job.new under another name: declare `formerly: mail` if it is"
        assert {change.blocked for change in plan.changes if change.action is not Action.RUN} == {said}


class TestRenamedOrganizations:
    """The name of an organization is one for people, and changes in the console."""

    def test_one_that_is_remembered_is_the_same(self, world: World) -> None:
        one(world.server.data, "Organizations", "alpha.example.com")["name"] = "Atlanta"
        plan = world.plan(inventory(world))
        assert (plan.changes, plan.problems) == ((), ())
        assert [(item.address, item.code) for item in plan.reports] == [
            ("organization.alpha.example.com", "display-name")
        ]

    def test_its_jobs_stay(self, world: World) -> None:
        world.memory.ids.clear()
        one(world.server.data, "Organizations", "alpha.example.com")["name"] = "Atlanta"
        plan = world.plan(inventory(world))
        assert of(plan) == []
        blocked = {change.key: change.blocked for change in plan.changes if change.action is Action.DELETE}
        assert len(blocked) == 2
        assert all("is declared and cannot be created" in why for why in blocked.values())
        assert [item.code for item in plan.problems] == ["organization-missing"]

    def test_so_does_a_job_that_is_declared_no_more(self, world: World) -> None:
        world.memory.ids.clear()
        one(world.server.data, "Organizations", "alpha.example.com")["name"] = "Atlanta"
        plan = world.plan(inventory(world, lambda document: document["jobs"].pop("files")))
        why = next(change.blocked for change in plan.changes if change.key == "delete:job.files")
        assert "organization.alpha.example.com is declared and not on the server: organization.Atlanta may be" in why

    def test_a_job_of_an_organization_that_is_there_goes(self, world: World) -> None:
        one(world.server.data, "Organizations", "beta.example.com")["name"] = "Boston"
        plan = world.plan(inventory(world, lambda document: document["jobs"].pop("files")))
        assert "delete:job.files" in of(plan)
