"""The page: verdict, counts, picture, table, details, and notes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from reconciler.plan.topology import of_changes
from reconciler.render import review, summary
from reconciler.render.html import notes
from reconciler.render.html.changes import cards, table
from reconciler.render.html.picture import picture
from reconciler.render.html.tags import Html, join, tag
from reconciler.render.style import Style
from reconciler.render.symbols import ACTIONS, BLOCKED, UNKNOWN

Data = Mapping[str, Any]

MANY = 400
"""The number of cards from which browsers lay out only the visible ones."""


def plan_html(plan: Data, style: Style) -> str:
    """The whole page. Draws `topology` of the plan, or else one made from its changes."""
    del style  # the page follows the light or dark of its reader
    css = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    outside, declared = review.apart(plan)
    links = _links([*outside, *declared])
    main = tag("main", *_sections(plan, outside, declared, links), class_="many" if len(links) > MANY else None)
    body = tag("body", _header(plan), main, _footer())
    page = tag("html", _head(plan, css), body, lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head(plan: Data, css: str) -> Html:
    """With a policy under which nothing runs and nothing is fetched, whatever a name may say."""
    checksum = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{checksum}'; img-src data:; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="robots", content="noindex"),
        tag(
            "title",
            f"{review.headline(plan).text}: {summary.mode_of(plan).name.lower()} of {plan['inventory']['name']}",
        ),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(css)),
    )


def _links(changes: Sequence[Data]) -> dict[str, str]:
    """Anchors by key of a change and by address; of an address its first change, and a host's stands for its proxy."""
    found = {change["key"]: f"#c{number}" for number, change in enumerate(changes, 1)}
    for change in changes:
        found.setdefault(change["address"], found[change["key"]])
    for where in [item for item in found if item.startswith("host.")]:
        found.setdefault("proxy." + where.removeprefix("host."), found[where])
    return found


def _header(plan: Data) -> Html:
    said = review.headline(plan)
    offline = summary.OFFLINE if plan.get("mode") == "diff" else ""
    aside = summary.LAB if plan["lab"] else offline
    lab = tag("p", aside, class_="lab") if aside else ""
    kicker = tag("p", f"{summary.mode_of(plan).name} of ", tag("bdi", plan["inventory"]["name"]), class_="kicker")
    verdict = tag("p", review.verdict(plan), class_="verdict")
    title = tag("h1", said.text, class_=f"t-{said.tone}")
    return tag("header", kicker, title, verdict, lab, _counts(plan), tag("dl", *_facts(plan), class_="facts"))


def _counts(plan: Data) -> Html:
    """The numbers side by side; those that are always asked for also where they are nothing."""
    found = summary.counts(plan)
    words = {name: action.counted.partition(" from ")[0] for name, action in ACTIONS.items()}
    signs = {name: action.sign for name, action in ACTIONS.items()}
    always = ("delete", "update", "create", "run")
    tiles = [
        _tile(name, signs.get(name, BLOCKED.sign), found[name], words.get(name, name))
        for name in review.RISKS
        if found[name] or name in always
    ]
    tiles.append(_tile("unknown", UNKNOWN.sign, len(plan["unknown"]), "not observable"))
    tiles.append(_tile("unchanged", "=", plan["unchanged"], "in sync"))
    return tag("ul", *tiles, class_="counts")


def _tile(state: str, sign: str, count: int, words: str) -> Html:
    number = tag("span", tag("span", sign, class_="tilesign", aria_hidden="true"), str(count), class_="number")
    return tag("li", number, tag("span", words, class_="words"), class_=f"s-{state}" if count else "zero")


def _facts(plan: Data) -> Iterator[Html]:
    server = plan["server"]
    facts = (
        ("Server", server["host"]),
        ("Product", ", ".join(part for part in (f"REST {server['rest']}", server["build"]) if part)),
        ("Observed with", review.requests_text(plan)),
        ("Inventory digest", plan["inventory"]["digest"][:12]),
        ("Commit", review.origin_text(plan)),
        ("Can be applied until", plan.get("expires", "")),
    )
    for title, said in facts:
        if said:
            yield tag("div", tag("dt", title), tag("dd", tag("bdi", said)))


def _sections(
    plan: Data, outside: Sequence[Data], declared: Sequence[Data], links: Mapping[str, str]
) -> Iterator[Html]:
    if plan["refusals"]:
        yield _section("Guards", len(plan["refusals"]), *notes.guards(plan))
    topology = plan.get("topology") or of_changes(plan)
    if len(topology["nodes"]) > 1:
        yield _section("Topology", None, picture(topology, links))
    from_elsewhere, by_review = review.titles(plan)
    if outside:
        yield _section(from_elsewhere, len(outside), table(outside, links))
    if declared:
        yield _section(by_review if outside else "Changes", len(declared), table(declared, links))
    batches = review.batches(plan)
    if batches:
        yield _section(review.batches_title(batches), None, notes.batches(batches))
    if outside or declared:
        yield _section("Details", None, cards([*outside, *declared], links))
    if problems := summary.problems(plan):
        yield _section("Problems", len(problems), *notes.problems(problems))
    if plan["reports"]:
        yield _section("Reports", len(plan["reports"]), notes.reports(plan))
    if plan["unknown"]:
        yield _section("Not observable", len(plan["unknown"]), notes.unknown(plan))


def _section(title: str, count: int | None, *content: Html) -> Html:
    number = tag("span", str(count), class_="total") if count is not None else ""
    return tag("section", tag("h2", title, " ", number), *content)


def _footer() -> Html:
    return tag("footer", join([tag("p", "Made by vbo-reconcile. This page runs no script and loads nothing.")]))
