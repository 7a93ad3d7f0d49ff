"""The frame of every page: its head with a policy, its style, its script if it has one."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from reconciler.render.html.tags import Html, tag

MANY = 400
"""The number of cards from which browsers lay out only the visible ones."""


def part(name: str) -> str:
    """A file that is put into pages as it is."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def framed(title: str, *content: Html, script: str = "") -> str:
    """A whole page."""
    css = part("page.css")
    body = tag("body", *content, _footer(script), tag("script", Html(script)) if script else "")
    page = tag("html", _head(title, css, script), body, lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def tile(state: str, sign: str, count: int, words: str) -> Html:
    """A number with what it counts."""
    number = tag("span", tag("span", sign, class_="tilesign", aria_hidden="true"), f"{count:,}", class_="number")
    return tag("li", number, tag("span", words, class_="words"), class_=f"s-{state}" if count else "zero")


def section(title: str, count: int | None, *content: Html) -> Html:
    number = tag("span", f"{count:,}", class_="total") if count is not None else ""
    return tag("section", tag("h2", title, " ", number), *content)


def _checksum(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _head(title: str, css: str, script: str) -> Html:
    """With a policy: nothing is fetched, and nothing runs but the script of this page, whatever a name may say."""
    scripts = f"script-src {_checksum(script)}; " if script else ""
    rest = "img-src data:; base-uri 'none'; form-action 'none'"
    policy = f"default-src 'none'; {scripts}style-src {_checksum(css)}; {rest}"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="robots", content="noindex"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(css)),
    )


def _footer(script: str) -> Html:
    said = "loads nothing, and its script only filters the changes" if script else "runs no script and loads nothing"
    return tag("footer", tag("p", f"Made by vbo-reconcile. This page {said}."))
