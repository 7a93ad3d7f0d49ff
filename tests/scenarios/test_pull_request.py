"""A change of the inventory on its way through git: branch, plan, review, merge, apply of just what was approved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Ended
from tests.git import git
from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

LON_1, LON_2, DMZ_1 = "px-lon-1.corp.example.com", "px-lon-2.corp.example.com", "px-dmz-1.example.net"


class Repository:
    """The demo, applied, in its own git repository."""

    def __init__(self, demo: Rehearsal) -> None:
        self.demo = demo
        (demo.folder / "backup").mkdir()
        demo.file.rename(demo.folder / "backup" / "corp.yml")
        demo.inventory = Path("backup/corp.yml")
        self.git("init", "--quiet", "--initial-branch=main")
        (demo.folder / ".gitignore").write_text("/state/\n/*.*\n", encoding="utf-8")
        self.commit("the demo")

    def git(self, *arguments: str) -> str:
        return git(self.demo.folder, *arguments)

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD")

    def plan(self, *more: str) -> tuple[Ended, dict[str, Any]]:
        """Plan in the lab; what `--format json` says goes into `seen.json`."""
        ended = self.demo.run("plan", "--lab", "backup/corp.yml", "--format", "json=seen.json", *more)
        assert ended.code == 0, ended.err
        return ended, json.loads((self.demo.folder / "seen.json").read_text(encoding="utf-8"))


@pytest.fixture
def repository(demo: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.chdir(demo.folder)
    return Repository(demo)


def keys(plan: dict[str, Any], **having: Any) -> list[str]:
    return sorted(
        change["key"]
        for change in plan["changes"]
        if change["action"] != "run" and all(change[name] == value for name, value in having.items())
    )


@pytest.mark.matrix
def test_a_pull_request_from_branch_to_apply(repository: Repository) -> None:
    demo = repository.demo
    main = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "faster")
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    demo.replace("description: London, rack 5", "description: London, rack 6")
    commit = repository.commit("Faster in London")
    with by_hand(demo) as hand:
        hand.change("Proxies", "hostName", DMZ_1, {"description": "by hand"})

    out, page, comment = (str(demo.folder / name) for name in ("plan.json", "plan.html", "plan.md"))
    demo.environment["CI_MERGE_REQUEST_DIFF_BASE_SHA"] = main
    ended, plan = repository.plan("--out", out, "--format", f"html={page}", "--format", f"markdown={comment}")
    assert ended.code == 0, ended.err
    assert plan["base"] == {"revision": main, "commit": main}
    assert plan["git"] == {"commit": commit, "dirty": False}
    assert plan["inventory"]["folder"] == "backup"
    assert keys(plan, introduced=True) == [f"update:proxy.{name}" for name in ("px-lon-1", "px-lon-2")]
    assert keys(plan, introduced=False) == ["update:proxy.px-dmz-1"]
    (faster,) = [change for change in plan["changes"] if change["key"] == "update:proxy.px-lon-1"]
    assert faster["cause"]["commit"] == commit
    assert faster["fields"][0]["cause"]["position"]["file"] == "corp.yml"

    text = Path(comment).read_text(encoding="utf-8")
    outside, inside = text.index(f"Not caused by what changed since {main}"), text.index("Caused by this review")
    assert outside < text.index("`proxy.px-dmz-1`") < inside < text.index("`proxy.px-lon-1`")
    assert "Caused by this review" in Path(page).read_text(encoding="utf-8")
    assert f"Not caused by what changed since {main}" in ended.out
    assert [Path(name).stat().st_mode & 0o777 for name in (out, page, comment)] == [0o600] * 3

    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "faster")
    with by_hand(demo) as hand:
        hand.change("Proxies", "hostName", LON_2, {"description": "moved"})
    applied = demo.run("apply", "--lab", out)
    assert applied.code == 5, applied.out + applied.err
    assert "change proxy.px-lon-2: the live state changed after approval" in applied.out
    assert "description: live value was London, rack 5 at approval, is now moved" in applied.out
    _, left = repository.plan()
    assert keys(left) == ["update:proxy.px-lon-2"]

    assert demo.run("apply", "--lab", out).code == 5
    _, left = repository.plan()
    assert keys(left) == ["update:proxy.px-lon-2"]
    demo.converges()


@pytest.mark.matrix
def test_what_is_not_in_the_file_is_not_done(repository: Repository) -> None:
    demo = repository.demo
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    out = str(demo.folder / "plan.json")
    repository.plan("--out", out)
    with by_hand(demo) as hand:
        hand.change("Proxies", "hostName", DMZ_1, {"description": "by hand"})
    applied = demo.run("apply", "--lab", out, "--inventory", "backup/corp.yml", "--format", "json")
    answer = json.loads(applied.out)
    assert (applied.code, answer["exit_code"]) == (0, 0)
    assert [key for key in answer["recheck"]["extra"] if not key.startswith("run:")] == ["update:proxy.px-dmz-1"]
    assert answer["recheck"]["stale"] == []
    _, left = repository.plan()
    assert keys(left) == ["update:proxy.px-dmz-1"]
    demo.converges()


@pytest.mark.matrix
def test_a_plan_that_was_brought_about_meanwhile_needs_nothing(repository: Repository) -> None:
    demo = repository.demo
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    out = str(demo.folder / "plan.json")
    repository.plan("--out", out)
    assert demo.apply().code == 0
    again = demo.run("apply", "--lab", out, "--inventory", "backup/corp.yml", "--format", "json")
    assert again.code == 0
    assert "update:proxy.px-lon-1" in json.loads(again.out)["recheck"]["done"]
    demo.converges()


SPOILED: dict[str, tuple[Callable[[str], str], list[str]]] = {
    "was changed after it was written": (lambda text: text.replace("150 Mbps", "900 Mbps"), ["--lab"]),
    "is not JSON": (lambda text: text[:-40], ["--lab"]),
    "is not a plan of `vbo-reconcile`": (lambda text: "{}", ["--lab"]),
    "made in the lab, and is to be applied outside of it": (lambda text: text, []),
}
"""What is said of a plan file, by what was done to it and how it is applied then."""


@pytest.mark.matrix
def test_a_file_that_cannot_be_trusted_is_refused(repository: Repository) -> None:
    demo = repository.demo
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    out = demo.folder / "plan.json"
    repository.plan("--out", str(out))
    written = out.read_text(encoding="utf-8")
    for said, (spoil, arguments) in SPOILED.items():
        out.write_text(spoil(written), encoding="utf-8")
        refused = demo.run("apply", *arguments, str(out))
        assert (refused.code, said in refused.err) == (1, True), refused.err
    _, left = repository.plan()
    assert keys(left) == ["update:proxy.px-lon-1"]
    demo.converges()


def test_a_base_that_git_does_not_know(repository: Repository) -> None:
    ended = repository.demo.run("plan", "--lab", "backup/corp.yml", "--base", "nowhere")
    assert ended.code == 1
    assert "nowhere" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.matrix
@pytest.mark.parametrize("base", ["main", "old.yml"])
def test_a_rehearsal_of_a_branch(repository: Repository, base: str) -> None:
    """The lab is built as the base was, the branch is planned against it, and applying it converges."""
    demo = repository.demo
    shutil.copy(demo.file, demo.folder / "old.yml")
    with by_hand(demo) as hand:
        hand.change("Proxies", "hostName", DMZ_1, {"description": "by hand"})
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    _, plan = repository.plan("--base", base)
    assert keys(plan) == ["update:proxy.px-lon-1"]
    assert [item.get("introduced") for item in plan["changes"]] == [base == "main" or None] * len(plan["changes"])
    demo.converges()


@pytest.mark.matrix
def test_a_rehearsal_of_a_branch_with_own_playbooks(repository: Repository) -> None:
    """The base is applied with the playbooks of its commit; a base whose playbooks have errors leaves the lab alone."""
    demo = repository.demo
    book = demo.folder / "backup" / "house"
    book.mkdir()
    requirement = "  - {name: space, fact: disk.free_gb, at_least: 1, why: 'So.', manual: Add a disk.}\n"
    (book / "linux.yml").write_text("version: 1\nos: linux\nrequirement:\n" + requirement)
    demo.replace("name: demo\n", "name: demo\nplaybooks: [house]\n")
    repository.commit("Our own playbook, misspelled")
    repository.git("tag", "broken")
    (book / "linux.yml").write_text("version: 1\nos: linux\nrequirements:\n" + requirement)
    repository.commit("Our own playbook")
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    state = demo.plan()
    refused = demo.run("plan", "--lab", "backup/corp.yml", "--base", "broken")
    assert (refused.code, "house/linux.yml:1:1" in refused.err) == (1, True), refused.err
    assert demo.plan() == state
    repository.git("checkout", "--quiet", "-b", "faster")
    shutil.rmtree(book)
    demo.replace("name: demo\nplaybooks: [house]\n", "name: demo\n")
    repository.commit("Faster, and no playbook any more")
    _, plan = repository.plan("--base", "main")
    assert keys(plan) == ["update:proxy.px-lon-1"]
