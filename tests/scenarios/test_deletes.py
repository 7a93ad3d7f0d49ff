"""What is not wanted any more goes, in order and under the guards; what is another user's stays, whatever happens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.deletes import BUCKET, INVENTORY, Writes, add_foreign, applied, foreign, line, recorded, refused
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix


@pytest.fixture
def writes() -> Iterator[Writes]:
    with recorded() as found:
        yield found


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rehearsal = Rehearsal(tmp_path_factory.mktemp("deletes"))
    rehearsal.file.write_text(INVENTORY, encoding="utf-8")
    ended = rehearsal.apply()
    assert ended.code == 0, ended.out + ended.err
    return rehearsal.folder


@pytest.fixture
def world(first: Path, tmp_path: Path) -> Rehearsal:
    shutil.copytree(first, tmp_path / "world")
    return Rehearsal(tmp_path / "world")


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
        "delete:proxy.px-cold",
    ]
    assert plan["refusals"] == []
    applied(world)
    sent = [item.partition("?")[0] for item in writes.taken()]
    assert sent == ["POST BackupRepositories/changeOwner", "POST Jobs/start", "POST Proxies/Remove"]


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
    assert list(stuck) == ["delete:proxy.px-cold"]
    assert "repository.archive (external)" in next(iter(stuck.values()))
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
