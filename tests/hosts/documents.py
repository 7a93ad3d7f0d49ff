"""Documents as the facts scripts print them, of hosts that meet everything; tests change the parts that they check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.package_data import shipped_script
from reconciler.requirements.facts import example

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def document(system: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The document of a good host, with the parts in `changes` merged over it."""
    found = example(shipped_script("windows/facts.ps1")) if system == "windows" else {}
    base = json.loads((Path(__file__).parent / "documents" / f"{system}.json").read_text("utf-8"))
    for part, value in (*base.items(), *(changes or {}).items()):
        found[part] = {**found.get(part, {}), **value} if isinstance(value, Mapping) else value
    return found
