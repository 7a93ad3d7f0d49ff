"""`make mutants` keeps its verdicts: a run that was stopped goes on behind them. A mutant replaces each function that
it changes."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="mutants are judged by processes that are forked")

from tests.mutants.patch import Functions, change
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


MODULE = """\
def codec(name):
    def encode(value):
        return f"{name} {value}"
    return encode

made = codec("port")

def plain():
    return [number for number in (1, 2)]
"""


@pytest.mark.parametrize(
    ("before", "after", "now"),
    [
        ('f"{name} {value}"', 'f"{value} {name}"', ("9193 port", "9193 port", [1, 2])),
        ("(1, 2)", "(1, 3)", ("port 9193", "port 9193", [1, 3])),
        ("number for", "-number for", ("port 9193", "port 9193", [-1, -2])),
        ("return encode", "return str", ("port 9193", "9193", [1, 2])),
    ],
)
def test_a_function_that_another_one_made_at_import_is_changed_too(
    tmp_path: Path, before: str, after: str, now: tuple[str, str, list[int]]
) -> None:
    file = tmp_path / "sample.py"
    file.write_text(MODULE, encoding="utf-8")
    spec = spec_from_file_location("sample", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    changed = change(str(file), MODULE, MODULE.replace(before, after))
    functions = Functions()
    assert functions.has(changed)
    functions.patch(changed)
    assert (module.made(9193), module.codec("port")(9193), module.plain()) == now


def test_what_runs_at_import_is_no_matter_of_functions() -> None:
    assert change("sample.py", MODULE, MODULE.replace('codec("port")', 'codec("host")')).functions is None
    assert change("sample.py", MODULE, MODULE).is_nothing
