"""Problems that are one: a secret that many hosts need."""

from __future__ import annotations

from typing import Any

from reconciler.render import summary
from reconciler.render.html import plan_html
from reconciler.render.markdown import plan_markdown
from reconciler.render.style import Style
from reconciler.render.text import plan_text
from tests.render_review.worlds import document

UNSET = "secret://env/PASSWORD: the variable is not set"


def missing(*hosts: str) -> dict[str, Any]:
    template = document()["problems"][0]
    problem = {
        **template,
        "code": "secret",
        "severity": "error",
        "summary": "Secret not available",
        "detail": UNSET,
        "fix": "Set it.",
    }
    return {**document(), "problems": [{**problem, "address": f"host.{name}"} for name in hosts]}


def test_a_secret_that_many_hosts_need_is_one_problem() -> None:
    plan = missing(*(f"px-{number}" for number in range(1, 9)))
    needed = "8 hosts need it: px-1, px-2, px-3, px-4, px-5 and 3 more."
    for text in (plan_text(plan, Style()), plan_markdown(plan, Style()), plan_html(plan, Style())):
        assert text.count("the variable is not set") == 1
        assert needed in text
    assert len(plan["problems"]) == 8  # programs read each of them
    assert "1 could not be observed because of an error" in summary.verdict(plan)


def test_one_host_and_other_problems_stay_as_they_are() -> None:
    plan = missing("px-1")
    plan["problems"] += [{**plan["problems"][0], "code": "unreachable", "address": f"host.px-{n}"} for n in range(2)]
    assert summary.problems(plan) == plan["problems"]
