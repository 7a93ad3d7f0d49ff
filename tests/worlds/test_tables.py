"""Tables of the planner and the engine, each tested by all of its members."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds import KINDS
from reconciler.model.address import kind_of
from reconciler.plan.document import plan_to_json
from reconciler.plan.recheck import recheck
from reconciler.plan.topology import topology
from tests.worlds.base import STORAGE, Edit, applied, changes, inventory, planned
from tests.worlds.server import MemoryServer
from tests.worlds.world import World, populate

COLLECTIONS = {
    "proxy": ("Proxies", "hostName"),
    "pool": ("ProxyPools", "name"),
    "repository": ("BackupRepositories", "name"),
    "job": ("Jobs", "name"),
    "organization": ("Organizations", "name"),
}


def raw_of(server: MemoryServer, kind: str, value: str) -> dict[str, Any]:
    collection, key = COLLECTIONS[kind]
    return next(item for item in server.data[collection].values() if item[key] == value)


class TestMaintenance:
    """A member of a pool that is in maintenance mode: left there by an apply of ours, or set by another person."""

    @pytest.mark.parametrize("ours", [True, False])
    @pytest.mark.parametrize("word", ["Enabling", "Enabled", "Disabling", "Disabled", None, "SomethingElse"])
    def test_what_is_done_about_it(self, tmp_path: Path, word: str | None, *, ours: bool) -> None:
        world = applied(tmp_path)
        raw_of(world.server, "proxy", "px-3.example.net")["maintenanceModeState"] = word
        if ours:
            world.memory.rows["drain.px-3"] = {"(drain)": "by an apply"}
        made = planned(world)
        rests = word in ("Enabling", "Enabled")
        assert list(changes(made)) == (["update:proxy.px-3"] if rests and ours else [])
        assert [item.code for item in made.reports if item.address == "proxy.px-3"] == (
            ["in-maintenance"] if rests and not ours else []
        )
        if rests and ours:
            assert [step.verb for step in made.changes[0].steps] == ["maintenance.off"]
            world.apply(inventory(world))
            assert raw_of(world.server, "proxy", "px-3.example.net")["maintenanceModeState"] == "Disabled"
            assert planned(world).changes == ()

    @pytest.mark.parametrize("word", ["Enabling", "Enabled", "Disabled"])
    def test_a_change_that_disrupts_it(self, tmp_path: Path, word: str) -> None:
        """Maintenance mode that was set by hand stays: it is neither set nor cleared."""
        world = applied(tmp_path)
        raw_of(world.server, "proxy", "px-3.example.net")["maintenanceModeState"] = word
        world.server.build = "8.6.0.100"
        change = changes(planned(world))["upgrade:proxy.px-3"]
        verbs = [step.verb for step in change.steps]
        drained = ["maintenance.on", "proxy.upgrade", "proxy.verify", "maintenance.off", "proxy.verify"]
        assert verbs == (drained if word == "Disabled" else ["proxy.upgrade", "proxy.verify"])


def edit_port(document: dict[str, Any]) -> None:
    document["proxies"]["px-1"]["port"] = 9293


PARTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "action": lambda change: change.update(action="replace"),
    "precondition": lambda change: change.update(precondition="0" * 64),
    "steps": lambda change: change["steps"].pop(),
    "a parameter of a step": lambda change: change["steps"][0]["params"].update(deadline=1),
    "blocked": lambda change: change.update(blocked="the proxy is offline"),
    "a field that was": lambda change: change["fields"][0].update(before=1),
    "a field that is to be": lambda change: change["fields"][0].update(after=1),
    "a field less": lambda change: change["fields"].clear(),
    "a field more": lambda change: change["fields"].append({"path": "throttle", "before": None, "after": "off"}),
}


class TestRecheck:
    """A saved change is done only if nothing of it is otherwise by now."""

    @pytest.mark.parametrize("part", PARTS)
    def test_a_part_that_is_otherwise(self, tmp_path: Path, part: str) -> None:
        world = applied(tmp_path)
        fresh = planned(world, edit_port)
        saved = copy.deepcopy(plan_to_json(fresh)["changes"])
        assert [stale.key for stale in recheck(saved, fresh).stale] == []
        PARTS[part](next(item for item in saved if item["key"] == "update:proxy.px-1"))
        found = recheck(saved, fresh)
        assert next(stale.key for stale in found.stale) == "update:proxy.px-1"
        assert "run:job.mail" in [stale.key for stale in found.stale], "what waits for it is not done either"
        assert found.plan.changes == ()

    def test_a_change_that_is_blocked_by_now(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        saved = plan_to_json(planned(world, edit_port))["changes"]
        raw_of(world.server, "proxy", "px-1.example.com")["status"] = "Offline"
        found = recheck(saved, planned(world, edit_port))
        assert "update:proxy.px-1" in [stale.key for stale in found.stale]


WITHOUT = {
    "proxy": ("px-6", "proxies"),
    "repository": ("spare-disk", "repositories"),
    "job": ("mail", "jobs"),
}


class TestUndeclared:
    """What carries the mark of the inventory and is not declared is deleted; what does not is reported."""

    @pytest.mark.parametrize("kind", WITHOUT)
    @pytest.mark.parametrize("mark", ["", " [vbo-reconcile:other]", " [vbo-reconcile:world]"])
    def test_an_object_that_is_declared_no_more(self, tmp_path: Path, kind: str, mark: str) -> None:
        world = applied(tmp_path)
        name, section = WITHOUT[kind]
        shown = f"{name}.example.com" if kind == "proxy" else name
        raw_of(world.server, kind, shown)["description"] = f"text{mark}"
        made = planned(world, lambda document: document[section].pop(name))
        where = f"{kind}.{name}"
        ours = mark.endswith(":world]")
        assert [key for key in changes(made) if key.endswith(where)] == ([f"delete:{where}"] if ours else [])
        report = "not-ours" if mark else "unmarked"
        assert [item.code for item in made.reports if item.address == where] == ([] if ours else [report])

    def test_what_is_not_created_from_here_is_never_deleted(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        for kind in ("organization", "proxy"):
            name = {"organization": "gamma.example.net", "proxy": "vbo.example.com"}[kind]
            raw_of(world.server, kind, name)["description"] = "text"
        made = planned(world)
        assert made.changes == ()
        assert [item.address for item in made.reports] == []
        reference = [kind.name for kind in KINDS.values() if kind.reference or kind.singleton]
        assert reference == ["organization", "certificate", "smtp"]

    def test_an_organization_with_a_mark(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        raw_of(world.server, "organization", "gamma.example.net")["description"] = "[vbo-reconcile:world]"
        assert planned(world).changes == ()


NAMES = {
    "proxy": "px-1.example.com",
    "pool": "cloud",
    "repository": "disk-1",
    "job": "mail",
    "organization": "alpha.example.com",
}


class TestLetterCase:
    """The server's spelling of a name is the same object."""

    def test_every_kind_with_names_is_in_the_table(self) -> None:
        """A copy job is the one of its job, whatever the server calls it."""
        named = {kind.name for kind in KINDS.values() if not kind.singleton and kind.collection}
        assert NAMES.keys() == named - {"copy_job"}

    @pytest.mark.parametrize("kind", NAMES)
    def test_another_letter_case(self, tmp_path: Path, kind: str) -> None:
        world = applied(tmp_path)
        raw = raw_of(world.server, kind, NAMES[kind])
        raw[COLLECTIONS[kind][1]] = NAMES[kind].upper()
        made = planned(world)
        assert (made.changes, made.reports, made.problems) == ((), (), ())

    @pytest.mark.parametrize("kind", ["proxy", "job"])
    def test_another_letter_case_in_the_inventory(self, tmp_path: Path, kind: str) -> None:
        world = applied(tmp_path)

        def edit(document: dict[str, Any]) -> None:
            if kind == "proxy":
                document["proxies"]["px-1"]["host"] = "PX-1.Example.com"
            else:
                document["jobs"]["MAIL"] = document["jobs"].pop("mail")

        assert changes(planned(world, edit)) == {}


