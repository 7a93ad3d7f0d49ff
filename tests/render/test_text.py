"""The text of plans, by case files: `NAME.json` is a plan, `NAME.txt` what people are shown of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.live import ServerInfo
from reconciler.model.plan import Plan
from reconciler.plan import plan_to_json
from reconciler.render import FORMATS, renderer
from reconciler.render.style import Style
from reconciler.render.symbols import ACTIONS
from reconciler.render.text import plan_text

CASES = Path(__file__).parent / "cases"
NAMES = sorted(file.stem for file in CASES.glob("*.json"))


def case(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_as_text(name: str) -> None:
    assert plan_text(case(name), Style()) == (CASES / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_colour_adds_nothing_but_colour(name: str) -> None:
    coloured = plan_text(case(name), Style(colour=True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plan_text(case(name), Style())


@pytest.mark.parametrize("name", NAMES)
def test_ascii_is_enough(name: str) -> None:
    assert plan_text(case(name), Style(unicode=False)).isascii()


@pytest.mark.parametrize("name", NAMES)
def test_the_last_line_is_the_verdict(name: str) -> None:
    last = plan_text(case(name), Style()).splitlines()[-1]
    assert last.startswith("Plan: " if case(name)["changes"] else "No changes. ")


def test_the_order_does_not_depend_on_the_order_in_the_plan() -> None:
    plan = case("every-action")
    turned = {**plan, "changes": plan["changes"][::-1], "unknown": plan["unknown"][::-1]}
    assert plan_text(turned, Style()) == plan_text(plan, Style())


def test_what_the_planner_makes_can_be_shown() -> None:
    empty = Plan("corp", "", ServerInfo("vbo01", 8, ""), ())
    assert plan_text(plan_to_json(empty), Style()).splitlines() == [
        "Plan of corp for vbo01 (REST v8)",
        "",
        "No changes. 0 objects in sync.",
    ]


def test_every_action_has_a_symbol() -> None:
    from reconciler.model.plan import Action

    assert {action.value for action in Action} == set(ACTIONS)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_renderer(name: str) -> None:
    assert renderer(name)(case("every-action"), Style()).endswith("\n")


@pytest.mark.parametrize("name", NAMES)
def test_json_is_the_plan_itself(name: str) -> None:
    text = renderer("json")(case(name), Style(colour=True))
    assert json.loads(text) == case(name)
    assert text.isascii()


def test_an_unknown_format_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        renderer("poem")
