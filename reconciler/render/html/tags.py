"""HTML by construction: what is not HTML already is escaped when it is put into a tag."""

from __future__ import annotations

import html
from collections.abc import Iterable

from reconciler.render.style import clean

_VOID = frozenset({"meta", "link", "br", "hr"})


class Html(str):
    """Text that is HTML. Only `tag`, `join` and constants of this package make it."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Html:
    """An element. Plain strings among `children` become text; attributes that are None are left out.

    `class_` stands for `class`, and other underscores for hyphens: `aria_label`.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{said}>")
    return Html(f"<{name}{said}>{''.join(map(_child, children))}</{name}>")


def join(parts: Iterable[str], between: str = "") -> Html:
    """Several children as one; plain strings become text."""
    return Html(_child(between).join(map(_child, parts)))


def prose(text: str) -> Html:
    """Sentences in which names and commands stand between backquotes."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one of them stands alone
        return Html(_escaped(text))
    return join(tag("code", part) if number % 2 else part for number, part in enumerate(parts))


def name_of(text: str) -> Html:
    """A name from elsewhere, kept from turning the direction of what stands beside it."""
    return tag("bdi", text)


def _child(child: str) -> str:
    return child if isinstance(child, Html) else _escaped(child)


def _escaped(text: str) -> str:
    return html.escape(clean(text), quote=True)


def _number(value: str | float) -> str:
    """Coordinates with at most one decimal, so that they are the same everywhere."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
