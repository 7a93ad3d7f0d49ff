"""How a saved plan compares with the live state: which changes are refused and why, and which are not needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.model.plan import ChangeKey
from reconciler.plan.recheck import Recheck
from reconciler.render.style import Style, clean
from reconciler.render.symbols import ACTIONS, BLOCKED


def recheck_text(checked: Recheck, style: Style) -> str:
    """Empty if every change still applies."""
    return "".join(f"{line}\n" for line in _lines(checked, style))


def _lines(checked: Recheck, style: Style) -> Iterator[str]:
    if checked.stale:
        yield ""
        yield style.paint(f"Refused: {_some(len(checked.stale))} stale: the live state changed after approval.", "bold")
    for item in checked.stale:
        yield f"{style.paint(f'{BLOCKED.sign:>3}', *BLOCKED.looks)} {_title(item.key)}: {clean(item.why)}"
        yield from (f"      {clean(difference)}" for difference in item.differences)
    if checked.done:
        yield f"No longer needed: {', '.join(map(_title, checked.done))}."
    if checked.extra:
        yield f"Not in the approved plan, so not applied: {', '.join(map(_title, checked.extra))}."


def _title(key: str) -> str:
    """`change smtp` for `update:smtp`."""
    parts = ChangeKey.parse(key)
    return f"{ACTIONS[parts.action].verb} {clean(parts.address)}" if parts.action in ACTIONS else clean(key)


def _some(count: int) -> str:
    return "1 change is" if count == 1 else f"{count} changes are"


def recheck_json(checked: Recheck) -> dict[str, Any]:
    return {
        "stale": [
            {"key": item.key, "address": item.address, "why": item.why, "differences": list(item.differences)}
            for item in checked.stale
        ],
        "done": list(checked.done),
        "extra": list(checked.extra),
    }
