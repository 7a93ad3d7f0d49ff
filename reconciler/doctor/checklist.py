"""The manual test of the playbooks on Windows: a section of their README."""

from __future__ import annotations

from typing import Final

from reconciler.package_data import playbooks_folder

HEADING: Final = "## What was tested, and what never was"


def checklist_text() -> str:
    """The part from HEADING up to the next heading of its level, without that heading."""
    text = (playbooks_folder() / "README.md").read_text("utf-8")
    return HEADING + text.partition(HEADING)[2].partition("\n## ")[0].rstrip("\n") + "\n"
