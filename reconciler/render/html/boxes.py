"""Drawing one box of a picture: a frame, the symbol of what happens to it, and a name cut to fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from reconciler.render.html.graph import Box, state_words
from reconciler.render.html.tags import Html, tag
from reconciler.render.style import clean
from reconciler.render.symbols import ACTIONS, BLOCKED, UNKNOWN

_SIGNS = {name: action.sign for name, action in ACTIONS.items()}
_SIGNS |= {"blocked": BLOCKED.sign, "problem": BLOCKED.sign, "unknown": UNKNOWN.sign, "unchanged": ""}
_NARROW = frozenset("iIjlt.,:;'|!()[] -/f")
_WIDE = frozenset("mwMW@%&")


def sign_of(state: str) -> str:
    return _SIGNS[state]


def box_svg(
    box: Box, x: float, y: float, width: float, height: float, *, links: Mapping[str, str], below: str = ""
) -> Html:
    """A box at its place. `links` are the anchors of addresses; `below` is a second, quieter line."""
    sign = sign_of(box.state)
    mark = 9.0 * len(sign) + 12 if sign else 0.0
    room = width - mark - 18
    parts = [
        tag("title", f"{box.label}: {state_words(box.state)}"),
        tag("rect", class_="frame", x=0.75, y=0.75, width=width - 1.5, height=height - 1.5, rx=5),
    ]
    if sign:
        parts.append(tag("rect", class_="mark", x=4, y=5, width=mark, height=16, rx=3))
        parts.append(tag("text", sign, class_="sign", x=4 + mark / 2, y=17, text_anchor="middle"))
    parts.append(tag("text", fitting(box.label, room), class_="label", x=mark + 10, y=17))
    if below:
        parts.append(tag("text", fitting(below, width - 20), class_="below", x=10, y=34))
    drawn = tag("svg", *parts, class_=f"box s-{box.state}", x=x, y=y, width=width, height=height)
    link = links.get(box.address)
    return tag("a", drawn, href=link) if link else drawn


def fitting(text: str, room: float) -> str:
    """`text` as far as it surely fits into `room` pixels at 12 pixels a letter, with an ellipsis where it was cut."""
    text = clean(text)
    if sum(map(_advance, text)) <= room:
        return text
    room -= _advance("…")
    for index, char in enumerate(text):
        room -= _advance(char)
        if room < 0:
            return text[:index].rstrip(" .-_") + "…"
    return text


def _advance(char: str) -> float:
    """Width of a letter at 12 pixels in the widest of the usual fonts."""
    if char in _NARROW:
        return 4.7
    if char in _WIDE:
        return 11.6
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 12.5
    return 8.4 if char.isupper() else 7.6
