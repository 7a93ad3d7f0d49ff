"""What a plan leaves out is counted in every output, so that none says that nothing differs; unmanaged objects are one
line of a plan."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from reconciler.model.live import ServerInfo
from reconciler.model.plan import Plan, Report
from reconciler.plan import plan_to_json
from reconciler.render import renderer
from reconciler.render.style import Style

LEFT = "Nothing differs in what was selected; 16 changes were not selected."


def document(mode: str = "plan", **parts: Any) -> dict[str, Any]:
    plan = Plan("corp", "d" * 64, ServerInfo("vbo01", 8, "8.5.0.1014"), (), **parts)
    return plan_to_json(plan, mode)


def text(name: str, plan: dict[str, Any], style: Style | None = None) -> str:
    found = renderer(name)(plan, style or Style())
    return " ".join(re.sub(r"<[^>]*>|[*#]", " ", found).split())


@pytest.mark.parametrize("mode", ["plan", "drift"])
@pytest.mark.parametrize("name", ["human", "markdown", "html"])
def test_a_selection_without_changes_is_not_called_unchanged(name: str, mode: str) -> None:
    plan = document(mode, not_selected=tuple(f"create:proxy.px-{number}" for number in range(16)), unchanged=3)
    said = text(name, plan)
    assert "No changes" not in said
    assert "No drift" not in said
    assert LEFT in said if name == "human" else "Nothing differs in what was selected" in said
    assert "16 changes were not selected." in said


def test_the_document_names_what_is_left_out() -> None:
    plan = json.loads(renderer("json")(document(not_selected=("create:proxy.px-1",)), Style()))
    assert (plan["empty"], plan["not_selected"]) == (True, ["create:proxy.px-1"])


@pytest.mark.parametrize("name", ["human", "markdown", "html"])
def test_an_approved_plan_that_is_stale_is_not_called_unchanged(name: str) -> None:
    said = text(name, document(not_approved=("update:smtp",)))
    assert "No changes" not in said
    assert "Nothing of the approved plan can be applied" in said
    assert "1 change was stale or not approved." in said


UNDECLARED = tuple(
    Report(f"job.j{number:03}", "not-ours", "unmanaged object: not declared here") for number in range(180)
)


def test_unmanaged_objects_are_one_line_unless_details_are_asked_for() -> None:
    plan = document(reports=(*UNDECLARED, Report("smtp", "mail", "it is off")))
    said = text("human", plan)
    assert "i 180 objects on the server are not declared: --detail full lists them" in said
    assert "job.j000" not in said
    assert "smtp: it is off" in said
    full = text("human", plan, Style(detail="full"))
    assert (full.count("job.j"), "180 objects" in full) == (180, False)


def test_one_unmanaged_object_is_named() -> None:
    assert "job.j000: unmanaged object" in text("human", document(reports=UNDECLARED[:1]))


def test_pages_fold_them_and_comments_count_them() -> None:
    plan = document(reports=UNDECLARED)
    page = renderer("html")(plan, Style())
    assert "<summary>180 objects on the server are not declared</summary>" in page
    assert len(re.findall(r"j\d{3}<", page)) == 180
    assert "180 objects on the server are not declared; the plan as JSON or HTML lists them." in text("markdown", plan)
