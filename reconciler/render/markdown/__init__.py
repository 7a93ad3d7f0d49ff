"""The plan as a review comment: the verdict, a table in order of risk, folded details. Never above its budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from reconciler.render import review, summary
from reconciler.render.markdown.budget import fitted, size
from reconciler.render.markdown.escape import code, prose, short
from reconciler.render.markdown.sections import NAME, sections
from reconciler.render.style import Style

LIMIT = 65_536
"""Characters that GitHub takes in a comment."""

LEAST = 8_192


def plan_markdown(plan: Mapping[str, Any], style: Style, *, budget: int = LIMIT) -> str:
    """The comment, in at most `budget` characters (at least 8,192). Details may be omitted, but the verdict counts
    everything, and each list says how many entries are not shown."""
    del style  # Markdown has no styles
    if budget < LEAST:
        raise ValueError(f"a plan needs at least {LEAST} characters, not {budget}")
    head = _head(plan)
    return head + fitted(sections(plan), budget - size(head))


def marker(name: str) -> str:
    """The hidden first line of the comment of the inventory `name`, by which an older comment is found."""
    return f"<!-- vbo-reconcile:plan:{quote(name, safe='').replace('--', '-%2D')} -->"


def _head(plan: Mapping[str, Any]) -> str:
    said = review.headline(plan)
    lines = [marker(short(plan["inventory"]["name"], NAME)), f"### {said.text}", "", f"**{review.verdict(plan)}**", ""]
    if plan.get("lab"):
        lines += [f"> {summary.LAB}", ""]
    if plan.get("mode") == "diff":
        lines += [f"> {summary.OFFLINE}", ""]
    lines += [_about(plan), ""]
    return "\n".join(lines)


def _about(plan: Mapping[str, Any]) -> str:
    server = plan["server"]
    inventory, host = code(short(plan["inventory"]["name"], NAME)), code(short(server["host"], NAME))
    parts = [f"{summary.mode_of(plan).name} of {inventory} for {host}"]
    build = f", build {code(short(server['build'], 40))}" if server["build"] else ""
    parts.append(f"(REST {prose(short(server['rest'], 20))}{build}).")
    asked, origin = review.requests_text(plan), review.origin_text(plan)
    parts += [f"Observed with {asked}."] if asked else []
    parts += [f"Made from commit {prose(origin)}."] if origin else []
    parts += [f"Can be applied until {prose(short(plan['expires'], 40))}."] if plan.get("expires") else []
    return " ".join([*parts, *summary.not_shown(plan)])
