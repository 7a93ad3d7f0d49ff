"""The page: verdict, counts, what is wrong, picture, table, details, and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import filterfalse
from typing import Any

from reconciler.plan.topology import of_changes
from reconciler.render import review, summary
from reconciler.render.html import notes
from reconciler.render.html.frame import MANY, framed, part, section, tile
from reconciler.render.html.groups import cards, table, together
from reconciler.render.html.picture import picture
from reconciler.render.html.tags import Html, tag
from reconciler.render.style import Style
from reconciler.render.symbols import ACTIONS, BLOCKED, UNKNOWN

Data = Mapping[str, Any]

FILTERED = 25
"""The number of changes from which on the page has a field to filter them: its only script, and nothing needs it."""


def plan_html(plan: Data, style: Style) -> str:
    """The whole page. Draws `topology` of the plan, or else one made from its changes."""
    del style  # the page follows the light or dark of its reader
    outside, declared = review.apart(plan)
    links = _links([*outside, *declared])
    main = tag("main", *_sections(plan, outside, declared, links), class_="many" if len(links) > MANY else None)
    mode = summary.mode_of(plan).name.lower()
    title = f"{review.headline(plan).text}: {mode} of {plan['inventory']['name']}"
    return framed(title, _header(plan), main, script=part("filter.js") if len(plan["changes"]) > FILTERED else "")


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
        tile(name, signs.get(name, BLOCKED.sign), found[name], words.get(name, name))
        for name in review.RISKS
        if found[name] or name in always
    ]
    tiles.append(tile("unknown", UNKNOWN.sign, len(plan["unknown"]), "not observable"))
    tiles.append(tile("unchanged", "=", plan["unchanged"], "in sync"))
    return tag("ul", *tiles, class_="counts")


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
        yield section("Guards", len(plan["refusals"]), *notes.guards(plan))
    if problems := summary.problems(plan):
        yield section("Problems", len(problems), *notes.problems(problems))
    topology = plan.get("topology") or of_changes(plan)
    if len(topology["nodes"]) > 1:
        yield section("Topology", None, picture(topology, links))
    groups = together([*outside, *declared])
    from_elsewhere, by_review = review.titles(plan)
    if outside:
        yield section(from_elsewhere, len(outside), table(filter(_outside, groups), links))
    if declared:
        title = by_review if outside else "Changes"
        yield section(title, len(declared), table(filterfalse(_outside, groups), links))
    batches = review.batches(plan)
    if batches:
        yield section(review.batches_title(batches), None, notes.batches(batches))
    if groups:
        yield section("Details", None, cards(groups, links))
    if plan["reports"]:
        yield section("Reports", len(plan["reports"]), notes.reports(plan))
    if plan["unknown"]:
        yield section("Not observable", len(plan["unknown"]), notes.unknown(plan))


def _outside(group: Sequence[Data]) -> bool:
    return review.from_outside(group[0])
