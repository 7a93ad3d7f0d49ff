"""An inventory from files, in five passes: read and merge, schema, layers, rules, resources.

Each pass works with what the ones before it could make sense of, so that one run shows everything that is wrong.
"""

from __future__ import annotations

import gc
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from reconciler.collector import collector_paused
from reconciler.inventory.access import build_access
from reconciler.inventory.checking import SECTIONS, Broken, check
from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.files import check_files, check_playbooks, digests, outside_of
from reconciler.inventory.layers import SINGLES, Entries, Entry, Layers, members_of_groups, unknown_groups
from reconciler.inventory.mapping import fill
from reconciler.inventory.merge import Merged, read_all
from reconciler.inventory.policy import build_policy
from reconciler.inventory.resources import Builder
from reconciler.inventory.rule_checks import report_findings, report_unknown_group
from reconciler.inventory.source import Source
from reconciler.inventory.source_map import Map, Positions
from reconciler.inventory.unused import report_unused
from reconciler.kinds.rules import Declared, Values
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory
from reconciler.model.version import rest_number

LARGE: Final = 1_000_000
"""Bytes from which on an inventory is large."""
_NAME: Final = re.compile(rb"^name:[ \t]+[\"']?([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
"""Where a file says the name of its inventory."""


def load(
    path: Path, *, look_at_files: bool = True, include_root: Path | None = None
) -> tuple[Inventory | None, list[Diagnostic]]:
    """Read an inventory: a file, or a folder of `*.yml`. Returns it, or None where there are errors, and everything
    there is to say about it, sorted by place.

    What it includes and its playbooks are below its folder, or below `include_root`. `look_at_files` warns of
    certificates and keys that are named and missing. No secret is resolved and nothing is asked of any network. Never
    raises for what is in the files.
    """
    report = Diagnostics()
    with collector_paused():
        folder, merged = read_all(path, report, include_root)
        inventory = _understand(folder, merged, report, look_at_files=look_at_files)
        if inventory is not None and path.absolute() != folder:
            inventory = replace(inventory, main=path.name)
        if sum(len(source.raw) for source in report.marks.sources) > LARGE:
            gc.freeze()  # it lives as long as the process does, so the collector need not see it
    return (None if report.has_errors else inventory), report.diagnostics()


def names_in(path: Path) -> dict[str, tuple[str, ...]]:
    """The names below each section of an inventory, sorted, as far as it can be read: also of one with errors. Never
    raises for what is in the files."""
    _, merged = read_all(path, Diagnostics(), None)
    root: Mapping[str, Any] = merged.root
    sections = {name: root[name] for name in SECTIONS if isinstance(root.get(name), Mapping)}
    return {name: tuple(sorted(map(str, found))) for name, found in sections.items()}


def name_in(path: Path) -> str | None:
    """The `name` of an inventory, as far as it can be read: also of one that is being edited. None if there is none.
    Never raises for what is in the files."""
    report = Diagnostics()
    _, merged = read_all(path, report, None)
    name = merged.root.get("name")
    if isinstance(name, str) and name:
        return name
    return next(filter(None, (name_said(source.raw) for source in report.marks.sources)), None)


def name_said(raw: bytes) -> str | None:
    """The `name` in the text of a file, valid YAML or not."""
    found = _NAME.search(raw)
    return found[1].decode() if found else None


def _understand(folder: Path, merged: Merged, report: Diagnostics, *, look_at_files: bool) -> Inventory | None:
    root = merged.root
    broken = check(root, report)
    if not merged.whole or report.blurred or not broken.layers_hold:
        return None
    layers = Layers(root, report.marks)
    entries = layers.entries(broken)
    singles = {name: layers.single(name) for name in SINGLES if name not in broken.sections}
    declared = _declared(root, entries, singles, broken)
    for proxy, group, item in unknown_groups(root, broken):
        report_unknown_group(root, proxy, group, item, declared, report)
    added = fill(layers, entries, declared, report)
    declared = _with(declared, added)
    report_findings(declared, entries, singles, report)
    server, smtp, policy = singles.get("server"), singles.get("smtp"), singles.get("policy")
    resources, removed = Builder(entries, declared, report).build(server, smtp)
    check_playbooks(root, folder, merged.includes, report)
    if look_at_files:
        check_files(entries, singles, folder, report)
    if report.has_errors or server is None:
        return None
    report_unused(root, report)
    secrets = singles.get("secrets")
    file_digests = digests(entries, singles, root.get("playbooks", ()), folder)
    return Inventory(
        name=root["name"],
        access=build_access(entries, server, secrets.values if secrets is not None else {}, str(folder)),
        resources=resources,
        removed=removed,
        policy=build_policy(policy.values if policy is not None else {}),
        files=tuple(source.name for source in report.marks.sources),
        digest=_digest(report.marks.sources),
        groups=members_of_groups(root),
        playbooks=tuple(root.get("playbooks", ())),
        file_digests=file_digests,
        outside_files=outside_of(folder, file_digests),
        positions=_positions(root, entries, server, report),
    )


def _positions(root: Map, entries: Entries, server: Entry, report: Diagnostics) -> Positions:
    """Where things stand that are no resources, see `Inventory.positions`."""
    places = {"server": server.place}
    for section in ("certificates", "credentials"):
        for entry in entries.get(section, {}).values():
            where = f"{section}.{entry.name}"
            references = (key for key, value in entry.values.items() if str(value).startswith("secret://"))
            places |= {
                where: entry.place,
                **{f"{where}.{key}": entry.value_place(key, report.marks) for key in references},
            }
    places |= dict.fromkeys(("commands", "vault"), report.marks.key(root, "secrets")) if "secrets" in root else {}
    places |= {"playbooks": report.marks.key(root, "playbooks")} if "playbooks" in root else {}
    return Positions(places, report.marks)


def _declared(root: Map, entries: Entries, singles: Mapping[str, Entry | None], broken: Broken) -> Declared:
    objects = {section: {name: entry.values for name, entry in found.items()} for section, found in entries.items()}
    names = {section: found.keys() for section in SECTIONS if isinstance(found := root.get(section), dict)}
    partial = {section for section in objects if len(objects[section]) < len(names[section])} | broken.sections
    settings = {name: entry.values for name, entry in singles.items() if entry is not None}
    return Declared(
        unread=broken.sections,
        objects=objects,
        names=names,
        settings=settings,
        name=str(root.get("name", "")),
        mapping="mapping" in root.get("defaults", {}),
        rest=rest_number(str(settings.get("server", {}).get("rest", "auto"))),
        partial=frozenset(partial),
    )


def _with(declared: Declared, added: Mapping[str, Mapping[str, Values]]) -> Declared:
    """The same with what the mapping added."""
    if not any(added.values()):
        return declared
    sections = [*declared.objects, *(section for section in added if section not in declared.objects)]
    objects: dict[str, Mapping[str, Any]] = {
        section: {**declared.section(section), **added.get(section, {})} for section in sections
    }
    names = {
        section: {**dict.fromkeys(declared.names.get(section, ())), **objects[section]}.keys() for section in objects
    }
    return replace(declared, objects=objects, names=names)


def _digest(sources: list[Source]) -> str:
    """SHA-256 over names and bytes of all files, in order of name."""
    total = hashlib.sha256()
    for source in sorted(sources, key=lambda item: item.name):
        total.update(f"{source.name}\0{len(source.raw)}\0".encode())
        total.update(source.raw)
    return total.hexdigest()
