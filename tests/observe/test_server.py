"""What is read of the server, and what its objects are called here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.model.live import Live, LiveResource
from reconciler.model.value import UNKNOWN
from tests.worlds.base import Edit, applied, inventory
from tests.worlds.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return applied(tmp_path)


def raw(world: World, collection: str, key: str, value: str) -> dict[str, Any]:
    return next(item for item in world.server.data[collection].values() if item[key] == value)


def seen(world: World, *edits: Edit) -> dict[str, LiveResource]:
    live: Live = world.look(inventory(world, *edits))
    return {str(where): found for where, found in live.resources.items()}


class TestNames:
    def test_what_is_declared_has_its_declared_name(self, world: World) -> None:
        found = seen(world)
        assert found["proxy.px-1"].id == raw(world, "Proxies", "hostName", "px-1.example.com")["id"]
        assert found["repository.disk-1"].fields["owner"] == "proxy.px-1"
        assert found["job.mail"].fields["repository"] == "disk-1"

    @pytest.mark.parametrize(
        ("section", "name", "where"),
        [
            ("proxies", "px-6", "proxy.px-6.example.com"),
            ("repositories", "spare-disk", "repository.spare-disk"),
            ("jobs", "mail", "job.mail"),
        ],
    )
    def test_what_is_not_declared_has_the_servers_name(self, world: World, section: str, name: str, where: str) -> None:
        world.memory.ids.clear()
        assert where in seen(world, lambda document: document[section].pop(name))

    def test_what_is_declared_no_more_keeps_its_address(self, world: World) -> None:
        """So that `--target` finds what is to be deleted."""
        assert "proxy.px-6" in seen(world, lambda document: document["proxies"].pop("px-6"))

    def test_a_name_that_is_taken_gets_an_id_behind_it(self, world: World) -> None:
        """Another organization may have a job of the same name."""
        twin = raw(world, "Jobs", "name", "mail")
        other = raw(world, "Organizations", "name", "beta.example.com")["id"]
        ident = world.server.add("Jobs", **{key: value for key, value in twin.items() if key != "id"})
        world.server.data["Jobs"][ident]["organizationId"] = other
        found = seen(world)
        assert found["job.mail"].id == twin["id"]
        assert found[f"job.mail ({ident[:8]})"].fields["organization"] == "beta.example.com"

    @pytest.mark.parametrize(
        ("section", "kind", "name"), [("repositories", "repository", "disk-1"), ("jobs", "job", "mail")]
    )
    def test_a_former_name_counts_while_the_new_one_is_not_there(
        self, world: World, section: str, kind: str, name: str
    ) -> None:
        def edit(document: dict[str, Any]) -> None:
            document[section]["new"] = {**document[section].pop(name), "formerly": name}
            for job in document["jobs"].values():
                job["repository"] = "new" if job["repository"] == name else job["repository"]

        collection = {"repository": "BackupRepositories", "job": "Jobs"}[kind]
        old = raw(world, collection, "name", name)
        assert seen(world, edit)[f"{kind}.new"].id == old["id"]
        ident = world.server.add(collection, **{**old, "name": "new"})
        world.server.data[collection][ident]["id"] = ident
        found = seen(world, edit)
        assert (found[f"{kind}.new"].id, found[f"{kind}.{name}"].id) == (ident, old["id"])

    def test_the_owner_is_who_the_mark_names(self, world: World) -> None:
        for text, owner in (
            ("Rack 1 [vbo-reconcile:world]", "world"),
            ("[vbo-reconcile:other]", "other"),
            ("[vbo-reconcile:other] and more", ""),
            (None, ""),
        ):
            world.memory.ids.clear()
            raw(world, "Proxies", "hostName", "px-1.example.com")["description"] = text
            assert seen(world)["proxy.px-1"].owner == owner
        assert seen(world)["organization.alpha.example.com"].owner == ""


class TestChain:
    def test_members_of_a_pool_are_the_proxies_that_name_it(self, world: World) -> None:
        assert seen(world)["pool.cloud"].fields["members"] == ["px-3", "px-4"]
        for proxy in world.server.data["Proxies"].values():
            proxy["proxyPoolId"] = None
        assert seen(world)["pool.cloud"].fields["members"] == []

    def test_who_processes_an_organization_follows_from_its_jobs(self, world: World) -> None:
        found = seen(world)
        assert found["organization.alpha.example.com"].fields["proxies"] == ["px-1", "px-2"]
        assert found["organization.beta.example.com"].fields["proxies"] == ["cloud"]
        assert found["organization.gamma.example.net"].fields["proxies"] == []

    @pytest.mark.parametrize("rest", [6, 7, 8])
    def test_the_organization_of_a_job_in_every_version(self, tmp_path: Path, rest: int) -> None:
        """Up to v7 a job only links to it."""
        found = seen(applied(tmp_path / str(rest), rest=rest))
        assert found["job.mail"].fields["organization"] == "alpha.example.com"
        assert found["job.mail"].fields["items"] == ["mailbox"]

    def test_items_are_read_of_declared_jobs_that_have_some(self, world: World) -> None:
        world.server.add("Jobs", **{**raw(world, "Jobs", "name", "mail"), "name": "by-hand"})
        world.server.asked.clear()
        found = seen(world)
        asked = [path for path in world.server.asked if path.endswith("SelectedItems")]
        wanted = {f"Jobs/{found[f'job.{name}'].id}/SelectedItems" for name in ("mail", "files")}
        assert (set(asked), len(asked)) == (wanted, 2)  # side by side, in any order
        assert found["job.all"].fields["items"] == "all"
        assert found["job.by-hand"].fields["items"] is UNKNOWN


class TestRequests:
    def test_one_for_each_collection_whatever_it_holds(self, world: World) -> None:
        for number in range(30):
            world.server.add("BackupRepositories", name=f"more-{number}", description="", path="X:\\")
        world.server.asked.clear()
        seen(world)
        collections = ["Organizations", "VboEmailSettings", "Proxies", "ProxyPools", "BackupRepositories", "Jobs"]
        collections.append("CopyJobs")
        asked = [path for path in world.server.asked if "/" not in path]
        assert sorted(asked) == sorted([*collections, "Accounts"])

    @pytest.mark.parametrize(("rest", "number"), [(8, 8), (7, 6), (6, 6), (5, 5)])
    def test_thirty_more_jobs_take_no_more_requests(self, tmp_path: Path, rest: int, number: int) -> None:
        """Up to v7 a job shows its items. v8 lists those of each job that is compared at a separate address."""
        world = applied(tmp_path, rest=rest)
        mail, more = raw(world, "Jobs", "name", "mail"), [f"more-{index}" for index in range(30)]
        for name in more:
            world.server.add("Jobs", **{**{key: value for key, value in mail.items() if key != "id"}, "name": name})

        def declare(document: dict[str, Any]) -> None:
            document["jobs"] |= dict.fromkeys(more, document["jobs"]["mail"])

        world.server.asked.clear()
        found = seen(world, declare)
        assert found["job.more-29"].fields["items"] == ["mailbox"]
        items = [path for path in world.server.asked if path.endswith("/SelectedItems")]
        assert len(items) == (32 if rest == 8 else 0)
        assert len(world.server.asked) - len(items) == number, world.server.asked

    def test_accounts_and_mail_settings_are_read_only_if_they_are_needed(self, world: World) -> None:
        def edit(document: dict[str, Any]) -> None:
            del document["smtp"]
            for name in ("bucket", "spare-bucket"):
                del document["repositories"][name]
            del document["jobs"]["all"]

        world.server.asked.clear()
        found = seen(world, edit)
        assert {"Accounts", "VboEmailSettings"} & {*world.server.asked} == set()
        assert "smtp" not in found

    def test_what_a_version_does_not_have_is_not_asked_for(self, tmp_path: Path) -> None:
        world = applied(tmp_path, rest=7)
        world.server.asked.clear()
        found = seen(world)
        assert "ProxyPools" not in world.server.asked
        assert found["proxy.px-1"].fields["os"] is UNKNOWN
        assert found["proxy.px-1"].fields["threads"] == 64

    @pytest.mark.parametrize("rest", [7, 6, 5])
    def test_object_storage_before_v8(self, tmp_path: Path, rest: int) -> None:
        """It is a separate object, which v5 lists too."""
        world = applied(tmp_path, rest=rest)
        collection = "ObjectStorageRepositories" if rest == 5 else "objectstoragerepositories"
        ident = world.server.add(collection, name="Bucket", type="AmazonS3", s3Folder="f")
        disk = raw(world, "BackupRepositories", "name", "spare-disk")
        disk |= {"objectStorageId": ident, "objectStorageCachePath": ""}

        def edit(document: dict[str, Any]) -> None:
            document["repositories"]["spare-disk"] = {"proxy": "px-2", "object_storage": {"name": "Bucket"}}

        world.server.asked.clear()
        found = seen(world, edit)["repository.spare-disk"]
        assert collection in world.server.asked
        assert found.fields["object_storage.name"] == "Bucket"
        assert found.fields["object_storage.type"] == "s3"
        assert found.fields["object_storage.folder"] == "f"
        assert found.fields["object_storage.bucket"] is UNKNOWN


def test_what_the_server_hides_is_unknown(world: World) -> None:
    """An offline proxy shows neither its rate nor its port."""
    item = raw(world, "Proxies", "hostName", "px-2.example.com")
    for key in ("throttlingValue", "throttlingUnit", "port"):
        del item[key]
    fields = seen(world)["proxy.px-2"].fields
    assert (fields["throttle"], fields["port"], fields["credentials"]) == (UNKNOWN, UNKNOWN, UNKNOWN)
    assert fields["host"] == "px-2.example.com"


def test_accounts_go_by_their_description_too(world: World) -> None:
    (ident,) = world.server.data["Accounts"]
    world.server.data["Accounts"][ident] |= {"userName": "AKIA", "description": "minio"}
    assert seen(world)["repository.bucket"].fields["object_storage.account"] == "minio"
    world.server.data["Accounts"][ident]["description"] = None
    assert seen(world)["repository.bucket"].fields["object_storage.account"] == "AKIA"
