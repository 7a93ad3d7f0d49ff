"""`defaults.mapping`: a repository and a job for every declared pair of organization and proxy that no job covers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.layers import Entries, Entry, Layers
from reconciler.inventory.source_map import Map, Place
from reconciler.kinds.rules import Declared, Values
from reconciler.kinds.rules.chain import covered_pairs
from reconciler.model.sentences import listed, quoted

PLACEHOLDERS: Final = ("organization", "tenant", "proxy")
NAME: Final = "{organization}-{proxy}"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


_Pair = tuple[str, str, str, Place]
"""Organization, its proxy or pool, the key of a repository that names the latter, and where the pair is said."""


Words = Mapping[str, str]
"""What stands for each placeholder."""
_Fill = Callable[[Words], Any]


@dataclass(frozen=True, slots=True)
class _Template:
    """`fixed` are the values without a placeholder, `open` makes those with one."""

    section: str
    name: _Fill
    layers: tuple[Map, ...]
    fixed: Map
    open: tuple[tuple[str, _Fill], ...]

    def entry(self, words: Words, place: Place, said: Mapping[str, Any]) -> Entry:
        values = {**self.fixed, **said}
        for key, fill in self.open:
            values[key] = fill(words)
        return Entry(self.section, self.name(words), self.layers, values, place)


def fill(layers: Layers, entries: Entries, declared: Declared, report: Diagnostics) -> dict[str, dict[str, Values]]:
    """Add what the templates make of the open pairs to `entries`; returns the values of what was added."""
    raw = layers.mapping()
    if raw is None or not _placeholders_known(raw, report):
        return {}
    repository, job = (_template(layers, section, raw[key]) for section, key in _SECTIONS.items())
    added: dict[str, dict[str, Values]] = {section: {} for section in _SECTIONS}
    stores, tasks = (entries.setdefault(section, {}) for section in _SECTIONS)
    store_names, task_names = (declared.names.get(section, ()) for section in _SECTIONS)
    for organization, owner, section, place in _open_pairs(entries, declared, report):
        words = {"organization": organization, "tenant": organization.partition(".")[0], "proxy": owner}
        store = repository.entry(words, place, {section: owner})
        task = job.entry(words, place, {"organization": organization, "repository": store.name})
        for entry, there, known in ((store, stores, store_names), (task, tasks, task_names)):
            if entry.name in there or entry.name in known:
                _report_taken(entry, there.get(entry.name), (organization, owner, section, place), report)
                break
            there[entry.name] = entry
            added[entry.section][entry.name] = entry.values
    return added


_SECTIONS: Final = {"repositories": "repository", "jobs": "job"}


def _template(layers: Layers, section: str, raw: Map) -> _Template:
    below, values = layers.template(section, raw)
    nothing = dict.fromkeys(PLACEHOLDERS, "")
    fills = [(key, _fill(value)) for key, value in values.items()]
    with_placeholders = tuple((key, fill) for key, fill in fills if fill(nothing) != values[key])
    fixed = {key: value for key, value in values.items() if key not in dict(with_placeholders)}
    return _Template(section, _fill(raw.get("name", NAME)), below, fixed, with_placeholders)


def _open_pairs(entries: Entries, declared: Declared, report: Diagnostics) -> Iterator[_Pair]:
    covered = {(organization, owner) for organization, owner, _ in covered_pairs(declared)}
    proxies, pools = declared.section("proxies"), declared.section("pools")
    for name, entry in entries.get("organizations", {}).items():
        owners = entry.values.get("proxies", ())
        for item, owner in enumerate(owners):
            if owner in proxies:
                section = "" if "pool" in proxies[owner] else "proxy"
            else:
                section = "pool" if owner in pools else ""
            if section and (name, owner) not in covered:
                yield name, owner, section, report.marks.item(owners, item)


def _report_taken(entry: Entry, other: Entry | None, pair: _Pair, report: Diagnostics) -> None:
    word = _SECTIONS[entry.section]
    organization, owner, _, place = pair
    detail = (
        f"The {word} for {quoted(organization)} on {quoted(owner)} would be called {quoted(entry.name)}, "
        "and there is one of that name."
    )
    fix = f"Give it another `name` under `defaults.mapping.{word}`, for example: name: '{NAME}'"
    related = [other.place] if other is not None else []
    report.add("name-taken", detail, fix=fix, place=place, related=related)


def _fill(value: Any) -> _Fill:
    """What makes the value of a template for given words."""
    if isinstance(value, str):
        return _as_format(value).__mod__ if "{" in value else lambda _: value
    if isinstance(value, dict):
        parts = {key: _fill(item) for key, item in value.items()}
        return lambda words: {key: fill(words) for key, fill in parts.items()}
    items = [_fill(item) for item in value] if isinstance(value, list) else None
    return (lambda _: value) if items is None else lambda words: [fill(words) for fill in items]


def _as_format(text: str) -> str:
    """The text for the operator `%`, which is faster than `str.format`: only placeholders are replaced."""
    parts = _PLACEHOLDER.split(text)
    plain = [part.replace("%", "%%") for part in parts[::2]]
    names = [f"%({name})s" if name in PLACEHOLDERS else f"{{{name.replace('%', '%%')}}}" for name in parts[1::2]]
    return "".join(part for pair in zip_longest(plain, names, fillvalue="") for part in pair)


def _placeholders_known(raw: Map, report: Diagnostics) -> bool:
    """Report every placeholder that is none."""
    known = True
    for holder, key, text in _texts(raw):
        for name in _PLACEHOLDER.findall(text):
            if name not in PLACEHOLDERS:
                known = False
                detail = f"{quoted('{' + name + '}')} is not a placeholder."
                fix = f"Use one of {listed(['{' + word + '}' for word in PLACEHOLDERS])}."
                report.add("placeholder", detail, fix=fix, place=report.marks.value(holder, key))
    return known


def _texts(node: Map) -> Iterator[tuple[Map, str, str]]:
    for key, value in node.items():
        if isinstance(value, str):
            yield node, key, value
        elif isinstance(value, dict):
            yield from _texts(value)
