"""Runs the rules of `kinds.rules` and puts their findings into places."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.layers import Entries, Entry
from reconciler.inventory.source_map import Map, Place
from reconciler.kinds import KINDS
from reconciler.kinds.rules import RULES, Declared, Where
from reconciler.kinds.rules.references import unknown
from reconciler.model.address import address

_KIND_OF = {kind.section: kind.name for kind in KINDS.values() if not kind.singleton}


def report_findings(
    declared: Declared, entries: Entries, singles: Mapping[str, Entry | None], report: Diagnostics
) -> None:
    """Everything that the rules find."""
    for rule in RULES:
        for finding in rule.check(declared):
            where = finding.where
            report.add(
                rule.code,
                finding.detail,
                fix=finding.fix,
                place=_place(where, entries, singles, report),
                summary=rule.summary,
                severity=rule.severity,
                address=_address(where),
                related=[_place(other, entries, singles, report) for other in finding.related],
            )


def report_unknown_group(root: Map, proxy: str, group: str, item: int, declared: Declared, report: Diagnostics) -> None:
    """A group is needed before rules can look at a proxy, so its name is judged here."""
    rule = next(rule for rule in RULES if rule.code == "unknown-name")
    raw = root["proxies"][proxy]
    place = report.marks.item(raw["group"], item) if item >= 0 else report.marks.value(raw, "group")
    finding = unknown(Where("proxies", proxy, "group"), ("groups",), group, declared)
    where = address("proxy", proxy)
    report.add(rule.code, finding.detail, fix=finding.fix, place=place, summary=rule.summary, address=where)


def _place(where: Where, entries: Entries, singles: Mapping[str, Entry | None], report: Diagnostics) -> Place:
    entry = entries.get(where.section, {}).get(where.name) if where.name else singles.get(where.section)
    if entry is None:
        return 0
    return entry.value_place(where.field, report.marks, where.item) if where.field else entry.place


def _address(where: Where) -> str:
    if where.section == "smtp":
        return address("smtp")
    return address(_KIND_OF[where.section], where.name) if where.section in _KIND_OF else ""
