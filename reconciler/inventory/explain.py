"""What does not fit the schema, one sentence each: what, where, why, and how to mend it.

The fast check says which objects are broken. Only those are given to the slower validator, which knows why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler.inventory.marks import Map
from reconciler.inventory.paths import Paths
from reconciler.inventory.report import Report
from reconciler.inventory.schema import Path_, broken_paths, schema
from reconciler.inventory.spelling import a_or_an, example, flow, kind_of_value, kinds_of_schema
from reconciler.kinds.rules.words import listed, nearest, quoted

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SECTIONS: Final = (
    "certificates",
    "credentials",
    "groups",
    "jobs",
    "organizations",
    "pools",
    "proxies",
    "repositories",
)
_BY_FILE: Final = frozenset({"version", "include"})
"""Keys that are judged in each file."""
_SHOWN: Final = 12
_SENSITIVE: Final = frozenset({"certificates", "credentials"})
_SHOWABLE: Final = frozenset({"auth", "cert", "pfx", "sudo", "username"})


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a document does not fit: objects by section and name, and whole sections."""

    objects: frozenset[tuple[str, str]] = frozenset()
    sections: frozenset[str] = frozenset()

    @property
    def layers_hold(self) -> bool:
        """Whether defaults and groups are sound: else nothing can be said of the objects that they complete."""
        return not self.sections & {"defaults", "groups"} and all(section != "groups" for section, _ in self.objects)


def check(root: Map, report: Report) -> Broken:
    """Report everything in `root` that does not fit the schema."""
    paths = [path for path in broken_paths(root) if not path or path[0] not in _BY_FILE]
    if not paths:
        return Broken()
    before = report.count
    _explain(_part(root, paths), root, report)
    if report.count == before and any(paths):
        _explain_plainly(paths, root, report)
    objects, sections = set(), set()
    for path in paths:
        if len(path) > 1 and path[0] in SECTIONS:
            objects.add((str(path[0]), str(path[1])))
        elif path:
            sections.add(str(path[0]))
    return Broken(frozenset(objects), frozenset(sections))


def _part(root: Map, paths: Iterable[Path_]) -> Map:
    """The document with only those objects that are broken; whole sections where the section is."""
    part = dict(root)
    for section in SECTIONS:
        objects = root.get(section)
        if isinstance(objects, dict) and (section,) not in paths:
            names = {path[1] for path in paths if len(path) > 1 and path[0] == section}
            part[section] = {name: objects[name] for name in objects if name in names}
    return part


def _explain(part: Map, root: Map, report: Report) -> None:
    from jsonschema import Draft202012Validator

    errors = sorted(Draft202012Validator(schema()).iter_errors(part), key=lambda error: list(map(str, error.path)))
    said = {(tuple(error.absolute_path), error.validator) for error in errors}
    for error in errors:
        path = tuple(error.absolute_path)
        if (path and path[0] in _BY_FILE) or any((path, louder) in said for louder in _louder(str(error.validator))):
            continue
        problem = _Problem(path, error, Paths(root, report.marks), report)
        if "propertyNames" in error.absolute_schema_path:
            problem.bad_name()
        else:
            _HANDLERS.get(str(error.validator), _Problem.other)(problem)


def _louder(keyword: str) -> tuple[str, ...]:
    """Keywords that say all there is to say about a value: with them, `keyword` would only say it again."""
    if keyword == "type":
        return ()
    return ("type", "oneOf") if keyword == "dependentRequired" else ("type",)


def _explain_plainly(paths: Iterable[Path_], root: Map, report: Report) -> None:
    """The two validators disagree, which they may over regular expressions: say where, at least."""
    places = Paths(root, report.marks)
    for path in paths:
        fix = "Compare it with the schema: vbo-reconcile schema"
        report.add("wrong-value", f"{places.subject(path)} does not fit.", fix=fix, place=places.value_place(path))


