"""The review comment: the verdict first, the risky first, always within its budget, and nothing in it obeys a name."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from reconciler.model.secret import MASK
from reconciler.render.markdown import LEAST, LIMIT, marker, plan_markdown
from reconciler.render.markdown.budget import size
from reconciler.render.style import Style
from tests.render_review.worlds import HOSTILE, document, hostile, large, rolling

ALLOWED = frozenset(
    {"h3", "h4", "p", "strong", "em", "code", "pre", "ol", "ul", "li", "blockquote"}
    | {"table", "thead", "tbody", "tr", "th", "td", "details", "summary"}
)


class Reader(HTMLParser):
    """What a browser would make of the comment: elements, comments and text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.comments: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.open.append(tag)
        assert [name for name, _ in attrs if name not in ("class", "style")] == []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def read(markdown: str) -> Reader:
    reader = Reader()
    reader.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))
    reader.close()
    assert reader.open == []
    return reader


def rendered(plan: dict[str, Any], **more: int) -> str:
    return plan_markdown(plan, Style(), **more)


def rows(markdown: str) -> list[str]:
    return [line for line in markdown.splitlines() if re.match(r"\| `\S+` \|", line)]


def verbose() -> dict[str, Any]:
    """Few things, each of them far too long, and many of those that are short elsewhere."""
    plan = copy.deepcopy(document())
    for change in plan["changes"]:
        change["blocked"] = "`|*" * 5000 if change["blocked"] else ""
        change["cause"]["detail"] = "because " * 5000
        change["disrupts"] = [f"organization-{number}" * 50 for number in range(500)]
        change["fields"] = [{**item, "after": "\U0001f600" * 5000} for item in change["fields"] * 100]
    plan["problems"] = [{**plan["problems"][0], "detail": "x" * 9000, "fix": "do\n    this\n" * 900}] * 300
    plan["refusals"] = plan["refusals"] * 300
    plan["reports"] = [{**plan["reports"][0], "detail": "y " * 9000}] * 300
    plan["unknown"] = [{**item, "path": f"{item['path']}.{n}"} for n in range(300) for item in plan["unknown"]]
    plan["inventory"]["name"] = "n" * 9000
    plan["server"] = {"host": "h" * 9000, "rest": "v8", "build": "8" * 9000}
    return plan


def test_it_begins_with_its_marker_and_the_verdict() -> None:
    lines = rendered(document()).splitlines()
    assert lines[0] == "<!-- vbo-reconcile:plan:corp -->"
    assert lines[1] == "### Refused by 2 guards"
    assert lines[3].startswith(
        "**Plan: 15 to create, 2 to change, 1 to delete, 6 to run, 1 to upgrade; 4 of them blocked;"
    )


def test_the_parts_come_in_the_order_of_their_weight() -> None:
    titles = [line for line in rendered(document()).splitlines() if line.startswith("#")]
    assert titles == [
        "### Refused by 2 guards",
        "#### Guards",
        "#### Problems",
        "#### Not caused by the inventory: the live state changed",
        "#### Changes by the inventory",
        "#### Details",
        "#### Not observable",
        "#### Reports",
    ]


def test_changes_from_outside_stand_apart_and_every_change_has_one_row() -> None:
    text = rendered(document())
    outside, declared = text.partition("Not caused by")[2].split("#### Changes by the inventory")
    assert [row.split("|")[2].strip() for row in rows(outside)] == [
        "upgrade `proxy.px-05.corp.example.com`",
        "change `proxy.px-02.corp.example.com`",
    ]
    assert len(rows(outside)) + len(rows(declared)) == len(document()["changes"])


def test_rows_are_sorted_by_risk() -> None:
    signs = [row.split("`")[1] for row in rows(rendered(document()).partition("Changes by the inventory")[2])]
    assert signs == ["-", *["!"] * 4, "~", *["+"] * 13, *[">"] * 4]


def test_batches_are_listed_in_their_order() -> None:
    plan = rolling()
    text = plan_markdown(plan, Style())
    first, second, third = (change["address"] for change in plan["changes"][:3])
    head = "#### Proxies are disrupted in 2 batches, one after the other"
    assert f"{head}\n\n1. `{first}`\n2. `{second}`, `{third}`\n" in text
    assert "Proxies are disrupted" not in plan_markdown(document(), Style())


def test_a_detail_is_folded_and_shows_the_difference() -> None:
    text = rendered(document())
    detail = text.partition("change <code>proxy.px-02.corp.example.com</code>: 1 field</summary>")[2].partition(
        "</details>"
    )[0]
    assert "```diff\n- port: 9194\n+ port: 9193\n```" in detail
    assert "`inventory.yml:22:5`" in detail


