"""The topology as two pictures: a wide one with every connection, and a tall one for narrow screens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.plan.topology import STATES
from reconciler.render.html.boxes import box_svg, sign_of
from reconciler.render.html.graph import Box, Column, Graph, graph, state_words
from reconciler.render.html.layout import GAP, HEAD, ROW, WIDTH, Layout, Placed, layout
from reconciler.render.html.tags import Html, join, tag

TALL_WIDTH = 356
_BEND, _BELOW = 6, 15


def picture(topology: Mapping[str, Any], links: Mapping[str, str]) -> Html:
    """Both pictures and their legend. `links` are the anchors of the addresses that have details."""
    drawn = graph(topology)
    said = _spoken(topology)
    return tag(
        "figure",
        _wide(layout(drawn), drawn, links, said),
        _tall(drawn, links, said),
        tag("figcaption", *_legend(topology)),
        class_="picture",
    )


def _spoken(topology: Mapping[str, Any]) -> str:
    """The picture in one sentence, for those who do not see it."""
    changed = sum(1 for node in topology["nodes"] if node["state"] != "unchanged")
    return f"Picture of {len(topology['nodes'])} objects from the server to the organizations; {changed} are marked."


def _legend(topology: Mapping[str, Any]) -> Iterator[Html]:
    used = {node["state"] for node in topology["nodes"]}
    for state in STATES:
        if state in used and state != "unchanged":
            mark = tag("span", sign_of(state), class_=f"badge s-{state}")
            yield tag("span", mark, f" {state_words(state)}", class_="key")


def _wide(placed: Layout, drawn: Graph, links: Mapping[str, str], said: str) -> Html:
    titles = [
        tag("text", column.title, tag("tspan", f"  {column.total}", class_="total"), class_="title", x=x, y=16)
        for column, x in placed.columns
        if column.boxes
    ]
    lines = sorted(_lines(placed.placed, drawn.edges), key=lambda line: line[0])
    edges = [tag("path", class_=look, d=path) for look, path in lines]
    boxes = [_placed_box(item, links) for item in placed.placed.values()]
    return tag(
        "svg", *titles, *edges, *boxes,
        class_="wide", viewBox=f"0 0 {WIDTH} {placed.height:.0f}", role="group", aria_label=said,
    )  # fmt: skip


def _placed_box(item: Placed, links: Mapping[str, str]) -> Html:
    if not item.box.inside:
        return box_svg(item.box, item.x, item.y, item.width, item.height, links=links)
    frame = tag("rect", class_="pool", x=item.x, y=item.y, width=item.width, height=item.height, rx=7)
    return join([frame, box_svg(item.box, item.x, item.y, item.width, ROW, links=links)])


def _lines(placed: Mapping[str, Placed], edges: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """(class, path) of every line. Sorted by class, quiet ones come first, so that those of changes lie on top."""
    for first, last in edges:
        start, end = placed[first], placed[last]
        look = _look(start.box, end.box)
        if start.box.kind != "server":
            yield look, _curve(start, end)
        elif end.x < start.x + start.width:
            yield look, f"M{start.x + 14:.1f} {start.y + start.height:.1f}V{end.y:.1f}"
        else:
            x = start.x + start.width + (end.x - start.x - start.width) / 2
            yield (
                "edge",
                f"M{start.x + start.width:.1f} {start.anchor:.1f}H{x:.1f}V{max(end.anchor - _BEND, start.anchor):.1f}",
            )
            yield look, _branch(x, start, end)


def _look(start: Box, end: Box) -> str:
    if "delete" in (start.state, end.state):
        return "edge hot going"
    return "edge" if start.state == end.state == "unchanged" else "edge hot"


def _curve(start: Placed, end: Placed) -> str:
    x1, y1, x2, y2 = start.x + start.width, start.anchor, end.x, end.anchor
    middle = (x1 + x2) / 2
    return f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def _branch(x: float, start: Placed, end: Placed) -> str:
    """Off the trunk at `x`, with a round corner."""
    y = end.anchor
    if y - start.anchor < _BEND:
        return f"M{x:.1f} {y:.1f}H{end.x:.1f}"
    return f"M{x:.1f} {y - _BEND:.1f}Q{x:.1f} {y:.1f} {x + _BEND:.1f} {y:.1f}H{end.x:.1f}"


def _tall(drawn: Graph, links: Mapping[str, str], said: str) -> Html:
    """One part below the other: what changes in it, where it leads, and how much of it stays as it is."""
    labels = {
        part.address: part.label for column in drawn.columns for box in column.boxes for part in (box, *box.inside)
    }
    after: dict[str, list[str]] = {}
    for start, end in drawn.edges:
        after.setdefault(start, []).append(labels[end])
    parts: list[Html] = []
    y, stem = 0.0, []
    for column in drawn.columns:
        if not column.boxes:
            continue
        stem.append(y + 10)
        parts.append(tag("circle", class_="stop", cx=6, cy=y + 10, r=4))
        title = (column.title, tag("tspan", f"  {column.total}", class_="total"))
        parts.append(tag("text", *title, class_="title", x=22, y=y + 14))
        y += HEAD - 14
        for box in _short(column):
            height = float(ROW)
            below = ", ".join(after.get(box.address, [])) if box.kind != "server" else ""
            height += _BELOW if below else 0
            shown = f"→ {below}" if below else ""
            parts.append(box_svg(box, 22, y, TALL_WIDTH - 22, height, links=links, below=shown))
            y += height + GAP
        y += 14
    line = tag("path", class_="edge", d=f"M6 {stem[0]:.1f}V{stem[-1]:.1f}")
    return tag("svg", line, *parts, class_="tall", viewBox=f"0 0 {TALL_WIDTH} {y:.0f}", role="group", aria_label=said)


def _rank(box: Box) -> tuple[bool, int]:
    return box.state != "problem", STATES.index(box.state)


def _short(column: Column) -> Sequence[Box]:
    """What of a column the tall picture names: all that changes; the rest as one line that counts it."""
    flat = [part for box in column.boxes for part in (box, *box.inside)]
    shown = [box for box in flat if box.state != "unchanged" or box.kind == "server"]
    rest = [box for box in flat if box.state == "unchanged" and box.kind not in {"server", "pool"}]
    count = sum(box.count for box in rest)
    if len(rest) <= 3:
        return sorted([*shown, *rest], key=_rank)
    shown.sort(key=_rank)
    return [*shown, Box("", rest[0].kind, f"{count} more in sync", "unchanged", count)]