class TestClaims:
    """What only one object at a time can have: the old one goes before the new one comes."""

    @staticmethod
    def renamed(section: str, old: str, new: str) -> Edit:
        def edit(document: dict[str, Any]) -> None:
            document[section][new] = document[section].pop(old)
            for item in document["proxies"].values():
                if (section, item.get("pool")) == ("pools", old):
                    item["pool"] = new
            for item in document["repositories"].values():
                if (section, item.get("pool")) == ("pools", old):
                    item["pool"] = new

        return edit

    @pytest.mark.parametrize(
        ("section", "old", "create", "delete"),
        [
            ("repositories", "spare-disk", "create:repository.new", "delete:repository.spare-disk"),
            ("repositories", "spare-bucket", "create:repository.new", "delete:repository.spare-bucket"),
            ("jobs", "all", "create:job.new", "delete:job.all"),
        ],
        ids=["folder", "bucket", "whole organization"],
    )
    def test_the_old_one_goes_first(self, tmp_path: Path, section: str, old: str, create: str, delete: str) -> None:
        world = applied(tmp_path)
        edit = self.renamed(section, old, "new")
        world.memory.rows[create.partition(":")[2]] = {}  # it was applied once, so that it is not the old one
        made = changes(planned(world, edit))
        assert made[create].depends_on == (delete,)
        assert not made[create].blocked
        world.apply(inventory(world, edit))
        assert planned(world, edit).changes == ()

    def test_members_of_a_pool_under_another_name(self, tmp_path: Path) -> None:
        """Its repository would have to be moved first, and cannot before the new pool is there."""
        world = applied(tmp_path)
        made = changes(planned(world, self.renamed("pools", "cloud", "new")))
        blocked = made["create:pool.new"].blocked
        assert blocked.startswith("it and delete pool.cloud, update repository.bucket depend on each other")

    @pytest.mark.parametrize(
        ("path", "waits"), [("D:\\VBO\\3", True), ("d:\\vbo\\3\\", True), ("D:\\VBO\\33", False), ("E:\\VBO\\3", False)]
    )
    def test_a_folder_in_any_spelling(self, tmp_path: Path, path: str, *, waits: bool) -> None:
        world = applied(tmp_path)

        def edit(document: dict[str, Any]) -> None:
            del document["repositories"]["spare-disk"]
            document["repositories"]["new"] = {"proxy": "px-2", "path": path}

        assert (changes(planned(world, edit))["create:repository.new"].depends_on != ()) == waits

    @pytest.mark.parametrize("part", ["type", "bucket", "folder"])
    def test_a_bucket_is_another_one_by_any_part(self, tmp_path: Path, part: str) -> None:
        world = applied(tmp_path)
        values = {"type": "wasabi", "bucket": "other", "folder": "other"}

        def edit(document: dict[str, Any]) -> None:
            del document["repositories"]["spare-bucket"]
            storage = {**STORAGE, "folder": "two", part: values[part]}
            document["repositories"]["new"] = {"proxy": "px-5", "object_storage": storage}

        assert changes(planned(world, edit))["create:repository.new"].depends_on == ()