def test_secrets_are_masked_even_if_a_plan_forgot_to() -> None:
    plan = document()
    for change in plan["changes"]:
        for item in change["fields"]:
            item.update(secret=True, before="hunter2", after="hunter3")
    text = rendered(plan)
    assert "hunter" not in text
    assert MASK in text


def test_the_guards_say_who_waived_them_and_why() -> None:
    text = rendered(document())
    assert "- `!` **refused** by `max-deletes`: the plan would delete 1 of 32 existing objects" in text
    assert "- `i` waived `max-changes`" in text
    assert "(reason: agreed with the owners)" in text


def test_no_changes_is_one_short_comment() -> None:
    plan = {**document(), "changes": [], "problems": [], "unknown": [], "reports": [], "refusals": []}
    text = rendered(plan)
    assert "### No changes" in text
    assert "**29 objects in sync.**" in text
    assert len(text) < 400


def test_the_lab_is_named() -> None:
    assert "> This is the lab" in rendered({**document(), "lab": True})


def test_five_thousand_changes_fit_and_nothing_is_lost_from_the_totals() -> None:
    plan = large()
    text = rendered(plan)
    assert size(text) <= LIMIT
    verdict = text.splitlines()[3]
    said = {word: int(number) for number, word in re.findall(r"(\d+) to (create|change|delete|run|upgrade)", verdict)}
    counts = plan["counts"]
    assert said == {
        "create": counts["create"],
        "change": counts["update"],
        "delete": counts["delete"],
        "run": counts["run"],
        "upgrade": counts["upgrade"],
    }
    assert sum(said.values()) == len(plan["changes"]) == 5000
    assert f"{counts['blocked']} of them blocked" in verdict
    folded = [int(number) for number in re.findall(r"_(\d+) of these \d+ changes are not listed here", text)]
    assert len(rows(text)) + sum(folded) == 5000
    for line in re.findall(r"_\d+ of these \d+ changes.*_", text):
        total, *parts = map(int, re.findall(r"\d+", re.sub(r"these \d+", "", line)))
        assert total == sum(parts)


def test_what_is_left_out_is_the_least_risky() -> None:
    plan = large(2000)
    shown = rows(rendered(plan).partition("Changes by the inventory")[2])
    deletes = sum(1 for change in plan["changes"] if change["action"] == "delete")
    assert [row.split("`")[1] for row in shown[:deletes]] == ["-"] * deletes


@pytest.mark.parametrize(
    "budget", [LEAST, *(pytest.param(most, marks=pytest.mark.matrix) for most in (10_000, 23_456)), LIMIT]
)
@pytest.mark.parametrize(
    "make",
    [pytest.param(large, marks=pytest.mark.matrix), hostile, verbose],
    ids=["large", "hostile", "verbose"],
)
def test_it_keeps_any_budget_and_leaves_nothing_open(budget: int, make: Any) -> None:
    text = rendered(make(), budget=budget)
    assert size(text) <= budget
    reader = read(text)
    assert reader.elements <= ALLOWED


def test_a_budget_that_cannot_hold_the_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 8192"):
        rendered(document(), budget=LEAST - 1)


def test_hostile_names_are_shown_as_text() -> None:
    text = rendered(hostile())
    reader = read(text)
    assert reader.elements <= ALLOWED
    assert len(reader.comments) == 1
    shown = reader.text
    for name in (
        "<script>alert(1)</script>",
        "a|b|c",
        "``` @everyone",
        "[link](https://evil.example/)",
        "\\u202egnp.exe",
    ):
        assert name in shown
    assert "\u202e" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_row_has_four_cells_whatever_stands_in_it(name: str) -> None:
    plan = document()
    change = next(change for change in plan["changes"] if change["action"] == "update")
    change["address"] = f"proxy.{name}"
    change["cause"]["detail"] = name
    change["fields"][0]["path"] = name
    plan = {**plan, "changes": [change], "problems": [], "refusals": [], "reports": [], "unknown": []}
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(rendered(plan))
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    assert (body.count("<tr>"), body.count("<td")) == (1, 4)


def test_nobody_is_mentioned_and_nothing_is_referred_to() -> None:
    plan = document()
    plan["refusals"][0]["detail"] = "ask @everyone about #12 and !34, GH-5, www.example.com or https://evil.example"
    line = next(line for line in rendered(plan).splitlines() if "everyone" in line)
    assert not re.search(r"@\w|#\w|!\w|GH-\d|://|www\.", line.replace("&#8203;", "\u200b"))


def test_a_marker_cannot_be_left() -> None:
    assert marker("corp --> <b>") == "<!-- vbo-reconcile:plan:corp%20-%2D%3E%20%3Cb%3E -->"
    assert marker("a---b").count("--") == 2
