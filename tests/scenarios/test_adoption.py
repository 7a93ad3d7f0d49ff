"""A server that was set up by hand is declared as it is, and adopted: the marks are all that changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds.codec import without_mark
from tests.scenarios.deletes import Writes, recorded
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

HEAD = r"""version: 1
name: deletes
server: {host: vbo.corp.example.com, rest: REST, credentials: admin}
credentials:
  admin: {username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}
proxies:
  px-1: {host: px-1.corp.example.com, type: domain, credentials: admin}
  px-2: {host: px-2.corp.example.com, type: domain, credentials: admin, description: the second one}
repositories:
  disk: {proxy: px-1, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
organizations:
  contoso.example.com: {}
jobs:
  mail: {organization: contoso.example.com, repository: disk, items: [mailbox], run: on-change, schedule: manual}
"""
COPIES = """\
  archive: {proxy: px-1, object_storage: STORAGE, retention: {type: snapshot, keep: 10 years}}
organizations:"""
STORAGE = "{type: s3-compatible, account: minio, endpoint: 'https://s3.example.net', bucket: vbo, folder: archive}"
MARKED = {"proxies": ["px-1", "px-2"], "repositories": ["disk"], "jobs": ["mail"], "pools": ["cloud"]}
MOVING = {"eTag", "lastRun", "nextRun", "lastBackup", "lastStatus", "tokens", "coverage", "refresh"}


def inventory(rest: str) -> str:
    text = HEAD.replace("REST", rest)
    if rest != "v5":
        storage = STORAGE if rest == "v8" else "{name: Archive}"
        text = text.replace("organizations:", COPIES.replace("STORAGE", storage), 1)
        text += "copy_jobs:\n  mail-copy: {job: mail, repository: archive, schedule: immediate}\n"
    if rest == "v8":
        text = text.replace("description: the second one}", "description: the second one, pool: cloud}")
        text = text.replace("repositories:", "pools:\n  cloud: {}\nrepositories:", 1)
    return text


def state_file(world: Rehearsal) -> Path:
    return world.folder / "state/vbo-reconcile/lab/deletes/server.json"


def objects(world: Rehearsal) -> dict[str, dict[str, Any]]:
    state = json.loads(state_file(world).read_text(encoding="utf-8"))
    return {name: part for name, part in state.items() if isinstance(part, dict) and name not in MOVING}


def by_hand(world: Rehearsal) -> None:
    """The marks are off, and the journal is gone: what is left is what a person could have made."""
    state = json.loads(state_file(world).read_text(encoding="utf-8"))
    for section in MARKED:
        for item in state.get(section, {}).values():
            item["description"] = without_mark(item["description"]) or None  # a real server sends null for no text
    state_file(world).write_text(json.dumps(state), encoding="utf-8")
    for file in state_file(world).parent.glob("journal*"):
        file.unlink()


@pytest.fixture
def writes() -> Iterator[Writes]:
    with recorded() as found:
        yield found


def made(folder: Path, rest: str) -> Rehearsal:
    world = Rehearsal(folder)
    world.file.write_text(inventory(rest), encoding="utf-8")
    world.converges()
    by_hand(world)
    assert world.plan()["changes"] == []
    return world


def unmarked(found: Any) -> Any:
    """Without marks, and without the text that stands for none."""
    if isinstance(found, Mapping):
        parts = {name: unmarked(part) for name, part in found.items() if name not in MOVING}
        return parts | ({"description": without_mark(parts["description"] or "")} if "description" in parts else {})
    return [unmarked(item) for item in found] if isinstance(found, list) else found


@pytest.mark.parametrize("rest", ["v5", "v6", "v7", "v8"])
def test_a_server_made_by_hand_is_adopted_and_nothing_else_changes(tmp_path: Path, rest: str, writes: Writes) -> None:
    world = made(tmp_path, rest)
    before = objects(world)
    writes.taken()
    ended = world.apply("--adopt")
    assert ended.code == 0, ended.out + ended.err
    kinds = {"v5": 4, "v6": 6, "v7": 6, "v8": 7}[rest]
    assert f"{kinds} to adopt" in ended.out
    assert "& adopt proxy.px-1" in ended.out
    assert {verb.partition(" ")[0] for verb in writes.taken()} == {"PUT"}
    after = objects(world)
    assert unmarked(after) == unmarked(before)
    for section, names in MARKED.items():
        items = {item.get("hostName", item.get("name")): item for item in after.get(section, {}).values()}
        texts = [item["description"] for name, item in items.items() if str(name).partition(".")[0] in names]
        assert all(text.endswith("[vbo-reconcile:deletes]") for text in texts), texts
    again = world.run("plan", "--lab", "--adopt", str(world.file), "--detailed-exitcode")
    assert (again.code, again.out.splitlines()[-1][:11]) == (0, "No changes.")
    assert (world.plan()["changes"], world.apply().code, writes.taken()) == ([], 0, [])
    world.file.write_text(inventory(rest).partition("jobs:")[0], encoding="utf-8")
    owned = {"delete:job.mail"} | ({"delete:copy_job.mail-copy"} if rest != "v5" else set())
    assert set(world.changes()) == owned  # adopted objects are this inventory's, as those are that it created


def test_only_the_named_ones_from_a_saved_plan_and_others_are_counted(tmp_path: Path, writes: Writes) -> None:
    world = made(tmp_path, "v8")
    world.replace("description: the second one,", "description: changed,")
    file = str(world.folder / "plan.json")
    ended = world.run("plan", "--lab", str(world.file), "--adopt", "proxy.px-2", "job.*", "smtp", "--out", file)
    assert (ended.code, "'smtp' does not match" in ended.err) == (1, True)
    ended = world.run(
        "plan", "--lab", str(world.file), "--adopt", "proxy.px-2", "job.*", "organization.*", "--out", file
    )
    assert ended.code == 0, ended.err
    summary = "Plan: 0 to create, 0 to change, 0 to delete, 0 to run, 2 to adopt; 6 changes were not selected."
    assert ended.out.splitlines()[-1] == summary
    assert "organization.contoso.example.com: not adopted" not in ended.out, "only what is named by its address"
    writes.taken()
    ended = world.run("apply", "--lab", "--inventory", str(world.file), file)
    assert ended.code == 0, ended.out + ended.err
    assert "no differences remain in what was selected" in ended.out
    assert writes.taken() == ["PUT Proxies", "PUT Jobs"]
    assert world.changes() == {"update:proxy.px-2": {"description": ["the second one", "changed"]}}


def test_the_mark_of_another_inventory_is_taken_by_waiver_only(tmp_path: Path, writes: Writes) -> None:
    world = made(tmp_path, "v8")
    state = state_file(world).read_text(encoding="utf-8")
    state_file(world).write_text(
        state.replace('"the second one"', '"the second one [vbo-reconcile:other]"'), encoding="utf-8"
    )
    writes.taken()
    ended = world.apply("--adopt")
    assert (ended.code, writes.taken()) == (4, [])
    assert "proxy.px-2 belongs to the inventory other" in ended.out
    ended = world.apply("--adopt", "--exclude", "proxy.px-2")
    assert ended.code == 0, ended.out + ended.err
    ended = world.apply("--adopt", "--waive", "adopt=moved here in change 4711")
    assert ended.code == 0, ended.out + ended.err
    assert "the second one [vbo-reconcile:deletes]" in state_file(world).read_text(encoding="utf-8")
