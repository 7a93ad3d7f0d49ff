"""Diagnostics as blocks with a rule at the left, so that a pasted error is whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.position import joined
from reconciler.plan.document import diagnostic_to_json
from reconciler.render.review import place
from reconciler.render.style import Style, clean
from reconciler.render.wrapping import columns_of, cut

WIDTH = 110
"""Columns of a source line that are shown; a longer one is cut around its caret."""

_NARROW = 20
"""Columns of a source line that are shown on the narrowest terminal."""

_HEADS = {"error": ("Error", "red"), "warning": ("Warning", "yellow")}


MAX_SHOWN: Final = 100
"""Diagnostics that are shown to people; programs get all of them."""


def diagnostics_text(diagnostics: Iterable[Diagnostic], style: Style) -> str:
    """Sorted by place, with an empty line between. Of more than MAX_SHOWN the first errors, and how many more."""
    found = list(diagnostics)
    shown = sorted(first(found), key=lambda item: item.sort_key)
    blocks = [diagnostic_text(diagnostic_to_json(item), style) for item in shown]
    if left := len(found) - len(shown):
        blocks.append(f"{left:,} more errors and warnings are not shown; `--format json` lists all of them.\n")
    return "\n".join(blocks)


def first(found: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
    """Up to MAX_SHOWN of them, errors before warnings."""
    return sorted(found, key=lambda item: (not item.is_error, item.sort_key))[:MAX_SHOWN]


def diagnostic_text(diagnostic: Mapping[str, Any], style: Style) -> str:
    """One diagnostic in its JSON form: summary, place, source line with a caret, reason, fix."""
    head, look = _HEADS.get(diagnostic.get("severity") or "error", _HEADS["error"])
    lines = [f"{style.paint(head + ':', look, 'bold')} {style.paint(clean(diagnostic['summary']), 'bold')}"]
    lines += _place(diagnostic, style)
    lines += _paragraphs(diagnostic.get("detail", ""))
    lines += [f"see also {_position(other, style)}" for other in diagnostic.get("related") or ()]
    fix = _paragraphs(diagnostic.get("fix", ""))
    if fix:
        lines += ["", f"{style.paint('Fix:', 'bold')} {fix[0]}", *fix[1:]]
    rule = style.paint(style.rule, look)
    return "".join(f"{rule} {style.plain(line)}".rstrip() + "\n" for line in lines)


def _place(diagnostic: Mapping[str, Any], style: Style) -> list[str]:
    position, address = diagnostic.get("position"), diagnostic.get("address") or ""
    where = clean(address)
    if position:
        where = _position(position, style) + (f" ({where})" if where else "")
    lines = [f"  {where}"] if where else []
    if position and diagnostic.get("source"):
        lines += ["", *_snippet(diagnostic["source"], position["line"], position["column"], style)]
    return [*lines, ""] if lines else []


def _position(position: Mapping[str, Any], style: Style) -> str:
    return place({**position, "file": joined(style.folder, position["file"])})


def _snippet(source: str, line: int, column: int, style: Style) -> list[str]:
    """The source line, and a caret below the column (counted in characters, from 1)."""
    source = source.rstrip("\r\n").expandtabs(1)
    index = min(max(column - 1, 0), len(source))
    margin = " " * len(str(line))
    room = _room(style, len(margin))
    start = index - len(cut(source[:index][::-1], room // 2)) if len(source) > room or columns_of(source) > room else 0
    shown = cut(source[start:], room)
    before = "..." if start else ""
    after = "..." if start + len(shown) < len(source) else ""
    blank = " " * columns_of(before + clean(source[start:index]))
    return [
        f"  {line} {style.rule} {before}{clean(shown)}{after}",
        f"  {margin} {style.rule} {blank}{style.paint('^', 'bold')}",
    ]


def _room(style: Style, margin: int) -> int:
    """Columns for a part of a source line, beside the rules, the number of the line and the dots at both ends."""
    return max(_NARROW, min(WIDTH, style.columns - margin - 13)) if style.columns else WIDTH


def _paragraphs(text: str) -> list[str]:
    return [clean(line) for line in text.splitlines()]
