"""Deletes in every REST version, by force, after failures; and renames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.deletes import BUCKET, INVENTORY, Writes, applied, line, recorded, refused, server_state
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

OLD = r"""version: 1
name: old
server:
  host: vbo.corp.example.com
  rest: {rest}
  credentials: admin
credentials:
  admin: {{username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}}
  local: {{username: Administrator, password: secret://env/LOCAL_PASSWORD}}
proxies:
  px-1: {{host: px-1.corp.example.com, type: domain, credentials: admin{first}}}
  px-2: {{host: px-2.example.net, type: workgroup, credentials: local{second}}}
{rest_of_it}policy: {{max_deletes: 10}}
"""
CHAIN = r"""repositories:
  one: {proxy: px-1, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
  two: {proxy: px-2, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
organizations:
  contoso.example.com: {}
jobs:
  mail: {organization: contoso.example.com, repository: one, items: [mailbox], run: never}
  files: {organization: contoso.example.com, repository: two, items: [onedrive], run: never}
"""


@pytest.mark.parametrize("rest", ["v5", "v6", "v7", "v8"])
def test_everything_goes_in_order(rest: str, tmp_path: Path) -> None:
    world = Rehearsal(tmp_path)

    def write(first: str = "", second: str = "", chain: str = "") -> None:
        text = OLD.format(rest=rest, first=first, second=second, rest_of_it=chain)
        world.file.write_text(text, encoding="utf-8")

    write(chain=CHAIN)
    world.converges()
    write(", state: absent", ", state: absent")
    plan = world.plan()
    assert [change["key"] for change in plan["changes"]] == [
        "delete:job.files",
        "delete:job.mail",
        "delete:repository.one",
        "delete:repository.two",
        "delete:proxy.px-1",
        "delete:proxy.px-2",
    ]
    assert [item["code"] for item in plan["refusals"]] == ["last-proxy"]
    ended = world.apply("--waive", "last-proxy=contoso has left us")
    assert ended.code == 0, ended.out + ended.err
    after = world.plan()
    assert (after["changes"], after["code"]) == ([], 0)
    assert {item["address"] for item in after["reports"] if item["code"] == "gone"} == {"proxy.px-1", "proxy.px-2"}


@pytest.fixture
def writes() -> Iterator[Writes]:
    with recorded() as found:
        yield found


@pytest.fixture
def world(tmp_path: Path, writes: Writes) -> Rehearsal:
    rehearsal = Rehearsal(tmp_path)
    rehearsal.file.write_text(INVENTORY, encoding="utf-8")
    ended = rehearsal.apply()
    assert ended.code == 0, ended.out + ended.err
    writes.taken()
    return rehearsal


def test_a_failed_job_keeps_the_old_proxy(world: Rehearsal) -> None:
    world.set("files", "trouble=failure")
    world.replace(line("px-cold"), "")
    world.replace("    proxy: px-cold\n", "    pool: cloud\n")
    ended = world.apply()
    assert ended.code == 3
    assert "px-cold.corp.example.com" in {item["hostName"] for item in server_state(world)["proxies"].values()}
    world.set("files", "trouble=none")
    assert list(world.changes()) == ["delete:proxy.px-cold"]
    applied(world)


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


def test_a_replace_that_is_cut_in_the_middle_is_finished_by_the_next_apply(world: Rehearsal, writes: Writes) -> None:
    world.replace(line("files"), "")
    world.replace(BUCKET, "")
    applied(world)
    writes.taken()
    world.replace(line("px-cold"), line("px-cold").replace("type: domain", "type: workgroup"))
    world.set("server", 'faults=[{"kind": "status", "method": "POST", "path": "Proxies", "status": 400}]')
    assert world.apply("--waive", "replace=agreed").code == 3
    assert writes.taken() == ["POST Proxies/Remove", "POST Proxies"]
    world.set("server", "faults=[]")
    assert list(world.changes()) == ["create:proxy.px-cold"]
    applied(world)
    assert writes.taken() == ["POST Proxies"]


@pytest.mark.parametrize(
    "path", ["Jobs/*", "BackupRepositories/*", "Proxies/*/Remove", "BackupRepositories/*/changeOwner"]
)
def test_answers_that_are_lost_after_the_work_was_done_are_no_failures(
    path: str, world: Rehearsal, writes: Writes
) -> None:
    """An old proxy is retired, and its other repository with its job goes."""
    world.replace(line("px-disk"), "")
    world.replace(line("disk"), "")
    world.replace(line("mail"), "")
    world.replace("    proxy: px-cold\n", "    pool: cloud\n")
    world.replace("max_deletes: 2", "max_deletes: 3")
    method = "POST" if path.count("/") == 2 else "DELETE"
    world.set("server", f'faults=[{{"kind": "drop", "method": "{method}", "path": "{path}", "times": 1}}]')
    ended = world.apply()
    assert ended.code == 0, ended.out + ended.err
    assert sorted(item.partition("?")[0] for item in writes.taken()) == [
        "DELETE BackupRepositories",
        "DELETE Jobs",
        "POST BackupRepositories/changeOwner",
        "POST Jobs/start",
        "POST Proxies/Remove",
    ]
    assert server_state(world)["faults"] == []  # it struck
    after = world.plan()
    assert (after["changes"], after["code"]) == ([], 0)
