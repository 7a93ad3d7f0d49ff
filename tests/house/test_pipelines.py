"""The pipelines of the README are run as they stand there: in their own repository, in the lab."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli.root import COMMANDS
from tests.git import git
from tests.house.test_wheel import build

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```yaml\n# (\S+)\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
SHOWN = {name: yaml.safe_load(text) for name, text in BLOCKS}

TRUST = """\
version: 1
servers: [vbo01.corp.example.com]
hosts: ["*.corp.example.com", "*.example.net"]
"""

STUB = """#!/bin/sh
echo "$0 $*" >> "$STUB_LOG"
"""


class Runner:
    """A machine that runs steps: `vbo-reconcile` is ours, and what talks to GitHub or GitLab only says so."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        (self.work / "backup").mkdir(parents=True)
        tools = folder / "tools"
        tools.mkdir()
        self.log = folder / "stubs.log"
        for name in ("gh", "curl"):
            self._tool(tools / name, STUB)
        self._tool(tools / "vbo-reconcile", f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
        self.environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "XDG_STATE_HOME": str(folder / "state"),
            "VBO_RECONCILE_LAB": "1",
            "STUB_LOG": str(self.log),
            "CI": "true",
        }
        demo = (ROOT / "inventories" / "demo.yml").read_text(encoding="utf-8")
        self.inventory = self.work / "backup" / "corp.yml"
        self.inventory.write_text(demo, encoding="utf-8")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    @staticmethod
    def _tool(file: Path, text: str) -> None:
        file.write_text(text, encoding="utf-8")
        file.chmod(0o700)

    def git(self, *arguments: str) -> str:
        return git(self.work, *arguments)

    def commit(self) -> str:
        self.git("add", "backup")
        self.git("commit", "--quiet", "--message", "x")
        return self.git("rev-parse", "HEAD")

    def run(self, script: str, shell: str = "bash -e", **more: str) -> str:
        """What a step says. It must succeed."""
        done = subprocess.run(
            [*shell.split(), "-c", script],
            cwd=self.work,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def stubs(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build(ROOT, tmp_path / "wheel")


def steps(job: dict[str, Any]) -> dict[str, str]:
    """The scripts of a job of GitHub by name, without what installs."""
    return {step["name"]: step["run"] for step in job["steps"] if "run" in step and step["name"] != "Install"}


@pytest.mark.parametrize("name", SHOWN)
def test_every_command_in_it_exists(name: str) -> None:
    used = re.findall(r"vbo-reconcile ([a-z]+)", dict(BLOCKS)[name])
    assert set(used) <= set(COMMANDS)


@pytest.mark.matrix
def test_the_workflow_of_github_installs_from_where_the_package_is(tmp_path: Path, wheel: Path) -> None:
    """From a wheel, as its comment says, and without what the package depends on: that takes an index."""
    workflow = SHOWN[".github/workflows/backup-proxies.yml"]
    assert workflow["env"]["VBO_RECONCILE"].startswith("git+https://")
    scripts = {
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if step.get("name") == "Install"
    }
    assert scripts
    runner = Runner(tmp_path)
    for number, script in enumerate(sorted(scripts)):
        place, path = tmp_path / f"runner-{number}", tmp_path / f"path-{number}"
        given = {"VBO_RECONCILE": wheel.as_uri(), "RUNNER_TEMP": str(place), "GITHUB_PATH": str(path)}
        runner.run(script, **given, PIP_NO_DEPS="1", PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
        assert (Path(path.read_text(encoding="utf-8").rstrip("\n")) / "vbo-reconcile").exists()


def test_the_workflow_of_github_is_hardened() -> None:
    """As GitHub's guide for the secure use of Actions asks: what a job does not need, it does not get."""
    text = dict(BLOCKS)[".github/workflows/backup-proxies.yml"]
    workflow = SHOWN[".github/workflows/backup-proxies.yml"]
    assert workflow["permissions"] == {}
    assert "secrets." not in str(workflow["env"])
    assert re.search(r"@[0-9a-f]{40}$", workflow["env"]["VBO_RECONCILE"])
    for name, job in workflow["jobs"].items():
        rights = job["permissions"]
        assert rights in ({"contents": "read"}, {"pull-requests": "write"}), name
        assert "env" not in job
        given = [step["name"] for step in job["steps"] if "secrets." in str(step)]
        assert given == [step["name"] for step in job["steps"] if step.get("name") in ("Plan", "Apply")]
        assert not given or job["environment"].startswith("backup")
        assert not ("self-hosted" in job["runs-on"] and rights != {"contents": "read"})
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "what others wrote would become a part of the script"
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
    used = re.findall(r"uses: (\S+)  # v\d+\.\d+\.\d+\n", text)
    assert len(used) == text.count("uses:")
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", name) for name in used)


@pytest.mark.matrix
def test_the_workflow_of_github_from_pull_request_to_apply(tmp_path: Path) -> None:
    jobs = SHOWN[".github/workflows/backup-proxies.yml"]["jobs"]
    runner = Runner(tmp_path)
    page = tmp_path / "page.md"
    trust = tmp_path / "trust.yml"
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page), "VBO_RECONCILE_TRUST": str(trust)}
    trust.write_text(TRUST, encoding="utf-8")

    main = runner.git("rev-parse", "HEAD")
    runner.git("update-ref", "refs/remotes/origin/main", main)
    runner.git("checkout", "--quiet", "-b", "faster")
    text = runner.inventory.read_text(encoding="utf-8")
    runner.inventory.write_text(text.replace("100 Mbps", "150 Mbps"), encoding="utf-8")
    runner.commit()
    review = {**github, "GITHUB_BASE_REF": "main", "PR": "7"}
    for name, script in {**steps(jobs["diff"]), **steps(jobs["plan"]), **steps(jobs["comment"])}.items():
        said = runner.run(script, **review)
        assert "Traceback" not in said, name
    assert "pr comment 7 --body-file plan.md" in runner.stubs
    comment = (runner.work / "plan.md").read_text(encoding="utf-8")
    assert "Caused by this review" in comment
    assert "Not caused by what changed since origin/main" in comment
    assert "150 Mbps" in comment
    assert comment in page.read_text(encoding="utf-8")

    runner.git("checkout", "--quiet", "main")
    runner.git("merge", "--quiet", "--ff-only", "faster")
    planning = steps(jobs["plan"])
    runner.run(planning["Plan"], **github)
    downloaded = tmp_path / "temp" / "plan"
    downloaded.mkdir(parents=True)
    (runner.work / "plan.json").rename(downloaded / "plan.json")
    said = runner.run(steps(jobs["apply"])["Apply"], **github, RUNNER_TEMP=str(tmp_path / "temp"))
    assert "no differences remain" in said
    assert "### Applied: " in page.read_text(encoding="utf-8")
    assert (runner.work / "apply.jsonl").read_text(encoding="utf-8").count('"type": "change_ended"') > 10
    assert "No changes" in runner.run(planning["Plan"], **github)


@pytest.mark.matrix
def test_the_pipeline_of_gitlab(tmp_path: Path) -> None:
    jobs = SHOWN[".gitlab-ci.yml"]
    runner = Runner(tmp_path)
    review = {
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": runner.git("rev-parse", "HEAD"),
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_ID": "1",
        "NOTES_TOKEN": "t",
    }
    said = runner.run("\n".join(jobs["plan"]["script"]), **review)
    assert "Not caused by what changed since" in said
    assert "--data-urlencode body@plan.md https://gitlab.example.com/api/v4/projects/1/merge_requests/7/notes" in (
        runner.stubs
    )
    runner.run("\n".join(jobs["plan"]["script"]))
    assert "no differences remain" in runner.run("\n".join(jobs["apply"]["script"]))


def test_the_hook_for_pre_commit(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (asked,) = SHOWN[".pre-commit-config.yaml"]["repos"][0]["hooks"]
    assert asked["id"] == hook["id"]
    assert hook["pass_filenames"] is False
    runner = Runner(tmp_path)
    command = " ".join([hook["entry"], *asked["args"]])
    assert "Valid: demo declares" in runner.run(command)
    runner.inventory.write_text("version: 1\n", encoding="utf-8")
    assert "Not valid" in runner.run(f"! {command}")
