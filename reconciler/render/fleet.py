"""A command over a fleet: the outputs of its inventories as one, and the summary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconciler.plan.document import FORMAT_VERSION, diagnostic_to_json
from reconciler.render.document import document
from reconciler.render.style import Style, clean

if TYPE_CHECKING:
    from enum import IntEnum

    from reconciler.model.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class FleetText:
    """`rows` are name, status and a short text of each inventory; `texts` its outputs by format.
    `about` is what is wrong with the fleet itself."""

    fleet: str
    status: IntEnum
    rows: Sequence[tuple[str, IntEnum, str]]
    texts: Mapping[str, Mapping[str, str]]
    about: Sequence[Diagnostic] = ()


def fleet_text(whole: FleetText, name: str, style: Style) -> str:
    """The whole in the format `name`."""
    if name == "json":
        return document(_json(whole))
    return _human(whole, style)


def _json(whole: FleetText) -> dict[str, Any]:
    members = {name: json.loads(texts["json"]) for name, texts in whole.texts.items() if texts.get("json")}
    return {
        "format_version": FORMAT_VERSION,
        "fleet": whole.fleet,
        "status": whole.status.name.lower(),
        "statuses": {name: status.name.lower() for name, status, _ in whole.rows},
        "diagnostics": [diagnostic_to_json(item) for item in whole.about],
        "members": members,
    }


def _human(whole: FleetText, style: Style) -> str:
    width = max(len(name) for name, _, _ in whole.rows)
    lines = [style.paint(f"Fleet {whole.fleet}: {_many(len(whole.rows), 'server')}", "bold")]
    for name, status, said in whole.rows:
        look = {"ok": "green", "pending": "yellow"}.get(status.name.lower(), "red")
        lines.append(f"  {name:<{width}}  {style.paint(clean(said), look)}")
    return "\n".join(lines) + "\n"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