class TestPoolsInMappings:
    """An organization whose repository belongs to a pool is processed by every member."""

    def test_a_member_that_is_disrupted(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        world.server.build = "8.6.0.100"
        made = changes(planned(world))
        assert made["upgrade:proxy.px-3"].disrupts == ("beta.example.com",)
        assert made["upgrade:proxy.px-1"].disrupts == ("alpha.example.com",)
        assert made["upgrade:proxy.px-6"].disrupts == ()

    def test_those_that_do_the_same_work_are_in_batches_of_their_own(self, tmp_path: Path) -> None:
        world = applied(tmp_path)
        world.server.build = "8.6.0.100"
        batches = world.review(inventory(world))["batches"]
        assert sorted(key for batch in batches for key in batch) == [f"upgrade:proxy.px-{n}" for n in range(1, 7)]
        for batch in batches:
            assert not {"upgrade:proxy.px-3", "upgrade:proxy.px-4"} <= {*batch}
            assert not {"upgrade:proxy.px-1", "upgrade:proxy.px-2"} <= {*batch}

    def test_jobs_follow_a_member_that_joins(self, tmp_path: Path) -> None:
        world = applied(tmp_path)

        def edit(document: dict[str, Any]) -> None:
            document["proxies"]["px-6"]["pool"] = "cloud"

        made = planned(world, edit)
        assert [change.key for change in made.changes] == ["update:pool.cloud", "run:job.all"]


class TestWhoUsesWhat:
    """What is used cannot go; what lets go of it goes first."""

    def test_everything_goes_from_the_top_down(self, tmp_path: Path) -> None:
        world = applied(tmp_path)

        def edit(document: dict[str, Any]) -> None:
            document["jobs"] = {}
            document["repositories"] = {}
            document["organizations"] = {}
            document.pop("pools")
            for name in ("px-1", "px-2", "px-3", "px-4", "px-5", "px-6"):
                document["proxies"][name]["state"] = "absent"
                document["proxies"][name].pop("pool", None)

        made = world.apply(inventory(world, edit))
        order = [str(change.key) for change in made.changes]
        assert {change.blocked for change in made.changes} == {""}
        for first, then in (
            ("delete:job.mail", "delete:repository.disk-1"),
            ("delete:repository.disk-1", "delete:proxy.px-1"),
            ("delete:repository.bucket", "delete:pool.cloud"),
            ("delete:pool.cloud", "delete:proxy.px-3"),
        ):
            change = next(item for item in made.changes if item.key == then)
            assert first in change.depends_on
            assert order.index(first) < order.index(then)
        assert [raw["type"] for raw in world.server.data["Proxies"].values()] == ["Local"]
        assert world.server.data["Jobs"] == {}

    @pytest.mark.parametrize(
        ("kind", "name", "section", "user"),
        [
            ("repository", "disk-1", "repositories", "job.by-hand"),
            ("proxy", "px-6", "proxies", "repository.by-hand"),
        ],
    )
    def test_what_another_person_uses_stays(
        self, tmp_path: Path, kind: str, name: str, section: str, user: str
    ) -> None:
        world = applied(tmp_path)
        server = world.server
        if kind == "repository":
            twin = {key: value for key, value in raw_of(server, "job", "mail").items() if key != "id"}
            server.add("Jobs", **{**twin, "name": "by-hand", "description": ""})
        else:
            proxy = raw_of(server, "proxy", f"{name}.example.com")["id"]
            server.add("BackupRepositories", name="by-hand", description="", proxyId=proxy, path="D:\\X")

        def edit(document: dict[str, Any]) -> None:
            del document[section]["disk-1" if kind == "repository" else "px-6"]
            if kind == "repository":
                del document["jobs"]["mail"]

        change = changes(planned(world, edit))[f"delete:{kind}.{name}"]
        assert change.blocked.startswith(f"it is in use by {user} (external)")
        assert change.steps == ()


def test_everything_that_is_declared_is_in_the_picture(tmp_path: Path) -> None:
    world = applied(tmp_path)

    def edit(document: dict[str, Any]) -> None:
        document["certificates"] = {"dmz": {"pfx": "dmz.pfx"}}
        document["server"]["certificate"] = "dmz"
        document["copy_jobs"] = {"second": {"job": "mail", "repository": "bucket"}}

    wanted = inventory(world, edit)
    picture = topology(wanted, world.plan(wanted))
    assert {node["kind"] for node in picture["nodes"]} == {"server", *KINDS}
    assert {node["address"] for node in picture["nodes"]} == {"server", *wanted.resources}
    ends = {kind_of(address) for pair in picture["edges"] if "server" in pair for address in pair}
    assert ends == {"server", "certificate", "pool", "proxy", "smtp"}


def test_what_may_take_long(tmp_path: Path) -> None:
    """What deploys, moves or drains is given more time than a call."""

    def edit(document: dict[str, Any]) -> None:
        document["proxies"]["px-3"]["port"] = 9393
        document["proxies"]["px-6"]["state"] = "absent"
        store = document["repositories"]["spare-bucket"]
        del store["proxy"]
        store["pool"] = "cloud"
        document["smtp"]["port"] = 25
        document["jobs"]["mail"]["enabled"] = False
        del document["jobs"]["files"]

    world = World(tmp_path, MemoryServer())
    populate(world.server)
    world.apply(inventory(world))
    assert world.server.long == ["POST Proxies"] * 6
    world.server.long.clear()
    made = world.apply(inventory(world, edit))
    assert {change.blocked for change in made.changes} == {""}
    words = {
        line.rpartition("/")[2] if line.startswith("POST") else line.partition("/")[0] for line in world.server.long
    }
    assert words == {"PUT Proxies", "Remove", "enable", "disable", "changeOwner"}


def test_what_a_job_excludes_and_selects_by_hand_stays(tmp_path: Path) -> None:
    """The items of a job are collections beside it, and its PUT replaces them."""
    world = applied(tmp_path)
    excluded = [{"type": "User", "id": "u-1"}]
    job = raw_of(world.server, "job", "mail")
    job["excludedItems"] = excluded
    selected = copy.deepcopy(job["selectedItems"])
    world.apply(inventory(world, lambda document: document["jobs"]["mail"].update(enabled=False)))
    assert job["isEnabled"] is False
    assert [item["id"] for item in job["excludedItems"]] == ["u-1"]
    assert job["selectedItems"] == selected


def test_a_world_that_is_applied_needs_nothing(tmp_path: Path) -> None:
    for rest in (6, 7, 8):
        world: World = applied(tmp_path, rest=rest)
        assert planned(world).changes == ()
