"""Text from elsewhere inside Markdown: it is shown, and never interpreted.

Written for the Markdown of GitHub and GitLab: no markup, no HTML, no mention (`@name`), no reference (`#1`, `!1`), no
link.
"""

from __future__ import annotations

import html
import re

from reconciler.render.style import clean

_MARKUP = re.compile(r"([\\`*_\[\]|~$^])")
_LEADING = re.compile(r"^(\d+(?=[.)])|[-+=:])")
_REFERENCE = re.compile(r"([@#!])(?=\w)|:(?=[\w+-]+:)|:(?=//)|(?<=www)\.|\bGH-(?=\d)")
_GAP = "&#8203;"  # a space of no width: what it parts is read as before, and is not a reference any more


def short(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, with an ellipsis where something was cut off."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def one_line(text: str) -> str:
    return " ".join(text.split())


def prose(text: str) -> str:
    """A sentence, as text."""
    text = html.escape(clean(one_line(text)), quote=False)
    text = _MARKUP.sub(r"\\\1", text)
    text = _REFERENCE.sub(lambda found: found.group() + _GAP if found.group() != "." else _GAP + ".", text)
    return _LEADING.sub(lambda found: _first(found.group()), text)


def _first(start: str) -> str:
    return start + _GAP if start.isdigit() else "\\" + start


def code(text: str) -> str:
    """A code span. It fits into a cell of a table, too: where there is a pipe, everything is written as entities."""
    text = clean(text) or " "
    if "|" in text:
        return f"<code>{_entities(text)}</code>"
    ticks = "`" * (_longest_run(text) + 1)
    gap = " " if text[0] in " `" or text[-1] in " `" else ""
    return f"{ticks}{gap}{text}{gap}{ticks}"


def html_code(text: str) -> str:
    """A code span for places where Markdown is not read, such as a summary."""
    return f"<code>{html.escape(clean(text))}</code>"


def fenced(language: str, lines: list[str]) -> str:
    """A code block whose fence is longer than any run of backticks inside. `lines` hold no line ends."""
    fence = "`" * max(3, *(_longest_run(line) + 1 for line in lines)) if lines else "```"
    return "\n".join([f"{fence}{language}", *lines, fence])


def _entities(text: str) -> str:
    return "".join(char if char.isalnum() or char == " " else f"&#{ord(char)};" for char in text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
