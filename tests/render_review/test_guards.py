"""Guards that refuse: each way of showing a plan says how they pass."""

from __future__ import annotations

from html import unescape

import pytest

from reconciler.plan.guards import GUARDS, POLICY
from reconciler.render.html import plan_html
from reconciler.render.markdown import plan_markdown
from reconciler.render.style import Style
from reconciler.render.text import plan_text
from tests.render_review.worlds import document


@pytest.mark.parametrize("code", sorted(GUARDS))
def test_every_guard_that_refuses_says_how_it_passes(code: str) -> None:
    plan = {**document(), "refusals": [{"code": code, "detail": "so it is", "addresses": [], "waiver": ""}]}
    option = f"--waive {code}='REASON'"
    assert option in plan_text(plan, Style())
    assert option in plan_markdown(plan, Style())
    assert option in unescape(plan_html(plan, Style()))
    for key in ("policy.coverage", "policy.max_changes", "policy.max_deletes", "policy.protect", "policy.windows"):
        is_named = POLICY.get(code) == key
        assert (key in plan_text(plan, Style())) is is_named
    assert set(POLICY) < set(GUARDS)


def test_what_is_no_guard_is_not_offered_as_an_option() -> None:
    plan = {**document(), "refusals": [{"code": "x'; rm -rf", "detail": "", "addresses": [], "waiver": ""}]}
    assert "--waive" not in plan_text(plan, Style()) + plan_markdown(plan, Style()) + plan_html(plan, Style())
