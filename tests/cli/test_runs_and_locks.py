"""`runs` and `lock`: what the journal holds, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.journal import HeldLock, Journal, RunState
from reconciler.model.event import Outcome
from tests.cli.running import Ended, call
from tests.journal.samples import WHO, Ticking, counted, done, ended, plan, started

WAIVED = {"code": "coverage", "detail": "too few", "addresses": [], "waiver": "agreed with the owner"}
HELD = {"code": "window", "detail": "closed", "addresses": [], "waiver": ""}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.db", clock=Ticking(), ids=counted("R")) as opened:
        yield opened


def run(tmp_path: Path, *arguments: str, answer: str = "", terminal: bool = False) -> Ended:
    environment = {"TERM": "dumb", "VBO_RECONCILE_JOURNAL": str(tmp_path / "journal.db")}
    return call(*arguments, environment=environment, answer=answer, terminal=terminal)


@pytest.fixture
def runs(journal: Journal) -> Journal:
    """R01 was killed in the middle: a done, b failed with a log, c in its second step, d not begun. R02 is done."""
    with journal.locks.acquire("vbo01", owner="alice@ci-7", operation="apply") as lock:
        data = plan("a", "b", "c", "d", refusals=[WAIVED, HELD])
        first = journal.begin(data, WHO, run="R01", lock=lock)
        done(first, "a")
        started(first, "b")
        ended(first, "b", Outcome.FAILED, detail="the job\nended as Failed", hint="Look.", log=("one", "two"))
        started(first, "c", step=1)
    second = journal.begin(plan("a"), WHO, run="R02", resumes="R01")
    done(second, "a")
    second.end(RunState.DONE)
    return journal


def test_a_list_has_a_line_for_each_run(runs: Journal, tmp_path: Path) -> None:
    listed = run(tmp_path, "runs", "list")
    assert listed.code == 0
    header, newest, oldest = listed.out.splitlines()
    assert header.split() == ["RUN", "OPERATION", "STATE", "STARTED", "TOOK", "CHANGES", "INVENTORY", "SERVER", "WHO"]
    assert newest.startswith("R02  apply      done    2026-10-03 ")
    assert "1 done, 1 failed, 1 in flight, 1 not started" in oldest
    assert oldest.startswith("R01  apply      killed  ")
    assert oldest.endswith("alice@ci-7 (octocat, https://git.example.com/jobs/12)")
    assert [item["id"] for item in json.loads(run(tmp_path, "runs", "list", "--format", "json").out)["runs"]] == [
        "R02",
        "R01",
    ]
    assert len(run(tmp_path, "runs", "list", "--limit", "1").out.splitlines()) == 2


def test_a_run_tells_what_became_of_every_change(runs: Journal, tmp_path: Path) -> None:
    shown = run(tmp_path, "runs", "show", "R01")
    assert shown.code == 0
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert lines[0] == "Run R01: killed"
    assert "waived coverage: agreed with the owner" in lines
    assert not any("window" in line for line in lines)
    assert lines[lines.index("done change proxy.a 0.5 s") + 1] == "step 0 0.5 s"
    failed = lines.index("failed change proxy.b 0.0 s the job")
    assert lines[failed + 1 : failed + 6] == [
        "step 0 did not end well",
        "ended as Failed",
        "one",
        "two",
        "Fix: Look.",
    ]
    flying = lines.index("in flight change proxy.c")
    assert lines[flying + 1] == "step 0 0.5 s"
    assert lines[flying + 2].startswith("step 1 begun 2026-10-03 ")
    assert lines[flying + 2].endswith("how it ended is not known")
    assert "not started change proxy.d" in lines
    assert lines[-1] == "vbo-reconcile apply PATH --resume R01"


def test_the_same_for_programs(runs: Journal, tmp_path: Path) -> None:
    data = json.loads(run(tmp_path, "runs", "show", "R01", "--format", "json").out)
    assert (data["state"], data["ended"], data["seconds"]) == ("killed", None, None)
    assert data["waivers"] == [{"code": "coverage", "reason": "agreed with the owner"}]
    assert [change["state"] for change in data["changes"]] == ["done", "failed", "in flight", "not started"]
    assert [step["ended"] is None for step in data["changes"][2]["steps"]] == [False, True]
    assert data["changes"][1]["log"] == ["one", "two"]


def test_last_is_the_latest(runs: Journal, tmp_path: Path) -> None:
    shown = run(tmp_path, "runs", "show", "last").out
    assert shown.startswith("Run R02: done\n")
    assert "resumes    R01\n" in shown
    assert "--resume" not in shown


def test_an_unknown_run_is_said_so(journal: Journal, tmp_path: Path) -> None:
    shown = run(tmp_path, "runs", "show", "R99")
    assert shown.code == 1
    assert "The journal has no run 'R99'" in shown.err
    assert run(tmp_path, "runs", "list").out == "The journal has no runs.\n"


@pytest.fixture
def lock(journal: Journal) -> Iterator[HeldLock]:
    with journal.locks.acquire("vbo01", owner="alice@ci-7", operation="apply", run="R7", lease=600) as held:
        yield held


def test_locks_are_listed(lock: HeldLock, tmp_path: Path) -> None:
    _, line = run(tmp_path, "lock", "list").out.splitlines()
    assert line.split()[:5] == [lock.id, "vbo01", "alice@ci-7", "apply", "R7"]
    (data,) = json.loads(run(tmp_path, "lock", "list", "--format", "json").out)["locks"]
    assert (data["id"], data["owner"], data["run"]) == (lock.id, "alice@ci-7", "R7")


def test_no_lock_is_said_in_words(journal: Journal, tmp_path: Path) -> None:
    assert run(tmp_path, "lock", "list").out == "No lock is held.\n"
    assert run(tmp_path, "lock", "break", "L1").code == 1


def test_a_lock_is_broken_after_a_yes(lock: HeldLock, journal: Journal, tmp_path: Path) -> None:
    kept = run(tmp_path, "lock", "break", lock.id, answer="no\n", terminal=True)
    assert kept.code == 4
    assert "held by alice@ci-7 (apply, run R7)" in kept.err
    assert run(tmp_path, "lock", "break", lock.id).code == 4
    assert [holder.id for holder in journal.locks.list()] == [lock.id]
    assert run(tmp_path, "lock", "break", lock.id, answer="yes\n", terminal=True).code == 0
    assert journal.locks.list() == []


def test_a_lock_is_broken_without_asking(lock: HeldLock, journal: Journal, tmp_path: Path) -> None:
    assert run(tmp_path, "lock", "break", lock.id, "--yes").out.startswith("Broken: the lock of vbo01, which was held")
    assert journal.locks.list() == []


HALF = {
    "no YAML": "version: 1\nname: ctl\nserver: {host: x\n",
    "an unknown key": "version: 1\nname: ctl\nserver: {host: x}\nproxys: {}\n",
    "a tab": "name: 'ctl'\nproxies:\n\tpx-1: {}\n",
}


@pytest.mark.parametrize("text", HALF.values(), ids=HALF)
def test_an_inventory_that_is_being_edited_names_its_runs(runs: Journal, tmp_path: Path, text: str) -> None:
    half = tmp_path / "half.yml"
    half.write_text(text, encoding="utf-8")
    other = run(tmp_path, "runs", "list", "--inventory", str(half))
    assert (other.code, other.out) == (0, "The journal has no runs.\n")
    half.write_text(text.replace("ctl", "corp"), encoding="utf-8")
    assert len(run(tmp_path, "runs", "list", "--inventory", str(half)).out.splitlines()) == 3
    assert run(tmp_path, "runs", "show", "last", "--inventory", str(half)).code == 0
    assert run(tmp_path, "lock", "list", "--inventory", str(half)).code == 0
    for command in (["runs", "list"], ["lock", "list"]):
        environment = {"TERM": "dumb", "XDG_STATE_HOME": str(tmp_path)}
        ended = call(*command, "--lab", "--inventory", str(half), environment=environment)
        assert (ended.code, ended.err) == (0, "")


def test_the_lab_of_the_demo_is_not_used_in_silence(tmp_path: Path) -> None:
    environment = {"TERM": "dumb", "XDG_STATE_HOME": str(tmp_path)}
    for command in (["runs", "list"], ["runs", "show", "last"], ["lock", "list"]):
        assert "this is the lab of the demo inventory" in call(*command, "--lab", environment=environment).err
