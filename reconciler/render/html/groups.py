"""Changes of a large plan that are alike: one card says what they have in common, and a table what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from reconciler.model.address import kind_of, name_of
from reconciler.render import review
from reconciler.render.html import changes as single
from reconciler.render.html.frame import MANY
from reconciler.render.html.graph import plural
from reconciler.render.html.members import FEW, NONE, common, members
from reconciler.render.html.tags import Html, join, tag
from reconciler.render.html.tags import name_of as bdi
from reconciler.render.symbols import ACTIONS
from reconciler.render.values import text_of

Data = Mapping[str, Any]
Group = Sequence[Data]

OPEN = 12
"""Cards that stand open at first."""


def _shape(change: Data) -> object:
    """What changes in one card have in common: what is done, to which fields, and by which steps."""
    fields = tuple((item["path"], bool(review.item_lines(item))) for item in change["fields"])
    steps = tuple((step["verb"], *(path for path, _ in _leaves(step["params"]))) for step in change["steps"])
    cause = review.from_outside(change), review.risk(change)
    return cause, change["action"], kind_of(change["address"]), change.get("severity"), fields, steps


def together(changes: Sequence[Data]) -> list[Group]:
    """`changes` in their order, and alike ones together: of a page that can be read one by one, each alone."""
    if len(changes) <= MANY:
        return [[change] for change in changes]
    alike: dict[object, list[Data]] = {}
    for change in changes:
        alike.setdefault(_shape(change), []).append(change)
    return [part for found in alike.values() for part in ([found] if len(found) > FEW else [[item] for item in found])]


def table(groups: Iterable[Group], links: Mapping[str, str]) -> Html:
    return single.table(_row(group, links) if len(group) > 1 else single.row_of(group[0], links) for group in groups)


def cards(groups: Iterable[Group], links: Mapping[str, str]) -> Html:
    return join(
        _card(group, links, opened=number < OPEN)
        if len(group) > 1
        else single.card_of(group[0], links, opened=number < OPEN)
        for number, group in enumerate(groups)
    )


def _card(group: Group, links: Mapping[str, str], *, opened: bool) -> Html:
    first = group[0]
    head = tag(
        "summary",
        single.badge(first),
        tag("span", _verb(first), " ", _counted(group), single.severity_of(first), class_="what"),
        tag("span", review.fields_text(first), class_="size"),
    )
    body = tag("div", *_body(group, links), class_="body")
    return tag("details", head, body, class_=f"card s-{review.risk(first)}", open="" if opened else None)


def _row(group: Group, links: Mapping[str, str]) -> Html:
    """The row of a group in the table of changes: it leads to its first member."""
    first = group[0]
    link = tag("a", tag("bdi", _counted(group)), href=links[first["key"]])
    return tag(
        "tr",
        tag("td", single.badge(first), class_="sign"),
        tag("th", _verb(first), " ", link, single.severity_of(first), scope="row"),
        tag("td", *single.paths_of(first), class_="paths"),
        tag("td", *_why(first, common([_about(change, {}) for change in group])), class_="why"),
    )


def _why(first: Data, said: Mapping[str, Html]) -> Iterator[str]:
    """The reason that all members of a group have."""
    if first["blocked"]:
        yield tag("strong", "Blocked: ", class_="bad")
    yield said.get("Blocked" if first["blocked"] else "Why", "for different reasons")


def _verb(change: Data) -> Html:
    return tag("span", ACTIONS[change["action"]].verb, class_="verb")


def _counted(group: Group) -> str:
    return f"{len(group):,} {plural(kind_of(group[0]['address']))}"


def _body(group: Group, links: Mapping[str, str]) -> Iterator[Html]:
    first = group[0]
    fields, about, steps = [_fields(item) for item in group], [_about(item, links) for item in group], _steps(group)
    rows = [one | two | three for one, two, three in zip(fields, about, steps, strict=True)]
    same = common(fields)
    if shown := [item for item in first["fields"] if item["path"] in same]:
        yield tag("table", tag("tbody", *(single.field_row(first, item, NONE) for item in shown)), class_="diff")
    if said := common(about):
        yield tag(
            "dl",
            *(tag(name, text) for title, value in said.items() for name, text in _pair(title, value)),
            class_="about",
        )
    if first["steps"]:
        yield single.steps_of(first["steps"], f" of each, here of {first['address']}")
    names = [bdi(name_of(item["address"]) or item["address"]) for item in group]
    ids = [links[item["key"]].removeprefix("#") for item in group]
    yield members(_counted(group), names, rows, ids, kind=kind_of(first["address"]))


def _pair(title: str, value: Html) -> Iterable[tuple[str, str]]:
    return ("dt", title), ("dd", value)


def _fields(change: Data) -> dict[str, Html]:
    """By path: its value, or both with their signs."""
    if change["action"] in ("create", "delete"):
        said = review.after_text if change["action"] == "create" else review.before_text
        name = name_of(change["address"])
        named = (item for item in change["fields"] if item["path"] != "name" or said(item) != name)
        return {item["path"]: join([said(item)]) for item in named}
    return {
        item["path"]: join((value for _, value in single.values_of(change, item)), " ") for item in change["fields"]
    }


def _about(change: Data, links: Mapping[str, str]) -> dict[str, Html]:
    """What a card says below the fields, by its title."""
    linked = partial(single.linked, links=links)
    found = {
        "Blocked": join([change["blocked"]]),
        "Why": join([review.why(change["cause"])]),
        "Where": join([review.said_at(review.where_said(change))]),
        "Not served during the change": join(map(bdi, change["disrupts"]), ", "),
        "Waits for": join(map(linked, sorted(set(change["depends_on"]))), ", "),
    }
    return {title: value for title, value in found.items() if value}


def _steps(group: Group) -> list[dict[str, Html]]:
    """By parameter of a step: its value, where neither the name nor a field of each change says the same."""
    known = [
        [name_of(item["address"]), *(field["after"] for field in item["fields"] if not field.get("secret"))]
        for item in group
    ]
    found: list[dict[str, Html]] = [{} for _ in group]
    for number, step in enumerate(group[0]["steps"]):
        for place, (path, _) in enumerate(_leaves(step["params"])):
            values = [list(_leaves(item["steps"][number]["params"]))[place][1] for item in group]
            if any(value != values[0] for value in values) and not _said(values, known):
                for row, value in zip(found, values, strict=True):
                    row[f"{step['verb']}: {path}"] = join([text_of(value)])
    return found


def _said(values: Sequence[object], known: Sequence[Sequence[object]]) -> bool:
    """Whether something that is shown of each change is its value, and the same thing of all."""
    width = min(map(len, known))
    return any(all(row[place] == value for row, value in zip(known, values, strict=True)) for place in range(width))


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if not isinstance(value, Mapping):
        yield path, value
        return
    for key, item in value.items():
        yield from _leaves(item, f"{path}.{key}".lstrip("."))
