"""A document against the schema.

The fast check says which objects are broken. Only those are given to the slower validator, which knows why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.explain import Problem
from reconciler.inventory.paths import Paths
from reconciler.inventory.schema import Path_, fits, misfits, schema, section_fits
from reconciler.inventory.source_map import Map

SECTIONS: Final = (
    "certificates",
    "copy_jobs",
    "credentials",
    "groups",
    "jobs",
    "jump_hosts",
    "organizations",
    "pools",
    "proxies",
    "repositories",
)
"""Keys of the document that hold objects by name."""
_BY_FILE: Final = frozenset({"version", "include"})
"""Keys that are judged in each file."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a document does not fit: objects by section and name, and whole sections."""

    objects: frozenset[tuple[str, str]] = frozenset()
    sections: frozenset[str] = frozenset()

    @property
    def layers_hold(self) -> bool:
        """Whether defaults and groups are sound: else nothing can be said of the objects that they complete."""
        return not self.sections & {"defaults", "groups"} and all(section != "groups" for section, _ in self.objects)


def check(root: Map, report: Diagnostics) -> Broken:
    """Report everything in `root` that does not fit the schema."""
    if fits(root):
        return Broken()
    suspects = list(_suspects(root))
    explained = _explain(root, suspects, report)
    places = Paths(root, report.marks)
    for path in suspects:
        if path not in explained:  # the validators disagree, which they may over regular expressions
            fix = "Compare it with the schema: vbo-reconcile schema"
            detail = f"{places.subject(path)} does not fit the schema."
            report.add("wrong-value", detail, fix=fix, place=places.key_place(path))
    broken = {*suspects, *explained}
    return Broken(
        objects=frozenset((str(path[0]), str(path[1])) for path in broken if len(path) == 2),
        sections=frozenset(str(path[0]) for path in broken if len(path) == 1),
    )


def _suspects(root: Map) -> Iterator[Path_]:
    """Paths to the objects and sections that do not fit."""
    for key, value in root.items():
        if key in SECTIONS and isinstance(value, dict):
            yield from ((key, name) for name in misfits(key, value))
        elif key in schema()["properties"] and key not in _BY_FILE and not section_fits(key, value):
            yield (key,)


def _explain(root: Map, suspects: list[Path_], report: Diagnostics) -> set[Path_]:
    """Report what is wrong with the suspects and the keys of the document. Returns what was found wrong."""
    from jsonschema import Draft202012Validator

    part = {key: {} if key in SECTIONS and isinstance(value, dict) else value for key, value in root.items()}
    for section, name in (path for path in suspects if len(path) == 2):
        part[str(section)][name] = root[str(section)][name]
    errors = sorted(Draft202012Validator(schema()).iter_errors(part), key=lambda error: list(map(str, error.path)))
    said = {(tuple(error.absolute_path), str(error.validator)) for error in errors}
    explained: set[Path_] = set()
    for error in errors:
        path = tuple(error.absolute_path)
        by_file = path[0] in _BY_FILE if path else error.validator == "required"
        if by_file or any((path, louder) in said for louder in _louder(str(error.validator))):
            continue
        whole = Problem(path, error, Paths(root, report.marks), report).explain()
        explained.add(whole[:2] if whole[:1] and whole[0] in SECTIONS else whole[:1])
    return explained - {()}


def _louder(keyword: str) -> tuple[str, ...]:
    """Keywords that say all there is to say about a value: with them, `keyword` would only say it again."""
    if keyword == "type":
        return ()
    return ("type", "oneOf") if keyword == "dependentRequired" else ("type",)
