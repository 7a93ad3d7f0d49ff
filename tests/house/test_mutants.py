"""The verdicts of `make mutants` are kept: a run that was stopped goes on behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("resource", reason="mutants are judged by processes that are forked")

from tests.mutants.verdicts import chosen, judged, write
from tests.mutants.watch import Job, Verdict


def job(name: str, code: str = "a = 2\n") -> Job:
    return Job(name, "reconciler/plan/batches.py", code, ("tests/plan/test_batches.py::test_one",), False, False)


JOBS = {name: job(name) for name in ("killed", "slow", "alive", "open")}
VERDICTS = {
    "killed": Verdict("killed", 0.5, "test_one"),
    "slow": Verdict("timeout", 12.0, "test_two"),
    "alive": Verdict("survived", 3.25),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for name, verdict in VERDICTS.items():
        write(tmp_path / "verdicts.jsonl", JOBS[name], verdict)
    return tmp_path / "verdicts.jsonl"


def test_a_run_without_a_file_judges_all(tmp_path: Path) -> None:
    assert judged(tmp_path / "none.jsonl", JOBS.values()) == {}
    assert chosen(JOBS, {}, again=False) == [*JOBS.values()]


def test_a_stopped_run_goes_on_with_what_has_no_verdict(file: Path) -> None:
    found = judged(file, JOBS.values())
    assert found == VERDICTS
    assert chosen(JOBS, found, again=False) == [JOBS["open"]]


def test_again_is_for_the_survivors_alone(file: Path) -> None:
    assert chosen(JOBS, judged(file, JOBS.values()), again=True) == [JOBS["alive"]]


def test_the_newest_verdict_counts(file: Path) -> None:
    write(file, JOBS["alive"], Verdict("killed", 0.1, "test_new"))
    assert judged(file, JOBS.values())["alive"].outcome == "killed"


def test_a_verdict_on_other_code_is_none(file: Path) -> None:
    """The module changed since: the same line and number may name another mutant."""
    changed = {**JOBS, "killed": job("killed", "a = 3\n")}
    assert chosen(changed, judged(file, changed.values()), again=False) == [changed["killed"], changed["open"]]


def test_a_line_that_was_cut_off_loses_no_other(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text[:-20], encoding="utf-8")
    write(file, JOBS["open"], Verdict("survived"))
    assert {*judged(file, JOBS.values())} == {"killed", "slow", "open"}
