"""`plan` and `validate`: what they print and how they exit, in a made-up world."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.cli.boundary import run
from reconciler.cli.console import Console
from reconciler.journal import Journal
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.plan import Action, Cause, Change, FieldChange, Plan, Reason, Refusal
from reconciler.model.position import Position
from reconciler.operations.request import PlanRequest, Selection
from tests.cli.running import SERVER, FakeWorld, Stream, call, install, inventory

CHANGE = Change("smtp", Action.UPDATE, (FieldChange("port", 25, 587),), Cause(Reason.DRIFT))
BLOCKED = Change("proxy.a", Action.UPDATE, (FieldChange("port", 1, 2),), Cause(Reason.DRIFT), blocked="it is offline")
UNREACHABLE = Diagnostic("unreachable", "No connection", "px-1: refused", address="proxy.px-1")
WARNING = Diagnostic("old", "Old word", "It has a new name.", severity=Severity.WARNING, position=Position("a.yml", 1))
REFUSED = Refusal("takeover", "proxy.a belongs to another server")


def world(
    *changes: Change, problems: tuple[Diagnostic, ...] = (), refusals: tuple[Refusal, ...] = (), lab: bool = False
) -> FakeWorld:
    plan = Plan("corp", "0", SERVER, changes, problems=problems, refusals=refusals, unchanged=3, lab=lab)
    return FakeWorld([plan], inventory("daily"))


@pytest.mark.parametrize(
    ("made", "plain", "detailed"),
    [
        pytest.param(world(), 0, 0, id="nothing differs"),
        pytest.param(world(CHANGE), 0, 2, id="changes pending"),
        pytest.param(world(CHANGE, problems=(UNREACHABLE,)), 1, 1, id="a host cannot be reached"),
        pytest.param(world(problems=(UNREACHABLE,)), 1, 1, id="nothing differs where it could be seen"),
        pytest.param(world(CHANGE, problems=(WARNING,)), 0, 2, id="a warning"),
        pytest.param(world(CHANGE, BLOCKED), 1, 1, id="a change is blocked"),
        pytest.param(world(CHANGE, refusals=(REFUSED,)), 0, 4, id="a guard refuses"),
    ],
)
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, made: FakeWorld, plain: int, detailed: int) -> None:
    install(monkeypatch, made)
    assert call("plan", "x.yml").code == plain
    assert call("plan", "x.yml", "--detailed-exitcode").code == detailed
    assert made.wrote == []


def test_problems_are_shown_with_the_rest_of_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, world(CHANGE, problems=(UNREACHABLE,)))
    ended = call("plan", "x.yml")
    assert "~ change smtp" in ended.out
    assert "px-1: refused" in ended.out
    assert ended.out.splitlines()[-1].startswith("Plan: 0 to create, 1 to change")


def test_json_is_all_there_is_on_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, world(CHANGE), [WARNING])
    ended = call("plan", "x.yml", "--format", "json")
    assert json.loads(ended.out)["counts"]["update"] == 1
    assert "Old word" in ended.err


def test_several_formats_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, world(CHANGE))
    data, text = tmp_path / "plan.json", tmp_path / "plan.txt"
    ended = call("plan", "x.yml", "--format", f"json={data}", "--format", f"human={text}", "--color", "always")
    assert json.loads(data.read_text(encoding="utf-8"))["inventory"]["name"] == "corp"
    assert "\x1b[" not in text.read_text(encoding="utf-8")
    assert "\x1b[" in ended.out


def test_a_file_that_cannot_be_written_is_an_error_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, world(CHANGE))
    ended = call("plan", "x.yml", "--format", "json=/dev/full")
    assert ended.code == 1
    assert "/dev/full: No space left on device" in ended.err


def test_a_missing_folder_is_made_for_every_kind_of_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, world(CHANGE))
    page, messages = tmp_path / "a" / "plan.html", tmp_path / "b" / "plan.jsonl"
    assert call("plan", "x.yml", "--format", f"html={page}", "--json-into", str(messages)).code == 0
    assert page.stat().st_mode & 0o777 == messages.stat().st_mode & 0o777 == 0o600
    assert page.parent.stat().st_mode & 0o777 == messages.parent.stat().st_mode & 0o777 == 0o700


def test_options_reach_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(CHANGE)
    install(monkeypatch, made)
    call(
        "plan",
        "x.yml",
        "--lab",
        "--require-complete",
        "--waive",
        "takeover= agreed ",
        "--parallelism",
        "5",
        "--batch",
        "2,50%",
    )
    assert made.opened == {"lab": True, "parallel": 5}
    assert made.looks == [
        {"request": PlanRequest(waivers={"takeover": "agreed"}, require_complete=True, batch="2,50%")}
    ]


def test_a_part_of_the_plan_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(CHANGE)
    install(monkeypatch, made)
    call("plan", "x.yml", "--target", "@dmz", "--target", "job.*", "--exclude", "job.old")
    assert [look["request"].selection for look in made.looks] == [Selection(("@dmz", "job.*"), ("job.old",))]


def test_options_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(CHANGE)
    install(monkeypatch, made)
    monkeypatch.setenv("VBO_RECONCILE_LAB", "1")
    monkeypatch.setenv("VBO_RECONCILE_DETAILED_EXITCODE", "1")
    assert call("plan", "x.yml").code == 2
    assert made.opened["lab"] is True


def test_what_is_said_several_times_has_a_line_each_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(CHANGE)
    install(monkeypatch, made)
    monkeypatch.setenv("VBO_RECONCILE_TARGET", "@dmz\njob.daily one")
    monkeypatch.setenv("VBO_RECONCILE_WAIVE", "takeover=agreed on Monday")
    monkeypatch.setenv("VBO_RECONCILE_FORMAT", "json")
    assert json.loads(call("plan", "x.yml").out)["counts"]["update"] == 1
    assert made.looks[0]["request"].selection == Selection(("@dmz", "job.daily one"))
    assert made.looks[0]["request"].waivers == {"takeover": "agreed on Monday"}


@pytest.mark.parametrize(
    "arguments", [["--color", "always", "plan", "x.yml"], ["plan", "x.yml", "--color", "always"]], ids=str
)
def test_colour_is_understood_before_and_after_the_command(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    install(monkeypatch, world(CHANGE))
    assert "\x1b[" in call(*arguments).out
    assert "\x1b[" not in call(*arguments, "--no-color").out


def test_an_invalid_inventory_is_not_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(CHANGE)
    install(monkeypatch, made, [UNREACHABLE, WARNING])
    ended = call("plan", "x.yml")
    assert ended.code == 1
    assert ended.out == ""
    assert "No connection" in ended.err
    assert "Old word" in ended.err
    assert made.looks == []


def test_warnings_are_talk_and_can_be_silenced(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, world(CHANGE), [WARNING])
    assert "Old word" in call("plan", "x.yml").err
    assert call("plan", "x.yml", "-q").err == ""


def test_validate_counts_what_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, world())
    ended = call("validate", "x.yml")
    assert (ended.code, ended.out, ended.err) == (0, "Valid: corp declares 1 job.\n", "")


def test_validate_shows_all_findings_as_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, world(), [UNREACHABLE, WARNING])
    ended = call("validate", "x.yml")
    assert ended.code == 1
    assert "│ Error: No connection" in ended.out
    assert ended.out.endswith("\nNot valid: 1 error, 1 warning.\n")


def test_warnings_leave_an_inventory_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, world(), [WARNING])
    ended = call("validate", "x.yml")
    assert ended.code == 0
    assert ended.out.endswith("\nValid: corp declares 1 job; 1 warning.\n")


def test_validate_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, world(), [WARNING])
    ended = call("validate", "x.yml", "--format", "json")
    data = json.loads(ended.out)
    assert (data["ok"], data["inventory"], data["objects"]) == (True, "corp", {"job": 1})
    assert data["diagnostics"][0]["position"] == {"file": "a.yml", "line": 1, "column": 1}


def test_the_end_of_a_plan_says_how_to_apply_it(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, world(CHANGE, lab=True))
    both = Stream()
    words = ["plan", "--lab", "x.yml", "--target", "smtp", "--waive", "takeover=it moved"]
    assert run(words, Console(both, both, Stream(), {"TERM": "dumb"})) == 0
    last = "To apply it:\n  vbo-reconcile apply x.yml --lab --target smtp --waive 'takeover=it moved'\n"
    assert both.getvalue().endswith(last)


@pytest.mark.parametrize("made", [world(), world(BLOCKED), world(CHANGE, refusals=(REFUSED,))])
def test_what_cannot_be_applied_is_not_offered(monkeypatch: pytest.MonkeyPatch, made: FakeWorld) -> None:
    install(monkeypatch, made)
    assert "vbo-reconcile apply" not in call("plan", "x.yml").err


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_who_is_applying_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    made = world(CHANGE)
    install(monkeypatch, made)
    with Journal.open(tmp_path / "journal.db") as made.journal:
        server = made.access.server.host
        with made.journal.locks.acquire(server, owner="alice@ci-7", operation="apply", run="R7", lease=600):
            said = call(command, "x.yml", "-q").err
        assert "Another run is changing this server" in said
        assert "alice@ci-7 (apply, run R7)" in said
        assert "Another run" not in call(command, "x.yml").err
