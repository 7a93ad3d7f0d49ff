"""Defaults of what the inventory does not declare have no effect, and are said to."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.inventory.layers import DEFAULTS_OF
from tests.inventory.writing import HEAD, codes, write

DEFAULTS = {
    "copy_jobs": "{schedule: immediate}",
    "jobs": "{schedule: manual}",
    "pools": "{description: of the reconciler}",
    "proxies": "{port: 9193}",
    "repositories": "{retention: {type: item-level, keep: 3 years}}",
    "smtp": "{port: 25}",
}


@pytest.mark.parametrize("section", DEFAULTS_OF)
@pytest.mark.parametrize("declared", ["", "{}"])
def test_defaults_of_what_is_not_declared(tmp_path: Path, section: str, declared: str) -> None:
    """A section without objects declares none. `smtp` is one object, whatever it says."""
    body = f"defaults: {{{DEFAULTS_OF[section]}: {DEFAULTS[section]}}}\n"
    body += f"{section}: {declared}\n" if declared else ""
    is_used = section == "smtp" and bool(declared)
    assert ("unused" in codes(write(tmp_path, {"inventory.yml": HEAD + body}))) is not is_used
