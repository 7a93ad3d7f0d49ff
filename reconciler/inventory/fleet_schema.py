"""A fleet file against its schema: what is wrong, where, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.schema import schema_path
from reconciler.inventory.schema_errors import place_of
from reconciler.inventory.source_map import Map, Place
from reconciler.inventory.spelling import example, flow, kind_of_value, kinds_of_schema
from reconciler.model.sentences import listed, nearest, quoted

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError


@cache
def fleet_schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((schema_path().parent / "fleet.schema.json").read_text("utf-8"))
    return loaded


def check_fleet(root: Map, start: Place, report: Diagnostics) -> frozenset[tuple[str | int, ...]]:
    """Report everything in a fleet file that does not fit the schema, and give the paths of that. `start` is the place
    of `root`."""
    from jsonschema import Draft202012Validator

    found = sorted(
        Draft202012Validator(fleet_schema()).iter_errors(root), key=lambda item: [*map(str, item.absolute_path)]
    )
    for error in found:
        _Misfit(error, root, start, report).explain()
    return frozenset(_path(error) for error in found)


def _path(error: ValidationError) -> tuple[str | int, ...]:
    """Of what a name may not be, its own path and not that of the map."""
    path = tuple(error.absolute_path)
    return (*path, str(error.instance)) if "propertyNames" in error.absolute_schema_path else path


@dataclass(frozen=True, slots=True)
class _Misfit:
    error: ValidationError
    root: Map
    start: Place
    report: Diagnostics

    @property
    def path(self) -> list[str | int]:
        return list(self.error.absolute_path)

    @property
    def subject(self) -> str:
        """`` `defaults.parallelism` ``, `` item 2 of `inventories` ``."""
        *first, last = self.path or [""]
        if isinstance(last, int):
            return f"Item {last + 1} of {quoted('.'.join(map(str, first)))}"
        return quoted(".".join(map(str, self.path))) if self.path else "The fleet"

    @property
    def found(self) -> Any:
        return self.error.instance

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.error.schema if isinstance(self.error.schema, dict) else {}

    def explain(self) -> None:
        if "propertyNames" in self.error.absolute_schema_path:
            self._bad_name()
            return
        _HANDLERS.get(str(self.error.validator), _Misfit.value)(self)

    def _add(self, code: str, detail: str, fix: str, *more: str) -> None:
        """At the value, or at a key of it."""
        node: Any = self.root
        for part in self.path:
            node = node[part]
        place = place_of(self.path, self.root, self.start, self.report)
        self.report.add(code, detail, fix=fix, place=self.report.marks.key(node, more[0]) if more else place)

    def unknown_keys(self) -> None:
        known = self.schema.get("properties", {})
        for key in self.found:
            if key not in known:
                near = nearest(key, known)
                fix = f"Did you mean {quoted(near)}?" if near else f"Known here: {listed(known)}."
                if not self.path and key in _OF_INVENTORY:
                    fix = "This belongs to an inventory: move it to a file that `inventories` names."
                self._add("unknown-key", f"{quoted(key)} is not a valid key of {self._owner()}.", fix, key)

    def _owner(self) -> str:
        return self.subject[:1].lower() + self.subject[1:]

    def missing_keys(self) -> None:
        wanted: Any = self.error.validator_value
        for key in wanted:
            if key not in self.found:
                found = self._resolved(self.schema["properties"][key])
                said = found["description"].partition(". ")[0].rstrip(".")
                detail = f"{self.subject} has no {quoted(key)} ({said[:1].lower()}{said[1:]})."
                self._add("missing-key", detail, f"Add for example: {example((key,), found['examples'][0])}")

    def wrong_type(self) -> None:
        found = self.found
        state = "is empty" if found is None else f"is {kind_of_value(found)}"
        detail = f"{self.subject} {state}; expected {kinds_of_schema(dict(self.schema))}."
        self._add("wrong-type", detail, self._of_text(found) or self._example())

    def _of_text(self, found: Any) -> str:
        """The value without quotes, or with what it lacks."""
        if self.path == ["fleet"] and isinstance(found, str):
            return f"Write: fleet: {flow({'name': found})}"
        if self.path == ["inventories"] and isinstance(found, str):
            return f"Write: inventories: {flow([found])}"
        if "integer" in str(self.schema.get("type")) and isinstance(found, str) and found.isdecimal():
            return f"Remove the quotes: {example(tuple(self.path), int(found))}"
        return ""

    def _example(self) -> str:
        examples = self.schema.get("examples", ())
        if not examples:
            return ""
        item = bool(self.path) and isinstance(self.path[-1], int)
        return f"For example: {flow(examples[0]) if item else example(tuple(self.path), examples[0])}"

    def _bad_name(self) -> None:
        name = str(self.found)
        said = self.schema.get("patternErrorMessage", "it is not allowed")
        self._add("bad-name", f"{quoted(name)} cannot be a name: {said}.", "Choose another name.", name)

    def version(self) -> None:
        detail = f"The fleet has format version {quoted(self.found)}; this version supports only 1."
        self._add("wrong-value", detail, "Write: version: 1")

    def out_of_range(self) -> None:
        low, high = self.schema.get("minimum"), self.schema.get("maximum")
        span = f"at least {low}" if high is None else f"between {low} and {high}"
        self._add("wrong-value", f"{self.subject} is {self.found}; it must be {span}.", self._example())

    def empty(self) -> None:
        self._add("wrong-value", f"{self.subject} is empty.", self._example())

    def value(self) -> None:
        said = self.schema.get("patternErrorMessage", "it does not fit the schema")
        detail = f"{self.subject} ({quoted(self.found)}) is not valid: {said}."
        self._add("wrong-value", detail, self._example())

    def _resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = str(part.get("$ref", "")).removeprefix("#/$defs/")
        return {**fleet_schema()["$defs"][reference], **part} if reference else part


_OF_INVENTORY: Final = ("server", "credentials", "proxies", "pools", "repositories", "organizations", "jobs", "smtp")
_HANDLERS: Final[dict[str, Callable[[_Misfit], None]]] = {
    "additionalProperties": _Misfit.unknown_keys,
    "const": _Misfit.version,
    "maximum": _Misfit.out_of_range,
    "minItems": _Misfit.empty,
    "minLength": _Misfit.empty,
    "minProperties": _Misfit.empty,
    "minimum": _Misfit.out_of_range,
    "required": _Misfit.missing_keys,
    "type": _Misfit.wrong_type,
}
