"""Mail through a sign-in of a person: its settings are ours in every mode, the sign-in never is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

SMTP = """\
smtp:
  authentication: {mode}
  to: [backup-team@corp.example.com, more@corp.example.com]
  notify: [failure]
"""
CHANGED = {"to", "notifyOnSuccess", "notifyOnWarning"}


def settings(demo: Rehearsal) -> dict[str, Any]:
    with by_hand(demo) as hand:
        found: dict[str, Any] = hand.request("GET", "VboEmailSettings").json()
    return found


def declare(demo: Rehearsal, text: str) -> None:
    whole = demo.file.read_text(encoding="utf-8")
    start = whole.index("\nsmtp:") + 1
    end = whole.index("\n\n", start) if "\n\n" in whole[start:] else len(whole)
    demo.file.write_text(whole[:start] + text + whole[end:], encoding="utf-8")


@pytest.mark.parametrize(("mode", "api"), [("microsoft365", "Microsoft365"), ("google", "GoogleGmail")])
def test_a_mode_is_declared_and_its_sign_in_is_left_alone(demo: Rehearsal, mode: str, api: str) -> None:
    demo.set("server", f"sign-in={api}")
    before = settings(demo)
    declare(demo, SMTP.format(mode=mode))
    assert demo.changes()["update:smtp"].keys() == {"to", "notify"}
    demo.converges()
    after = settings(demo)
    assert {name for name in before if before[name] != after[name]} == CHANGED
    demo.set("server", "sign-in=lapsed")
    plan = demo.plan()
    assert plan["changes"] == []
    assert [item["code"] for item in plan["reports"] if item["address"] == "smtp"] == ["mail-sign-in"]


@pytest.mark.parametrize(("mode", "api"), [("microsoft365", "CustomSmtp"), ("google", "Microsoft365")])
def test_another_mode_is_a_problem_and_never_changed(demo: Rehearsal, mode: str, api: str) -> None:
    demo.set("server", f"sign-in={api}")
    before = settings(demo)
    declare(demo, SMTP.format(mode=mode))
    (problem,) = [item for item in demo.plan()["problems"] if item["address"] == "smtp"]
    assert problem["code"] == "mail-authentication"
    demo.apply()
    after = settings(demo)
    assert {name for name in before if before[name] != after[name]} == CHANGED


def test_recipients_and_results_alone_are_enough(demo: Rehearsal) -> None:
    before = settings(demo)
    declare(demo, SMTP.format(mode="smtp").replace("  authentication: smtp\n", ""))
    demo.converges()
    after = settings(demo)
    assert {name for name in before if before[name] != after[name]} == CHANGED
