"""`diff` and `show`, the pages of a pipeline, and messages as JSON lines: what needs no world."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.inventory import load
from reconciler.plan import plan_to_json
from reconciler.plan.offline import difference
from reconciler.plan.saved import Origin, sealed, to_bytes
from reconciler.render import FORMATS
from reconciler.timing import utc_now as now
from tests.cli.running import Ended, call
from tests.git import git

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "inventories" / "demo.yml"
ABOUT = {"name": "demo", "folder": "", "main": "old.yml"}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """An inventory, and what it becomes: a proxy is faster, a job is gone, and another is new."""
    old, new = tmp_path / "old.yml", tmp_path / "new.yml"
    text = DEMO.read_text(encoding="utf-8")
    old.write_text(text, encoding="utf-8")
    job = "  fabrikam-daily: {organization: fabrikam.example.com, repository: fabrikam, items: all}\n"
    assert text.count(job) == text.count("100 Mbps") == 1
    changed = text.replace(job, job.replace("fabrikam-daily", "fabrikam-nightly")).replace("100 Mbps", "150 Mbps")
    new.write_text(changed, encoding="utf-8")
    return old, new


def test_the_difference_of_two_inventories(pair: tuple[Path, Path]) -> None:
    ended = call("diff", *map(str, pair), "--format", "json", "--detailed-exitcode")
    data = json.loads(ended.out)
    changes = {change["key"] for change in data["changes"] if change["action"] != "run"}
    assert (ended.code, data["mode"], data["requests"]) == (1, "diff", {})  # a rename without `formerly` is blocked
    assert changes == {"update:proxy.px-lon-1", "delete:job.fabrikam-daily", "create:job.fabrikam-nightly"}
    assert data["unknown"] == data["problems"] == []


def test_an_inventory_does_not_differ_from_itself(pair: tuple[Path, Path]) -> None:
    ended = call("diff", str(pair[0]), str(pair[0]), "--detailed-exitcode")
    assert ended.code == 0
    assert "No difference." in ended.out
    assert "Two inventories compared" in ended.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["diff", "{old}"], 64, "Give two inventories"),
        (["diff", "{old}", "{new}", "--base", "main"], 64, "not both"),
        (["diff", "--base", "main", "{new}"], 1, "not a git repository"),
        (["diff", "{old}", "{old}.absent"], 1, "does not exist"),
        (["show", "{old}"], 1, "is not JSON"),
        (["show", "{old}.absent"], 1, "No such file"),
        (["plan", "{old}", "--expires", "0"], 64, "0.0 is not in the range"),
    ],
)
def test_what_cannot_be_compared(pair: tuple[Path, Path], arguments: list[str], code: int, said: str) -> None:
    ended = call(*(part.format(old=pair[0], new=pair[1]) for part in arguments))
    assert ended.code == code
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("form", FORMATS)
def test_show_gives_what_was_shown_before(pair: tuple[Path, Path], tmp_path: Path, form: str) -> None:
    saved = tmp_path / "plan.json"
    shown = call("diff", *map(str, pair), "--format", f"json={saved}", "--format", form)
    assert shown.code == 0
    assert shown.out
    assert call("show", str(saved), "--format", form).out == shown.out


def test_three_levels_of_detail(pair: tuple[Path, Path]) -> None:
    brief, normal, full = (
        call("diff", *map(str, pair), "--detail", level).out.splitlines() for level in ("brief", "normal", "full")
    )
    assert len(brief) < len(normal) < len(full)
    assert "  ~ change proxy.px-lon-1: throttle" in brief
    assert "      throttle: 100 Mbps -> 150 Mbps" in normal
    assert any(line.startswith("      step 1: update {kind: proxy, name: px-lon-1") for line in full)
    assert brief[-1] == normal[-1] == full[-1]
    assert brief[-1].startswith("Difference: 1 to create, 1 to change, 1 to delete")


def github(tmp_path: Path, *arguments: str) -> tuple[Ended, str]:
    page = tmp_path / "page.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page), "TERM": "dumb"}
    return call(*arguments, environment=environment), page.read_text(encoding="utf-8") if page.exists() else ""


def test_a_step_of_github_gets_annotations_and_a_page(pair: tuple[Path, Path], tmp_path: Path) -> None:
    ended, page = github(tmp_path, "diff", *map(str, pair), "--format", "json")
    assert json.loads(ended.out)["mode"] == "diff"
    assert "::warning file=old.yml" in ended.err or "::warning file=new.yml" in ended.err
    assert page.startswith("<!-- vbo-reconcile:plan:demo -->\n### ")


def test_what_validate_finds_stands_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    git(tmp_path, "init", "--quiet")
    file = tmp_path / "sites" / "corp.yml"
    file.write_text("version: 1\nname: corp\nporxies: {}\n", encoding="utf-8")
    ended, _ = github(tmp_path, "validate", str(file))
    assert ended.code == 1
    assert "::error file=sites/corp.yml,line=3,col=1,title=" in ended.err


def test_a_plan_that_has_expired_is_stale(pair: tuple[Path, Path], tmp_path: Path) -> None:
    inventory, _ = load(pair[0], look_at_files=False)
    assert inventory is not None
    past = now() - timedelta(hours=1)
    made = {**plan_to_json(difference(inventory, inventory)), "inventory": {**ABOUT, "digest": inventory.digest}}
    content = sealed(made, origin=Origin("0.1.0"), created=past, expires=past)
    file = tmp_path / "plan.json"
    file.write_bytes(to_bytes(content))
    ended = call("apply", str(file))
    assert ended.code == 5
    assert "expired at" in ended.err


def test_a_page_that_cannot_be_written_fails_nothing(pair: tuple[Path, Path]) -> None:
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "/dev/null/page", "TERM": "dumb"}
    ended = call("diff", *map(str, pair), environment=environment)
    assert ended.code == 0
    assert "could not be written" in ended.err


def test_no_pages_elsewhere(pair: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    ended = call("diff", *map(str, pair), environment={"GITHUB_STEP_SUMMARY": str(page), "TERM": "dumb"})
    assert (ended.err, page.exists()) == ("", False)


def test_files_are_private_and_keep_the_mode_they_were_given(pair: tuple[Path, Path], tmp_path: Path) -> None:
    open_file = tmp_path / "open.md"
    open_file.touch(mode=0o640)
    open_file.chmod(0o640)
    new = tmp_path / "new.html"
    call("diff", *map(str, pair), "--format", f"markdown={open_file}", "--format", f"html={new}")
    assert [file.stat().st_mode & 0o777 for file in (open_file, new)] == [0o640, 0o600]


def test_messages_beside_the_screen(tmp_path: Path) -> None:
    stream = tmp_path / "events.jsonl"
    ended = call("plan", str(tmp_path / "absent.yml"), "--json-into", str(stream))
    messages = [json.loads(line) for line in stream.read_text(encoding="utf-8").splitlines()]
    assert [message["type"] for message in messages] == ["version", "diagnostic", "end"]
    assert messages[1]["code"] == "no-inventory"
    assert messages[-1]["exit_code"] == ended.code == 1
    assert stream.stat().st_mode & 0o777 == 0o600
    assert all(message["at"] <= now().isoformat() for message in messages)


def test_messages_that_cannot_be_written_stop_nothing(tmp_path: Path) -> None:
    ended = call("plan", str(tmp_path / "absent.yml"), "--json-into", "/dev/full")
    assert ended.code == 1
    assert "Not all events could be written" in ended.err
    assert "does not exist" in ended.err


def test_two_hash_seeds_and_two_time_zones_give_the_same_bytes(pair: tuple[Path, Path]) -> None:
    def shown(seed: str, zone: str) -> list[str]:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        folder = pair[0].parent / f"seed-{seed}"
        folder.mkdir()
        for file in pair:
            shutil.copy(file, folder)
        outputs = [f"--format={form}={form}.out" for form in FORMATS if form != "human"]
        command = [sys.executable, "-m", "reconciler", "diff", "old.yml", "new.yml", "--detail", "full", *outputs]
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return [done.stdout, *((folder / f"{form}.out").read_text("utf-8") for form in FORMATS if form != "human")]

    assert shown("1", "UTC") == shown("4242", "Pacific/Auckland")
