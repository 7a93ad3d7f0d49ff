"""Changes on the page: the table in order of risk, and one card with everything for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.address import kind_of, name_of
from reconciler.model.plan import ChangeKey
from reconciler.render import review
from reconciler.render.html.tags import Html, join, tag
from reconciler.render.html.tags import name_of as bdi
from reconciler.render.symbols import ACTIONS
from reconciler.render.values import text_of

Data = Mapping[str, Any]


def badge(change: Data) -> Html:
    return tag("span", review.symbol(change).sign, class_=f"badge s-{review.risk(change)}")


def address(text: str) -> Html:
    """An address with its kind in a quieter style."""
    if not name_of(text):
        return tag("bdi", text)
    return tag("bdi", tag("span", kind_of(text) + ".", class_="kind"), name_of(text))


def table(rows: Iterable[Html]) -> Html:
    head = tag("tr", *(tag("th", title, scope="col") for title in ("", "Change", "Fields", "Why")))
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="changes")


def row_of(change: Data, links: Mapping[str, str]) -> Html:
    link = tag("a", address(change["address"]), href=links[change["key"]])
    verb = tag("span", ACTIONS[change["action"]].verb, class_="verb")
    return tag(
        "tr",
        tag("td", badge(change), class_="sign"),
        tag("th", verb, " ", link, severity_of(change), scope="row"),
        tag("td", *paths_of(change), class_="paths"),
        tag("td", *_why(change), class_="why"),
    )


def paths_of(change: Data) -> Iterator[str]:
    """The first fields by name, or how many there are."""
    found = review.differing(change)
    yield join((tag("code", path) for path in found[:3]), ", ") if found else review.fields_text(change)
    if len(found) > 3:
        yield f" and {len(found) - 3} more"


def severity_of(change: Data) -> Html:
    """Of drift: how much it matters."""
    found = str(change.get("severity") or "")
    return tag("span", f" ({found})", class_="bad" if found == "high" else "verb") if found else Html("")


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


def card_of(change: Data, links: Mapping[str, str], *, opened: bool) -> Html:
    head = tag(
        "summary",
        badge(change),
        tag(
            "span",
            tag("span", ACTIONS[change["action"]].verb, class_="verb"),
            " ",
            address(change["address"]),
            severity_of(change),
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
        yield tag(
            "table",
            tag("tbody", *(field_row(change, item, join(_note(change, item))) for item in change["fields"])),
            class_="diff",
        )
    yield tag("dl", *_about(change, links), class_="about")
    if change["steps"]:
        yield steps_of(change["steps"])


def field_row(change: Data, item: Data, note: Html) -> Html:
    """The row of a field, with a note on its cause."""
    head = tag("th", tag("code", item["path"]), note, scope="row")
    if review.item_lines(item):
        return tag("tr", head, tag("td", *(value for _, value in values_of(change, item)), class_="new", colspan="2"))
    return tag("tr", head, *(tag("td", value, class_=look) for look, value in values_of(change, item)))


def values_of(change: Data, item: Data) -> list[tuple[str, Html]]:
    """The value of a field before, which may be empty, and after it, or its items that change; each with its class."""
    if items := review.item_lines(item):
        return [("new", _item(sign, text)) for sign, text in items]
    before, after = review.before_text(item), review.after_text(item)
    old = ("old", tag("del", tag("i", "- "), before)) if before else ("old none", Html(""))
    new = ("new", tag("ins", tag("i", "+ "), after or "null"))
    return {"create": [new], "delete": [old]}.get(change["action"], [old, new])


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
        yield tag("dd", join((linked(key, links) for key in sorted(set(change["depends_on"]))), ", "))


def linked(key: str, links: Mapping[str, str]) -> Html:
    parts = ChangeKey.parse(key)
    verb = ACTIONS[parts.action].verb if parts.action in ACTIONS else parts.action
    return tag("a", verb, " ", address(parts.address), href=links[key]) if key in links else tag("span", key)


def steps_of(found: Sequence[Data], whose: str = "") -> Html:
    items = (
        tag("li", tag("code", step["verb"]), " ", tag("span", text_of(step["params"]), class_="params"))
        for step in found
    )
    return tag(
        "details",
        tag("summary", f"{len(found)} step{'' if len(found) == 1 else 's'}{whose}"),
        tag("ol", *items),
        class_="steps",
    )
