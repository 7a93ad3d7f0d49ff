"""The command line in the real lab, with the smallest inventory that is shipped."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.cli.boundary import run as main
from reconciler.cli.console import Console
from reconciler.installation import install_command
from reconciler.package_data import package_data
from tests.cli.running import Ended, Stream, call

SCHEMAS = package_data("schemas")
SMALL = str(package_data("inventories", "small.yml"))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a separate state folder, and a lab in it after one apply."""
    environment = {**os.environ, "TERM": "dumb", "CI": "1", "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}
    pending = call("plan", "--lab", SMALL, "--detailed-exitcode", environment=environment)
    assert pending.code == 2, pending
    applied = call("apply", "--lab", SMALL, "--auto-approve", environment=environment)
    assert applied.code == 0, applied
    assert applied.out.endswith("Verified (in the lab): no differences remain.\n")
    return environment


def run(state: dict[str, str], *arguments: str) -> Ended:
    return call(*arguments, environment=state)


def test_a_second_apply_changes_nothing(state: dict[str, str]) -> None:
    ended = run(state, "apply", "--lab", SMALL, "--auto-approve")
    assert ended.code == 0
    assert ended.out.splitlines()[-1].startswith("No changes. ")
    assert run(state, "plan", "--lab", SMALL, "--detailed-exitcode").code == 0


def test_where_the_plan_was_saved_is_said_below_it(state: dict[str, str], tmp_path: Path) -> None:
    both = Stream()
    words = ["plan", "--lab", SMALL, "--out", str(tmp_path / "plan.json")]
    assert main(words, Console(both, both, Stream(), state)) == 0
    assert both.getvalue().splitlines()[-1].startswith("Saved to ")


def test_a_preview_sends_nothing_that_writes(state: dict[str, str]) -> None:
    data = json.loads(run(state, "plan", "--lab", SMALL, "--format", "json").out)
    assert data["lab"] is True
    assert set(data["requests"]) <= {"GET", "LOGIN", "LOGOUT"}


def test_the_state_is_private(state: dict[str, str]) -> None:
    folder = Path(state["XDG_STATE_HOME"]) / "vbo-reconcile" / "lab" / "small"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "journal.db").stat().st_mode & 0o777 == 0o600


def test_a_host_that_is_off_is_unknown_and_an_error(state: dict[str, str]) -> None:
    assert run(state, "lab", "set", "px-1", "power=off", "--inventory", SMALL).code == 0
    ended = run(state, "plan", "--lab", SMALL)
    assert run(state, "lab", "set", "px-1", "power=on", "--inventory", SMALL).code == 0
    assert ended.code == 1
    assert "? host.px-1: everything" in ended.out
    assert "0 to change" in ended.out or "No changes." in ended.out


def test_jobs_and_mail(state: dict[str, str]) -> None:
    listed = json.loads(run(state, "jobs", "list", "--lab", SMALL, "--format", "json").out)
    (job,) = [job["name"] for job in listed["jobs"] if job["declared"]]
    ran = run(state, "jobs", "run", job, SMALL, "--lab")
    assert ran.code == 0
    assert "Success" in ran.out
    assert run(state, "lab", "set", job, "trouble=failure", "--inventory", SMALL).code == 0
    failed = run(state, "jobs", "run", job, SMALL, "--lab")
    assert run(state, "lab", "set", job, "trouble=none", "--inventory", SMALL).code == 0
    assert failed.code == 3
    assert "  failed  " in failed.out
    assert "did not answer" in failed.out
    tried = run(state, "smtp", "test", SMALL, "--lab")
    assert tried.code == 0
    assert "a test mail from vbo@example.com to it@example.com" in tried.out
    assert "  vbo.example.com  vbo@example.com  it@example.com  " in tried.out


def test_an_unknown_target_is_told_what_there_is(state: dict[str, str]) -> None:
    ended = run(state, "lab", "set", "px-9", "power=off", "--inventory", SMALL)
    assert ended.code == 1
    assert "px-1.example.com" in ended.err


def test_status_tells_of_the_hosts(state: dict[str, str]) -> None:
    data = json.loads(run(state, "lab", "status", SMALL, "--format", "json").out)
    assert "px-1.example.com" in data["hosts"]


def test_a_lab_that_is_not_installed_says_how(monkeypatch: pytest.MonkeyPatch, state: dict[str, str]) -> None:
    monkeypatch.setattr("reconciler.operations.lab.find_spec", lambda name: None)
    ended = run(state, "plan", "--lab", SMALL)
    assert ended.code == 1
    assert install_command("lab") in ended.err


def test_one_object_is_explained_on_one_screen(state: dict[str, str]) -> None:
    said = run(state, "explain", "proxy.px-1", SMALL, "--lab")
    assert said.code == 0
    assert len(said.out.splitlines()) <= 30
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[0] == "proxy.px-1 of small for vbo.example.com"
    assert "managed by this inventory (small)" in lines
    assert any(line.startswith("on the server as px-1.example.com, id ") for line in lines), "its name there"
    assert any(line.startswith("declared small.yml:") for line in lines)
    assert any(line.startswith("last run 01") and line.endswith("create proxy.px-1, done") for line in lines)
    assert any(line.startswith("host px-1.example.com px-1.example.com small.yml:") for line in lines)
    assert lines[-1] == "In sync: no change is planned."
    data = json.loads(run(state, "explain", SMALL, "host.px-1", "--lab", "--format", "json").out)
    assert (data["address"], data["chain"]["organizations"]) == ("proxy.px-1", ["contoso.example.com"])


def test_every_object_is_explained_and_a_wrong_address_is_corrected(state: dict[str, str]) -> None:
    nodes = json.loads(run(state, "graph", SMALL, "--format", "json").out)["nodes"]
    schema = Draft202012Validator(json.loads((SCHEMAS / "explain.schema.json").read_text("utf-8")))
    of_plan = json.loads((SCHEMAS / "plan.schema.json").read_text("utf-8"))
    parts = {name: of_plan["properties"][name] for name in ("changes", "unknown", "reports", "problems")}
    as_in_a_plan = Draft202012Validator({"properties": parts, "$defs": of_plan["$defs"]})
    for node in nodes[1:]:
        data = json.loads(run(state, "explain", node["address"], SMALL, "--lab", "--format", "json").out)
        assert [error.message for error in schema.iter_errors(data)] == []
        assert [error.message for error in as_in_a_plan.iter_errors(data)] == []
    assert "Did you mean proxy.px-1?" in run(state, "explain", "proxi.px-1", SMALL, "--lab").err
    assert run(state, "explain", "proxy.*", SMALL, "--lab").code == 64
