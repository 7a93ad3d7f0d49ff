"""What is no longer wanted goes, in order and under the guards; what is somebody else's stays, whatever happens."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reconciler.lab.server.dispatch import Dispatcher
from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

INVENTORY = r"""version: 1
name: deletes
server:
  host: vbo.corp.example.com
  credentials: admin
credentials:
  admin: {username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}
  local: {username: Administrator, password: secret://env/LOCAL_PASSWORD}
  linux: {username: backup, password: secret://env/LINUX_PASSWORD, sudo: true}
proxies:
  px-disk: {host: px-disk.corp.example.com, type: domain, credentials: admin}
  px-cold: {host: px-cold.corp.example.com, type: domain, credentials: admin}
  px-lnx-1: {host: px-lnx-1.example.net, os: linux, type: workgroup, credentials: linux, pool: cloud}
  px-lnx-2: {host: px-lnx-2.example.net, os: linux, type: workgroup, credentials: linux, pool: cloud}
pools:
  cloud: {}
repositories:
  disk: {proxy: px-disk, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
  bucket:
    proxy: px-cold
    object_storage: {type: s3-compatible, account: minio, endpoint: https://s3.example.net, bucket: b, folder: f}
    retention: {type: item-level, keep: 3 years}
organizations:
  contoso.example.com: {}
jobs:
  mail: {organization: contoso.example.com, repository: disk, items: [mailbox], run: never}
  files: {organization: contoso.example.com, repository: bucket, items: [onedrive]}
policy: {max_deletes: 2}
"""
LINES = INVENTORY.splitlines(keepends=True)


def line(name: str) -> str:
    """The line of the inventory that declares `name`."""
    return next(text for text in LINES if text.startswith(f"  {name}: "))


BUCKET = "".join(LINES[LINES.index("  bucket:\n") : LINES.index("organizations:\n")])


@dataclass
class Writes:
    """What the server is sent, except for reading, looking again at proxies and logging in."""

    sent: list[str] = field(default_factory=list)

    def taken(self) -> list[str]:
        """What was sent since the last time, without the ids."""
        sent, self.sent = self.sent, []
        return ["/".join(part for part in item.split("/") if part.count("-") != 4) for item in sent]


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    found = Writes()
    real = Dispatcher.answer

    def recorded(self: Dispatcher, request: Any) -> Any:
        if request.method != "GET" and not request.path.lower().endswith(("token", "logout", "rescan")):
            found.sent.append(f"{request.method} {request.path.partition('/')[2]}")
        return real(self, request)

    monkeypatch.setattr(Dispatcher, "answer", recorded)
    return found


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rehearsal = Rehearsal(tmp_path_factory.mktemp("deletes"))
    rehearsal.file.write_text(INVENTORY, encoding="utf-8")
    ended = rehearsal.apply()
    assert ended.code == 0, ended.out + ended.err
    return rehearsal.folder


@pytest.fixture
def world(first: Path, tmp_path: Path) -> Rehearsal:
    import shutil

    shutil.copytree(first, tmp_path / "world")
    return Rehearsal(tmp_path / "world")


def server_state(world: Rehearsal) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((world.folder / "state/vbo-reconcile/lab/deletes/server.json").read_text())
    return found


def add_foreign(world: Rehearsal, proxy: str = "px-disk.corp.example.com") -> dict[str, str]:
    """A repository and a job that somebody made by hand. Gives their ids."""
    with by_hand(world) as client:
        owner = client.by_name("Proxies", "hostName", proxy)["id"]
        period = {"retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Year1", "retentionFrequencyType": "Daily"}
        archive = {"name": "archive", "proxyId": owner, "path": "E:\\archive", "retentionType": "ItemLevel", **period}
        repository = client.request("POST", "BackupRepositories", json=archive).json()["id"]
        organization = client.by_name("Organizations", "name", "contoso.example.com")["id"]
        job = {"name": "theirs", "organizationId": organization, "repositoryId": repository}
        job |= {"backupType": "SelectedItems", "selectedItems": [{"type": "PartialOrganization", "mailbox": True}]}
        return {"repositories": repository, "jobs": client.request("POST", "Jobs", json=job).json()["id"]}


def foreign(world: Rehearsal, ids: dict[str, str]) -> dict[str, Any]:
    state = server_state(world)
    return {kind: state[kind][ident] for kind, ident in ids.items()}


def applied(world: Rehearsal, *more: str) -> None:
    ended = world.apply(*more)
    assert ended.code == 0, ended.out + ended.err
    after = world.plan()
    assert (after["changes"], after["code"]) == ([], 0)


def refused(world: Rehearsal) -> list[str]:
    """The guards that refuse; an apply sends nothing then."""
    plan = world.plan()
    assert world.apply().code == 4
    return [item["code"] for item in plan["refusals"]]


def test_a_world_is_taken_down_piece_by_piece_and_what_is_foreign_stays(world: Rehearsal, writes: Writes) -> None:
    ids = add_foreign(world)
    before = foreign(world, ids)
    assert {(item["address"], item["code"]) for item in world.plan()["reports"]} >= {
        ("repository.archive", "not-ours"),
        ("job.theirs", "not-ours"),
    }
    writes.taken()

    world.replace(line("mail"), "")
    applied(world)
    assert writes.taken() == ["DELETE Jobs"]

    world.replace(line("disk"), "")
    applied(world)
    assert writes.taken() == ["DELETE BackupRepositories"]

    world.replace(line("px-lnx-2"), line("px-lnx-2").replace(", pool: cloud", ", pool: cloud, state: absent"))
    applied(world)
    sent = writes.taken()
    assert [item for item in sent if "CheckSsh" not in item] == ["DELETE ProxyPools/proxies", "POST Proxies/Remove"]
    assert ("proxy.px-lnx-2", "gone") in {(item["address"], item["code"]) for item in world.plan()["reports"]}

    world.replace("pools:\n  cloud: {}\n", "")
    world.replace(line("px-lnx-1"), line("px-lnx-1").replace(", pool: cloud", ", state: absent"))
    world.replace(line("px-lnx-2").replace(", pool: cloud", ", pool: cloud, state: absent"), "")
    applied(world)
    sent = writes.taken()
    assert [item for item in sent if "CheckSsh" not in item] == ["DELETE ProxyPools", "POST Proxies/Remove"]

    assert foreign(world, ids) == before


def test_a_proxy_is_retired_once_its_job_ran_elsewhere(world: Rehearsal, writes: Writes) -> None:
    world.replace(line("px-cold"), "")
    world.replace("    proxy: px-cold\n", "    pool: cloud\n")
    plan = world.plan()
    assert [change["key"] for change in plan["changes"]] == [
        "update:repository.bucket",
        "run:job.files",
        "delete:proxy.px-cold.corp.example.com",
    ]
    assert plan["refusals"] == []
    applied(world)
    sent = [item.partition("?")[0] for item in writes.taken()]
    assert sent == ["POST BackupRepositories/changeOwner", "POST Jobs/start", "POST Proxies/Remove"]


def test_a_failed_job_keeps_the_old_proxy(world: Rehearsal) -> None:
    world.set("files", "trouble=failure")
    world.replace(line("px-cold"), "")
    world.replace("    proxy: px-cold\n", "    pool: cloud\n")
    ended = world.apply()
    assert ended.code == 3
    assert "px-cold.corp.example.com" in {item["hostName"] for item in server_state(world)["proxies"].values()}
    world.set("files", "trouble=none")
    assert list(world.changes()) == ["delete:proxy.px-cold.corp.example.com"]
    applied(world)


def test_a_foreign_repository_keeps_its_proxy(world: Rehearsal, writes: Writes) -> None:
    ids = add_foreign(world, "px-cold.corp.example.com")
    before = foreign(world, ids)
    writes.taken()
    world.replace(line("px-cold"), "")
    world.replace(BUCKET, "")
    world.replace(line("files"), "")
    world.replace("max_deletes: 2", "max_deletes: 3")
    plan = world.plan()
    stuck = {change["key"]: change["blocked"] for change in plan["changes"] if change["blocked"]}
    assert list(stuck) == ["delete:proxy.px-cold.corp.example.com"]
    assert "repository.archive (not of this inventory)" in next(iter(stuck.values()))
    assert world.apply().code == 3
    assert writes.taken() == ["DELETE Jobs", "DELETE BackupRepositories"]
    assert foreign(world, ids) == before


def test_guards_refuse_and_nothing_is_sent(world: Rehearsal, writes: Writes) -> None:
    text = world.file.read_text(encoding="utf-8")
    cut = text.replace(line("mail"), "").replace(line("disk"), "").replace(line("px-disk"), "")
    world.file.write_text(cut, encoding="utf-8")
    assert refused(world) == ["max-deletes"]
    world.file.write_text(cut.replace("max_deletes: 2", "max_deletes: 9, protect: [proxy.px-disk]"), encoding="utf-8")
    assert refused(world) == ["protected"]
    empty = text[: text.index("proxies:")] + "policy: {max_deletes: 100%}\n"
    world.file.write_text(empty, encoding="utf-8")
    assert refused(world) == ["empty-inventory", "last-proxy"]
    assert writes.taken() == []


def test_an_offline_proxy_goes_by_force_only_and_leaves_its_service_to_be_taken_over(
    world: Rehearsal, writes: Writes
) -> None:
    world.replace(line("files"), "")
    world.replace(BUCKET, "")
    applied(world)
    writes.taken()
    text = world.file.read_text(encoding="utf-8")
    world.set("px-cold", "power=off")
    world.replace(line("px-cold"), "")
    assert refused(world) == ["force"]
    assert writes.taken() == []
    applied(world, "--waive", "force=the machine burnt down")
    assert writes.taken() == ["POST Proxies/Remove"]

    world.set("px-cold", "power=on")
    world.file.write_text(text, encoding="utf-8")
    assert list(world.changes()) == ["takeover:proxy.px-cold"]
    assert refused(world) == ["takeover"]
    applied(world, "--waive", "takeover=it is our own, found again")
    assert writes.taken() == ["POST Proxies"]


def test_a_host_of_another_server_is_taken_over_by_waiver_only(tmp_path: Path, writes: Writes) -> None:
    world = Rehearsal(tmp_path)
    head = INVENTORY[: INVENTORY.index("proxies:")]
    world.file.write_text(head + "proxies:\n" + line("px-cold"), encoding="utf-8")
    world.set("px-cold", "owner=vbo-old.corp.example.com")
    assert list(world.changes()) == ["takeover:proxy.px-cold"]
    assert refused(world) == ["takeover"]
    assert writes.taken() == []
    applied(world, "--waive", "takeover=moved here in change 4711")
    assert writes.taken() == ["POST Proxies"]


def test_another_type_is_a_replace_by_waiver_only(world: Rehearsal, writes: Writes) -> None:
    world.replace(line("files"), "")
    world.replace(BUCKET, "")
    applied(world)
    writes.taken()
    old = line("px-cold")
    world.replace(old, old.replace("type: domain, credentials: admin", "type: workgroup, credentials: local"))
    plan = world.plan()
    assert [item["code"] for item in plan["refusals"]] == ["replace"]
    assert (plan["code"], writes.taken()) == (4, [])
    applied(world, "--waive", "replace=agreed with the proxy team")
    assert writes.taken() == ["POST Proxies/Remove", "POST Proxies"]

    world.replace("type: workgroup, credentials: local}", "type: workgroup, credentials: local, state: absent}")
    applied(world)
    assert writes.taken() == ["POST Proxies/Remove"]


def test_other_names_for_the_same_objects_are_renames(world: Rehearsal, writes: Writes) -> None:
    text = world.file.read_text(encoding="utf-8").replace("  cloud: {}", "  linux: {formerly: cloud}")
    text = text.replace("pool: cloud", "pool: linux").replace("  bucket:\n", "  objects:\n    formerly: bucket\n")
    text = text.replace("repository: bucket", "repository: objects").replace("  mail: {", "  post: {formerly: mail, ")
    text = text.replace("  px-disk: {", "  london: {").replace("proxy: px-disk", "proxy: london")
    world.file.write_text(text, encoding="utf-8")
    renames = {key: fields for key, fields in world.changes().items() if not key.startswith("run:")}
    assert renames == {
        "update:pool.linux": {"name": ["cloud", "linux"]},
        "update:repository.objects": {"name": ["bucket", "objects"]},
        "update:job.post": {"name": ["mail", "post"]},
    }
    applied(world)
    assert {item.partition(" ")[0] for item in writes.taken() if "start" not in item} == {"PUT"}
    world.file.write_text(text.replace("formerly: mail, ", ""), encoding="utf-8")
    assert world.changes() == {}
