"""Parts of an inventory without an effect: groups without members, and defaults of a kind that declares no object."""

from __future__ import annotations

from typing import Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.layers import DEFAULTS_OF, members_of_groups
from reconciler.inventory.source_map import Map
from reconciler.model.diagnostic import Severity
from reconciler.model.sentences import quoted

_BY_MAPPING: Final = ("job", "repository")
"""Kinds of which `defaults.mapping` makes objects."""


def report_unused(root: Map, report: Diagnostics) -> None:
    """`root` has no errors."""
    for group, members in members_of_groups(root).items():
        if not members:
            detail = f"No proxy is in group {quoted(group)}: it has no effect."
            fix = f"Write `group: {group}` in its proxies, or remove the group."
            place = report.marks.key(root["groups"], group)
            report.add("unused", detail, fix=fix, place=place, severity=Severity.WARNING)
    defaults = root.get("defaults", {})
    for section, kind in DEFAULTS_OF.items():
        filled = kind in _BY_MAPPING and "mapping" in defaults
        declared = section in root if section == "smtp" else root.get(section)
        if kind in defaults and not declared and not filled:
            detail = f"`defaults.{kind}` has no effect: the inventory has no {quoted(section)}."
            place = report.marks.key(defaults, kind)
            report.add("unused", detail, fix="Remove it.", place=place, severity=Severity.WARNING)
