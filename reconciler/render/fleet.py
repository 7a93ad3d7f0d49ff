"""A command over a fleet: the outputs of its inventories as one, and the summary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from reconciler.plan.document import FORMAT_VERSION, diagnostic_to_json
from reconciler.render.document import document
from reconciler.render.style import Style, clean

if TYPE_CHECKING:
    from enum import IntEnum

    from reconciler.model.diagnostic import Diagnostic

_LOOKS: Final = {"ok": "green", "pending": "yellow"}


@dataclass(frozen=True, slots=True)
class FleetText:
    """`rows` are name, status and a short text of each inventory; `texts` its outputs by format, with JSON in any case.
    `about` is what is wrong with the fleet itself. The page of an inventory is `STEM-NAME.html`."""

    fleet: str
    status: IntEnum
    rows: Sequence[tuple[str, IntEnum, str]]
    texts: Mapping[str, Mapping[str, str]]
    about: Sequence[Diagnostic] = ()
    stem: str = ""

    @property
    def documents(self) -> dict[str, Any]:
        """The JSON form of each inventory's output."""
        return {name: json.loads(texts["json"]) for name, texts in self.texts.items() if texts.get("json")}


def fleet_text(whole: FleetText, name: str, style: Style) -> str:
    """The whole in the format `name`."""
    return _FORMATS[name](whole, style)


def _human(whole: FleetText, style: Style) -> str:
    width = max(len(name) for name, _, _ in whole.rows)
    lines = [style.paint(_title(whole), "bold")]
    for name, status, said in whole.rows:
        lines.append(f"  {name:<{width}}  {style.paint(clean(said), _LOOKS.get(status.name.lower(), 'red'))}")
    return "\n".join(lines) + "\n"


def _title(whole: FleetText) -> str:
    count = len(whole.rows)
    return f"Fleet {whole.fleet}: {count} {'server' if count == 1 else 'servers'}"


def _json(whole: FleetText, style: Style) -> str:
    del style
    return document(
        {
            "format_version": FORMAT_VERSION,
            "fleet": whole.fleet,
            "status": whole.status.name.lower(),
            "statuses": {name: status.name.lower() for name, status, _ in whole.rows},
            "diagnostics": [diagnostic_to_json(item) for item in whole.about],
            "members": whole.documents,
        }
    )


def _markdown(whole: FleetText, style: Style) -> str:
    """One comment: a table, and the plan of each inventory as far as the limit allows; those with changes first."""
    from reconciler.render.markdown import LEAST, LIMIT, plan_markdown
    from reconciler.render.markdown.budget import size
    from reconciler.render.markdown.escape import prose

    lines = [f"<!-- vbo-reconcile:fleet:{quote(whole.fleet, safe='').replace('--', '-%2D')} -->"]
    lines += [f"### {prose(_title(whole))}", "", "| Server | State |", "|---|---|"]
    lines += [f"| {prose(name)} | {prose(said)} |" for name, _, said in whole.rows]
    text = "\n".join(lines) + "\n"
    documents = whole.documents
    plans = {name: documents[name] for name, _, _ in whole.rows if "changes" in documents.get(name, {})}
    ordered = sorted(plans, key=lambda name: not plans[name]["changes"])
    left_out = "\nThe plans of the other servers are not shown: the comment would be too long.\n"
    for number, name in enumerate(ordered):
        heading = f"\n## {prose(name)}\n\n"
        room = LIMIT - size(text) - size(heading) - size(left_out)
        if room < LEAST:
            return text + left_out
        budget = max(LEAST, room // (len(ordered) - number))
        text += heading + plan_markdown(plans[name], style, budget=budget)
    return text


def _html(whole: FleetText, style: Style) -> str:
    from reconciler.render.html.frame import framed
    from reconciler.render.html.tags import Html, name_of, tag

    del style

    def row(name: str, status: IntEnum, said: str) -> Html:
        page = f"{quote(f'{whole.stem}-{name}')}.html" if whole.texts[name].get("html") else None
        shown = tag("a", name_of(name), href=page) if page else name_of(name)
        tone = {"ok": "t-good", "pending": "t-warn"}.get(status.name.lower(), "t-bad")
        return tag("tr", tag("th", shown, scope="row"), tag("td", name_of(said), class_=tone))

    rows = [row(*entry) for entry in whole.rows]
    head = tag("thead", tag("tr", tag("th", "Server", scope="col"), tag("th", "State", scope="col")))
    header = tag("header", tag("p", "Fleet", class_="kicker"), tag("h1", name_of(whole.fleet)))
    return framed(_title(whole), header, tag("main", tag("table", head, tag("tbody", *rows))))


def _sarif(whole: FleetText, style: Style) -> str:
    """One run for each inventory."""
    del style
    found = [json.loads(texts["sarif"]) for texts in whole.texts.values() if texts.get("sarif")]
    runs = [run for item in found for run in item["runs"]]
    head = {key: value for item in found[:1] for key, value in item.items() if key != "runs"}
    return document({**head, "runs": runs})


def _annotations(whole: FleetText, style: Style) -> str:
    del style
    return "".join(_of("annotations", whole))


def _of(name: str, whole: FleetText) -> Iterator[str]:
    return (texts.get(name, "") for texts in whole.texts.values())


_FORMATS: Final[Mapping[str, Callable[[FleetText, Style], str]]] = {
    "human": _human,
    "json": _json,
    "markdown": _markdown,
    "html": _html,
    "sarif": _sarif,
    "annotations": _annotations,
}