@dataclass(frozen=True, slots=True)
class _Problem:
    path: Path_
    error: ValidationError
    paths: Paths
    report: Report

    @property
    def found(self) -> Any:
        return self.error.instance

    @property
    def wanted(self) -> Any:
        """The value of the schema's keyword."""
        return self.error.validator_value

    @property
    def subject(self) -> str:
        return self.paths.subject(self.path)

    @property
    def schema(self) -> dict[str, Any]:
        return dict(self.error.schema) if isinstance(self.error.schema, dict) else {}

    @property
    def is_secret(self) -> bool:
        return str(self.schema.get("pattern", "")).startswith("^secret://")

    @property
    def fix(self) -> str:
        """An example of what is wanted."""
        examples = self.schema.get("examples")
        if not examples:
            return ""
        item = bool(self.path) and isinstance(self.path[-1], int)
        return f"For example: {flow(examples[0]) if item else example(self.path, examples[0])}"

    @property
    def may_be_secret(self) -> bool:
        """Whether the value may be a secret that went astray: then neither it nor its line is shown."""
        return bool(self.path) and self.path[0] in _SENSITIVE and self.path[-1] not in _SHOWABLE

    @property
    def value(self) -> str:
        return "" if self.may_be_secret else f" ({quoted(self.found)})"

    def add(self, code: str, detail: str, fix: str, *, at_key: bool = False) -> None:
        place = self.paths.key_place(self.path) if at_key else self.paths.value_place(self.path)
        hide = self.may_be_secret and not at_key
        self.report.add(code, detail, fix=fix, place=place, address=self.paths.address(self.path), hide=hide)

    def unknown_keys(self) -> None:
        known = self.schema.get("properties", {})
        for key in self.found:
            if key in known:
                continue
            near = nearest(key, known)
            missing = [name for name in known if name not in self.found]
            fix = f"Did you mean {quoted(near)}?" if near else f"Known here: {listed(missing[:_SHOWN])}."
            detail = f"{quoted(key)} is not a key of {self.paths.owner(self.path)}."
            place = self.paths.key_place((*self.path, key))
            hide = bool(self.path) and self.path[0] in _SENSITIVE
            address = self.paths.address(self.path)
            self.report.add("unknown-key", detail, fix=fix, place=place, address=address, hide=hide)

    def missing_keys(self) -> None:
        for key in self.wanted:
            if key not in self.found and not (not self.path and key in _BY_FILE):
                self._missing(key)

    def _missing(self, key: str, because: str = "") -> None:
        about = self.schema.get("properties", {}).get(key, {})
        said = str(about.get("description", "")).partition(". ")[0].rstrip(".")
        detail = f"{self.paths.owner(self.path, capital=True)} lacks {quoted(key)}"
        detail += f", which {because} needs" if because else f" ({said[:1].lower()}{said[1:]})" if said else ""
        examples = about.get("examples")
        fix = f"Add for example: {example((key,), examples[0])}" if examples else f"Add {quoted(key)}."
        self.add("missing-key", f"{detail}.", fix, at_key=True)

    def dependent_keys(self) -> None:
        for key, needed in self.wanted.items():
            for other in needed if key in self.found else ():
                if other not in self.found:
                    self._missing(other, quoted(key))

    def one_of(self) -> None:
        names = [branch["required"][0] for branch in self.wanted]
        said = [name for name in names if name in self.found]
        owner = self.paths.owner(self.path, capital=True)
        if said:
            detail = f"{owner} says {listed(said)}; only one of them can be."
            place = self.paths.key_place((*self.path, said[-1]))
            address = self.paths.address(self.path)
            self.report.add("wrong-value", detail, fix=f"Remove {listed(said, 'or')}.", place=place, address=address)
        else:
            detail = f"{owner} says neither {listed(names, 'nor')}."
            self.add("missing-key", detail, f"Add {listed(names, 'or')}.", at_key=True)

    def wrong_type(self) -> None:
        wanted = kinds_of_schema(self.schema)
        value = self.found
        if self.is_secret:
            self.plain_secret()
            return
        found = kind_of_value(value)
        shown = "" if value is None or isinstance(value, dict | list) else self.value
        state = "is empty" if value is None else f"is {found}{shown}"
        detail = f"{self.subject} {state}, and {wanted} is wanted."
        fix = "" if self.may_be_secret else _type_fix(value, wanted, self.path, required="required" in self.schema)
        self.add("wrong-type", detail, fix or self.fix)

    def plain_secret(self) -> None:
        place, address = self.paths.value_place(self.path), self.paths.address(self.path)
        if isinstance(self.found, str) and self.found.startswith("secret://"):
            detail = f"{self.subject} is not a reference that can be resolved."
            fix = "Write secret://env/NAME, secret://file/PATH, secret://keyring/SERVICE/USER or secret://exec/NAME."
            self.report.add("wrong-value", detail, fix=fix, place=place, address=address)
        else:
            detail = f"{self.subject} is not a reference, and secrets are never written into an inventory."
            fix = "Put the value into an environment variable or a file of its own, and refer to it: secret://env/NAME"
            self.report.add("plain-secret", detail, fix=fix, place=place, address=address, hide=True)

    def pattern(self) -> None:
        if self.is_secret:
            self.plain_secret()
            return
        said = self.schema.get("patternErrorMessage", f"it must match {self.wanted}")
        detail = f"{self.subject}{self.value} cannot be used: {said}."
        self.add("wrong-value", detail, self.fix)

    def bad_name(self) -> None:
        name = str(self.found)
        said = self.schema.get("patternErrorMessage") if self.error.validator == "pattern" else "it is too long"
        detail = f"{quoted(name)} cannot be a name in {quoted(self.path[0] if self.path else '')}: {said}."
        place = self.paths.key_place((*self.path, name))
        self.report.add("bad-name", detail, fix="Choose another name.", place=place)

    def one_value(self) -> None:
        values = [self.wanted] if self.error.validator == "const" else self.wanted
        said = self.schema.get("patternErrorMessage")
        if said:
            self.add("wrong-value", f"{self.subject}{self.value} cannot be used: {said}.", self.fix)
            return
        near = nearest(str(self.found), [str(value) for value in values])
        detail = f"{self.subject}{self.value} must be {listed(values, 'or')}."
        self.add("wrong-value", detail, f"Did you mean {quoted(near)}?" if near else self.fix)

    def out_of_range(self) -> None:
        low, high = self.schema.get("minimum"), self.schema.get("maximum")
        span = f"at least {low}" if high is None else f"between {low} and {high}"
        self.add("wrong-value", f"{self.subject} is {self.found}, and must be {span}.", self.fix)

    def repeated(self) -> None:
        seen: list[Any] = []
        for index, value in enumerate(self.found):
            if value in seen:
                place = self.paths.value_place((*self.path, index))
                address = self.paths.address(self.path)
                detail = f"{quoted(value)} stands in {self.subject} twice."
                self.report.add("wrong-value", detail, fix="Remove one of the two.", place=place, address=address)
            seen.append(value)

    def size(self) -> None:
        words = {"minItems": "is empty", "minLength": "is empty", "maxLength": "is too long"}
        limit = f" (at most {self.wanted} characters)" if self.error.validator == "maxLength" else ""
        self.add("wrong-value", f"{self.subject} {words[str(self.error.validator)]}{limit}.", self.fix)

    def other(self) -> None:
        self.add("wrong-value", f"{self.subject} does not fit.", self.fix)


