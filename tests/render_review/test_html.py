"""The page as text: complete, self-contained, escaped, readable; and a picture that stays a picture."""

from __future__ import annotations

import base64
import hashlib
import html
import random
import re
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest

from reconciler.model.address import name_of
from reconciler.model.secret import MASK
from reconciler.render.html import notes, plan_html
from reconciler.render.html.boxes import fitting
from reconciler.render.html.graph import Box, graph, natural
from reconciler.render.html.layout import WIDTH, layout
from reconciler.render.html.page import FILTERED
from reconciler.render.html.tags import Html, join, prose, tag
from reconciler.render.style import Style
from tests.render_review.worlds import HOSTILE, document, hostile, large, rolling

VOID = frozenset({"meta", "link", "br", "hr"})


class Page(HTMLParser):
    """Elements with their attributes, text, and whether everything that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(plan: dict[str, Any]) -> str:
    return plan_html(plan, Style())


@pytest.mark.parametrize("made", [document, hostile, partial(large, 500)], ids=["real", "hostile", "large"])
def test_it_is_well_formed_and_needs_nothing_else(made: Callable[[], dict[str, Any]]) -> None:
    plan = made()
    text = rendered(plan)
    page = Page(text)
    assert page.open == []
    names = {name for name, _ in page.elements}
    assert [found for name, found in page.elements if name == "script"] == [{}] * (len(plan["changes"]) > FILTERED)
    assert not names & {"img", "iframe", "object", "embed", "form", "base", "image", "use"}
    for _, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("src", "srcset", "style")]
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert "url(" not in text.partition("</style>")[0]


def test_the_only_script_is_the_one_that_the_policy_names() -> None:
    script = files("reconciler.render.html").joinpath("filter.js").read_text(encoding="utf-8")
    checksum = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = html.unescape(rendered(large(FILTERED + 1)))
    assert text.count("<script>") == text.count(f"<script>{html.unescape(script)}</script>") == 1
    assert text.count("script-src") == text.count(f"; script-src 'sha256-{checksum}'; ") == 1
    assert "fetch" not in script
    assert "innerHTML" not in script
    assert "<script" not in rendered(large(FILTERED))


def test_every_anchor_that_is_linked_exists_once() -> None:
    page = Page(rendered(document()))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) == len(document()["changes"])
    linked = {attributes["href"] for name, attributes in page.elements if name == "a"}
    assert linked <= {f"#{ident}" for ident in ids}


def test_the_policy_allows_its_own_style_and_nothing_else() -> None:
    page = Page(rendered(document()))
    policy = next(
        found["content"] for name, found in page.elements if found.get("http-equiv") == "Content-Security-Policy"
    )
    css = rendered(document()).partition("<style>")[2].partition("</style>")[0]
    checksum = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert policy is not None
    assert policy.split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{checksum}'"]


def test_the_parts_come_in_order() -> None:
    text = rendered(document())
    titles = re.findall(r"<h[12][^>]*>([^<]+?)\s*<", text)
    assert titles == [
        "Refused by 2 guards",
        "Guards",
        "Problems",
        "Topology",
        "Not caused by the inventory: the live state changed",
        "Changes by the inventory",
        "Details",
        "Reports",
        "Not observable",
    ]


def test_the_numbers_are_those_of_the_json() -> None:
    plan = document()
    tiles = dict(re.findall(r'<li class="(?:s-)?(\w+)"><span class="number">.*?</span>(\d+)</span>', rendered(plan)))
    blocked = plan["counts"]["blocked"]
    expected = {name: count for name, count in plan["counts"].items() if count} | {"unchanged": plan["unchanged"]}
    assert {name: int(count) for name, count in tiles.items()} == expected
    assert int(tiles["blocked"]) == blocked


def test_every_change_has_a_row_and_a_card() -> None:
    text = rendered(large(300))
    assert text.count('<th scope="row"><span class="verb">') == 300
    assert text.count('<details class="card') == 300


def test_changes_of_a_large_plan_that_are_alike_are_one_card_and_a_row_each() -> None:
    plan = large(3000)
    text = rendered(plan)
    page = Page(text)
    assert len(text) < 1_000_000
    assert text.count('<details class="card') < 100
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) == 3000
    assert {attributes["href"] for name, attributes in page.elements if name == "a"} <= {f"#{ident}" for ident in ids}
    assert {name_of(change["address"]) for change in plan["changes"]} <= set(re.split(r"[<>]", text))
    assert '<main class="many">' in text


def test_what_differs_between_alike_changes_is_said_of_each() -> None:
    plan = large(500)
    (first, *_, last) = found = [change for change in plan["changes"] if change["action"] == "upgrade"]
    for number, change in enumerate(found):
        change["fields"][0].update(before=f"8.4.0.{number}")
        change["steps"][0]["params"]["deadline"] = 9000 + number
    first["blocked"], last["blocked"] = "no route", "no login"
    for change in found[1:-1]:
        change["blocked"] = "offline"
    text = rendered(plan)
    assert "Blocked: </strong>for different reasons" in text
    assert text.count("<td>offline</td>") == len(found) - 2
    for number, change in enumerate(found):
        row = text.partition(f"<bdi>{name_of(change['address'])}</bdi>")[2].partition("</tr>")[0]
        assert f"8.4.0.{number}</del>" in row
        assert f"<td>{9000 + number}</td>" in row
        assert f"<td>{change['blocked']}</td>" in row


def test_batches_are_shown_in_their_order() -> None:
    plan = rolling()
    text = Page(plan_html(plan, Style())).text
    first, second, third = (change["address"] for change in plan["changes"][:3])
    assert f"Proxies are disrupted in 2 batches, one after the other 1{first}2{second}, {third}" in text
    assert "Proxies are disrupted" not in Page(plan_html(document(), Style())).text


def test_a_field_shows_what_it_was_and_what_it_becomes() -> None:
    text = rendered(document())
    assert "<del><i>- </i>9194</del>" in text
    assert "<ins><i>+ </i>9193</ins>" in text


def test_a_secret_is_masked_even_if_a_plan_forgot_to() -> None:
    plan = document()
    for change in plan["changes"]:
        for item in change["fields"]:
            item.update(secret=True, before="hunter2", after="hunter3")
    assert "hunter" not in rendered(plan)
    assert MASK in rendered(plan)


def test_hostile_names_are_shown_as_text() -> None:
    page = Page(rendered(hostile()))
    for name in HOSTILE:
        if name.isprintable():
            assert name in page.text
    assert "\\u202egnp.exe" in page.text
    assert "\u202e" not in page.text


def test_without_a_topology_it_draws_what_changes() -> None:
    plan = document()
    del plan["topology"]
    text = rendered(plan)
    assert '<svg class="wide"' in text
    assert "px-29.corp.example.com" in text.partition("</figure>")[0]
    assert "px-12.corp.example.com" not in text.partition("</figure>")[0]


def test_a_plan_without_changes_is_a_short_page() -> None:
    quiet = {**document(), "changes": [], "problems": [], "refusals": [], "unknown": [], "reports": []}
    quiet["topology"] = {"nodes": quiet["topology"]["nodes"][:1], "edges": []}
    text = rendered(quiet)
    assert re.findall(r"<h[12][^>]*>([^<]+)", text) == ["No changes"]
    assert "29 objects in sync." in text


def test_a_saved_plan_says_where_it_comes_from_and_how_long_it_is_good() -> None:
    saved = {**document(), "git": {"commit": "0123456789abcdef", "dirty": True}, "expires": "2026-11-24T09:00:00+00:00"}
    text = Page(rendered(saved)).text
    assert "0123456789ab with local changes" in text
    assert "2026-11-24T09:00:00+00:00" in text


def test_tags_escape_text_and_attributes() -> None:
    made = tag("p", "<b>", Html("<i></i>"), title='"&', class_="x", hidden=None, data_n=1.25)
    assert made == '<p title="&quot;&amp;" class="x" data-n="1.2">&lt;b&gt;<i></i></p>'
    assert join(["<", Html("<br>")], " & ") == "&lt; &amp; <br>"


# --- the picture ---------------------------------------------------------------------------------------------------


def crowd(size: int, pools: int, state: str = "unchanged") -> dict[str, Any]:
    """`size` proxies, the first two thirds of them in `pools`; every tenth would be changed, the others are `state`."""
    nodes = [{"address": "server", "kind": "server", "label": "vbo", "state": "unchanged"}]
    edges = []
    for number in range(pools):
        nodes.append({"address": f"pool.p{number}", "kind": "pool", "label": f"p{number}", "state": "unchanged"})
        edges.append(["server", f"pool.p{number}"])
    for number in range(size):
        where = f"proxy.px-{number}"
        nodes.append({"address": where, "kind": "proxy", "label": where, "state": state if number % 10 else "update"})
        parent = f"pool.p{number % pools}" if pools and number < size * 2 // 3 else "server"
        edges.append([parent, where])
        nodes.append({"address": f"repository.r{number}", "kind": "repository", "label": "r", "state": "unchanged"})
        edges.append([where, f"repository.r{number}"])
    return {"nodes": nodes, "edges": edges}


@pytest.mark.parametrize("size", [0, 1, 30, 60, 300, 2000])
@pytest.mark.parametrize("pools", [0, 3, 90])
@pytest.mark.parametrize("state", ["unchanged", "create"])
def test_a_column_holds_few_boxes_and_counts_everything(size: int, pools: int, state: str) -> None:
    drawn = graph(crowd(size, pools, state))
    proxies = drawn.columns[1]
    boxes = [part for box in proxies.boxes for part in (box, *box.inside)]
    assert len(boxes) <= 90
    assert proxies.total == size
    assert counted(boxes) == size
    known = {part.address for column in drawn.columns for box in column.boxes for part in (box, *box.inside)}
    assert {end for edge in drawn.edges for end in edge} <= known


def counted(boxes: list[Box]) -> int:
    """Proxies that the boxes speak of, by their numbers and their labels."""
    total = 0
    for box in boxes:
        inside = re.search(r"\((\d+) proxies\)", box.label)
        total += int(inside.group(1)) if inside else box.count if box.kind == "proxy" else 0
    return total


def tenants(size: int, tenancies: int, changed: frozenset[str] = frozenset()) -> dict[str, Any]:
    """`size` proxies, each with a repository and a job of one of `tenancies` organizations."""
    nodes = [{"address": "server", "kind": "server", "label": "vbo", "state": "unchanged"}]
    edges = []

    def add(kind: str, name: str) -> str:
        where = f"{kind}.{name}"
        state = "update" if where in changed else "unchanged"
        nodes.append({"address": where, "kind": kind, "label": name, "state": state})
        return where

    organizations = [add("organization", f"o{number}") for number in range(tenancies)]
    for number in range(size):
        chain = [add(kind, f"x{number}") for kind in ("proxy", "repository", "job")]
        edges += [["server", chain[0]], *map(list, pairwise(chain)), [chain[2], organizations[number % tenancies]]]
    return {"nodes": nodes, "edges": edges}


@pytest.mark.parametrize("size", [400, 3000])
def test_what_is_alike_is_one_box_for_each_chain(size: int) -> None:
    drawn = graph(tenants(size, 4))
    assert [len(column.boxes) for column in drawn.columns] == [1, 4, 4, 4, 4]
    assert {box.count for box in drawn.columns[1].boxes} == {size // 4}
    leading = [(start, end) for start, end in drawn.edges if start != "server"]
    assert len(leading) == 12  # from each box to one
    assert len({start for start, _ in leading}) == 12


def test_what_changes_and_its_neighbours_are_drawn_one_by_one() -> None:
    drawn = graph(tenants(400, 4, frozenset({"repository.x7"})))
    names = {box.label for column in drawn.columns[1:4] for box in column.boxes if box.count == 1}
    assert names == {"x7"}
    assert {("proxy.x7", "repository.x7"), ("repository.x7", "job.x7"), ("job.x7", "organization.o3")} <= set(
        drawn.edges
    )


def test_chains_that_are_too_many_are_counts_without_edges() -> None:
    drawn = graph(tenants(300, 300))
    assert [(box.label, box.count) for box in drawn.columns[2].boxes] == [("300 in sync", 300)]
    assert drawn.edges == ()


@pytest.mark.parametrize("seed", range(40))
def test_an_edge_of_a_box_is_true_of_each_object_in_it(seed: int) -> None:
    chance = random.Random(seed)
    topology = tenants(chance.randint(61, 200), chance.randint(1, 9))
    for node in topology["nodes"][1:]:
        node["state"] = chance.choice(["unchanged"] * 6 + ["update", "create", "delete"])
    topology["edges"] += [
        [f"repository.x{chance.randrange(60)}", f"job.x{chance.randrange(60)}"] for _ in range(chance.randint(0, 40))
    ]
    edges = {tuple(edge) for edge in topology["edges"]}
    drawn = graph(topology)
    members: dict[str, set[str]] = {}
    for node in topology["nodes"]:
        members.setdefault(drawn.box_of(node["address"]), set()).add(node["address"])
    for start, end in drawn.edges:
        if start != "server" and len(members[end]) > 1:
            assert all(any((one, other) in edges for one in members[start]) for other in members[end])


def test_up_to_the_limit_every_proxy_is_drawn() -> None:
    drawn = graph(crowd(21, 3))
    assert all(part.count == 1 for box in drawn.columns[1].boxes for part in (box, *box.inside))


@pytest.mark.parametrize("made", [document, partial(document, 300), hostile], ids=["30", "300", "hostile"])
def test_no_box_lies_on_another_and_all_are_inside_the_picture(made: Callable[[], dict[str, Any]]) -> None:
    placed = layout(graph(made()["topology"]))
    by_column: dict[float, list[Any]] = {}
    for item in placed.placed.values():
        assert item.x >= 0
        assert item.x + item.width <= WIDTH
        assert item.y + item.height <= placed.height
        if not item.box.inside:
            by_column.setdefault(item.x, []).append(item)
    for items in by_column.values():
        items.sort(key=lambda item: item.y)
        for upper, lower in pairwise(items):
            assert upper.y + upper.height <= lower.y


def test_names_are_cut_to_fit() -> None:
    assert fitting("px-1", 60) == "px-1"
    assert fitting("px-1.corp.example.com", 60) == "px-1.co…"
    assert fitting("\u6771\u4eac" * 20, 60).endswith("…")


def test_numbers_sort_as_numbers() -> None:
    names = ["px-10", "px-9", "px-009b", "a", "px-", "9" * 9000]
    assert sorted(names, key=natural) == ["9" * 9000, "a", "px-", "px-9", "px-009b", "px-10"]


# --- the looks -----------------------------------------------------------------------------------------------------

CSS = files("reconciler.render.html").joinpath("page.css").read_text(encoding="utf-8")


def colours(dark: bool) -> dict[str, str]:
    part = CSS.partition("@media screen and (prefers-color-scheme: dark)")[2 if dark else 0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part.partition("}")[0]))


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_is_readable_on_everything_that_it_stands_on(dark: bool) -> None:
    found = colours(dark)
    pairs = [(ink, ground) for ink in ("ink", "soft", "link") for ground in ("bg", "panel")]
    tones = ("red", "green", "amber", "magenta", "cyan")
    pairs += [(tone, ground) for tone in tones for ground in ("bg", "panel", f"{tone}-tint")]
    pairs += [("soft", "grey-tint"), ("ink", "grey-tint")]
    poor = {pair: round(contrast(found[pair[0]], found[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


def test_every_state_has_a_tone() -> None:
    from reconciler.plan.topology import STATES

    assert [state for state in STATES if f".s-{state}" not in CSS] == []


def test_one_with_a_problem_is_named_among_many() -> None:
    topology = crowd(300, 3)
    for number, node in enumerate(item for item in topology["nodes"] if item["kind"] == "proxy"):
        node["state"] = "problem" if number == 250 else "update"
    (found,) = [box for box in graph(topology).columns[1].boxes for box in (box, *box.inside) if box.state == "problem"]
    assert found.count == 1
    assert not found.label.startswith("1 ")


def test_backquotes_are_shown_as_code() -> None:
    assert prose("Is `a<b` open?") == "Is <code>a&lt;b</code> open?"
    assert prose("one ` alone") == "one ` alone"


def test_what_is_said_of_many_is_said_once() -> None:
    unknown = [{"address": f"proxy.px-{number}", "path": "port", "why": "offline"} for number in range(9)]
    text = notes.unknown({"unknown": unknown})
    assert text.count("<li>") == 1
    assert "9 objects" in text
    assert all(f"px-{number}<" in text for number in range(9))
