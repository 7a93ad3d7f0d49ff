"""Changes on the page: the table in order of risk, and one card with everything for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.address import kind_of, name_of
from reconciler.model.plan import ChangeKey
from reconciler.render import review
from reconciler.render.html.frame import MANY
from reconciler.render.html.tags import Html, join, tag
from reconciler.render.html.tags import name_of as bdi
from reconciler.render.symbols import ACTIONS
from reconciler.render.values import text_of

Data = Mapping[str, Any]

OPEN = 12
"""Cards that stand open at first."""


def badge(change: Data) -> Html:
    return tag("span", review.symbol(change).sign, class_=f"badge s-{review.risk(change)}")


def address(text: str) -> Html:
    """An address with its kind in a quieter style."""
    if not name_of(text):
        return tag("bdi", text)
    return tag("bdi", tag("span", kind_of(text) + ".", class_="kind"), name_of(text))


def table(changes: Sequence[Data], links: Mapping[str, str]) -> Html:
    head = tag("tr", *(tag("th", title, scope="col") for title in ("", "Change", "Fields", "Why")))
    rows = (_row(change, links) for change in changes)
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="changes")


def _row(change: Data, links: Mapping[str, str]) -> Html:
    paths = review.differing(change)
    rest = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    named = join((tag("code", path) for path in paths[:3]), ", ")
    link = tag("a", address(change["address"]), href=links[change["key"]])
    verb = tag("span", ACTIONS[change["action"]].verb, class_="verb")
    return tag(
        "tr",
        tag("td", badge(change), class_="sign"),
        tag("th", verb, " ", link, _severity(change), scope="row"),
        tag("td", named or review.fields_text(change), rest, class_="paths"),
        tag("td", *_why(change), class_="why"),
    )


def _severity(change: Data) -> Html:
    """Of drift: how much it matters."""
    severity = str(change.get("severity") or "")
    return tag("span", f" ({severity})", class_="bad" if severity == "high" else "verb") if severity else Html("")


def _why(change: Data) -> Iterator[str]:
    if change["blocked"]:
        yield tag("strong", "Blocked: ", class_="bad")
        yield change["blocked"]
        return
    yield review.why(change["cause"])
    where = review.said_at(review.where_said(change))
    if where:
        yield " "
        yield tag("span", where, class_="place")
    if change["disrupts"]:
        yield tag("span", f" {len(change['disrupts'])} not served meanwhile", class_="note")


def cards(changes: Sequence[Data], links: Mapping[str, str]) -> Html:
    found = join(_card(change, links, opened=number < OPEN) for number, change in enumerate(changes))
    if len(changes) <= MANY:
        return found
    title = tag("summary", tag("span", f"{len(changes):,} changes with their fields and steps", class_="what"))
    return tag("details", title, tag("div", found, class_="body"), class_="all card")


def _card(change: Data, links: Mapping[str, str], *, opened: bool) -> Html:
    head = tag(
        "summary",
        badge(change),
        tag(
            "span",
            tag("span", ACTIONS[change["action"]].verb, class_="verb"),
            " ",
            address(change["address"]),
            _severity(change),
            class_="what",
        ),
        tag("span", review.fields_text(change), class_="size"),
    )
    body = tag("div", *_body(change, links), class_="body", id=links[change["key"]].removeprefix("#"))
    return tag("details", head, body, class_=f"card s-{review.risk(change)}", open="" if opened else None)


def _body(change: Data, links: Mapping[str, str]) -> Iterator[Html]:
    if change["blocked"]:
        yield tag("p", tag("strong", "Blocked: ", class_="bad"), change["blocked"])
    if change["fields"]:
        yield tag("table", tag("tbody", *(_field(change, item) for item in change["fields"])), class_="diff")
    yield tag("dl", *_about(change, links), class_="about")
    if change["steps"]:
        yield _steps(change["steps"])


def _field(change: Data, item: Data) -> Html:
    before, after = review.before_text(item), review.after_text(item)
    if items := review.item_lines(item):
        cells = [tag("td", *(_item(sign, text) for sign, text in items), class_="new", colspan="2")]
        return tag("tr", tag("th", tag("code", item["path"]), *_note(change, item), scope="row"), *cells)
    old = tag("td", tag("del", tag("i", "- "), before), class_="old") if before else tag("td", class_="old none")
    new = tag("td", tag("ins", tag("i", "+ "), after or "null"), class_="new")
    cells = {"create": [new], "delete": [old]}.get(change["action"], [old, new])
    return tag("tr", tag("th", tag("code", item["path"]), *_note(change, item), scope="row"), *cells)


def _item(sign: str, text: str) -> Html:
    """One item on a separate line."""
    return tag("div", tag("del" if sign == "-" else "ins", tag("i", f"{sign} "), text))


def _note(change: Data, item: Data) -> Iterator[Html]:
    """The cause of a field, if it differs from that of its change."""
    cause = item["cause"]
    if not cause or cause == change["cause"]:
        return
    words = {"drift": "changed outside", "default": "default"}.get(cause["reason"], "")
    said = ", ".join(part for part in (words, review.said_at(cause)) if part)
    if said:
        yield tag("span", said, class_="place")


def _about(change: Data, links: Mapping[str, str]) -> Iterator[Html]:
    where = review.said_at(change["cause"])
    yield tag("dt", "Why")
    yield tag("dd", review.why(change["cause"]), " ", tag("span", where, class_="place") if where else "")
    if change["disrupts"]:
        yield tag("dt", "Not served during the change")
        yield tag("dd", join(map(bdi, change["disrupts"]), ", "))
    if change["depends_on"]:
        yield tag("dt", "Waits for")
        yield tag("dd", join((_linked(key, links) for key in sorted(set(change["depends_on"]))), ", "))


def _linked(key: str, links: Mapping[str, str]) -> Html:
    parts = ChangeKey.parse(key)
    verb = ACTIONS[parts.action].verb if parts.action in ACTIONS else parts.action
    return tag("a", verb, " ", address(parts.address), href=links[key]) if key in links else tag("span", key)


def _steps(steps: Sequence[Data]) -> Html:
    items = (
        tag("li", tag("code", step["verb"]), " ", tag("span", text_of(step["params"]), class_="params"))
        for step in steps
    )
    return tag(
        "details",
        tag("summary", f"{len(steps)} step{'' if len(steps) == 1 else 's'}"),
        tag("ol", *items),
        class_="steps",
    )