def _type_fix(value: Any, wanted: str, path: Path_, *, required: bool) -> str:
    """What to do about the usual surprises of YAML."""
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if isinstance(value, str) and value.lower() in ("yes", "no", "on", "off") and "true" in wanted:
        return f"Write: {key}: {'true' if value.lower() in ('yes', 'on') else 'false'}"
    if isinstance(value, str) and value.isdecimal() and "number" in wanted:
        return f"Leave the quotes out: {example((key,), int(value)) if not value.startswith('0') else key}"
    if isinstance(value, bool | int | float) and "text" in wanted:
        return f"Put it in quotes: {key}: {quoted(value).strip('`')!r}"
    if value is None and "map" in wanted and not required:
        return f"Remove {quoted(key)}, or write: {key}: {{}}"
    if not isinstance(value, dict | list | None) and wanted == a_or_an("list"):
        return f"Write it in brackets: {key}: [{quoted(value).strip('`')}]"
    return ""


_HANDLERS: Final[dict[str, Callable[[_Problem], None]]] = {
    "additionalProperties": _Problem.unknown_keys,
    "required": _Problem.missing_keys,
    "dependentRequired": _Problem.dependent_keys,
    "oneOf": _Problem.one_of,
    "type": _Problem.wrong_type,
    "pattern": _Problem.pattern,
    "enum": _Problem.one_value,
    "const": _Problem.one_value,
    "minimum": _Problem.out_of_range,
    "maximum": _Problem.out_of_range,
    "uniqueItems": _Problem.repeated,
    "minItems": _Problem.size,
    "minLength": _Problem.size,
    "maxLength": _Problem.size,
}
