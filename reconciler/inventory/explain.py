"""One thing that does not fit the schema, in a sentence: what, where, why, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.fixes import fix_of_secret, fix_of_value
from reconciler.inventory.masking import SENSITIVE
from reconciler.inventory.paths import Paths
from reconciler.inventory.schema import Path_, accepts, schema_at
from reconciler.inventory.spelling import example, flow, kind_of_value, kinds_of_schema
from reconciler.kinds import hosts
from reconciler.model.inventory import LOCAL
from reconciler.model.secret import SCHEMES
from reconciler.model.sentences import listed, nearest, quoted
from reconciler.model.value import canonical

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_SHOWN: Final = 12
_HOST_PORTS: Final = (22, 5985, 5986)
"""Ports of SSH and WinRM: behind the host of a proxy they are those of its machine, not of its proxy service."""
_SHOWABLE: Final = frozenset({"auth", "cert", "pfx", "su", "sudo", "username"})


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of the validator. `explain` reports it, and returns the path of its subject."""

    path: Path_
    error: ValidationError
    paths: Paths
    report: Diagnostics

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
        """What can be written in its place, or an example of it."""
        if not self.path:
            return ""
        if self.found is None and "required" not in self.schema and accepts(self.paths.node(()), self.path, {}):
            return f"Remove {quoted(self.path[-1])}, or write: {self.path[-1]}: {{}}"
        open_ = not self.may_be_secret or self.path[-1] == "credentials"
        if open_ and (fix := fix_of_value(self.paths.node(()), self.path, self.found)):
            return fix
        examples = self.schema.get("examples") or schema_at(self.path).get("examples")
        if not examples:
            return ""
        item = bool(self.path) and isinstance(self.path[-1], int)
        return f"For example: {flow(examples[0]) if item else example(self.path, examples[0])}"

    @property
    def may_be_secret(self) -> bool:
        """Whether the value may be a secret that went astray: then neither it nor its line is shown."""
        if not self.path or self.path[-1] in _SHOWABLE:
            return False
        return self.path[0] in SENSITIVE or self.path[-1] == "credentials"

    @property
    def value(self) -> str:
        return "" if self.may_be_secret else f" ({quoted(self.found)})"

    def explain(self) -> Path_:
        if "propertyNames" in self.error.absolute_schema_path:
            self.bad_name()
            return (*self.path, str(self.found))
        _HANDLERS.get(str(self.error.validator), Problem.other)(self)
        return self.path

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
            fix = f"Did you mean {quoted(near)}?" if near else known_here(missing)
            if self.path == ("proxies", LOCAL):
                fix += f" `{LOCAL}` is the server's own proxy: give any other proxy another name."
            if not self.path and key == "known":
                fix = "This is known drift: move the file out of the folder, and name it with `drift --known FILE`."
            hide = bool(self.path) and self.path[0] in SENSITIVE
            what = "This" if hide and not near else quoted(key)
            detail = f"{what} is not a valid key of {self.paths.owner(self.path)}."
            place = self.paths.key_place((*self.path, key))
            address = self.paths.address(self.path)
            self.report.add("unknown-key", detail, fix=fix, place=place, address=address, hide=hide)

    def missing_keys(self) -> None:
        for key in self.wanted:
            if key not in self.found:
                self._missing(key)

    def _missing(self, key: str, because: str = "") -> None:
        about = self.schema.get("properties", {}).get(key, {})
        said = str(about.get("description", "")).partition(". ")[0].rstrip(".")
        detail = f"{self.paths.owner(self.path, capital=True)} has no {quoted(key)}"
        detail += f", which {because} requires" if because else f" ({said[:1].lower()}{said[1:]})" if said else ""
        examples = about.get("examples")
        fix = f"Add for example: {example((key,), examples[0])}" if examples else f"Add {quoted(key)}."
        self.add("missing-key", f"{detail}.", fix, at_key=True)

    def dependent_keys(self) -> None:
        for key, needed in self.wanted.items():
            for other in needed if key in self.found else ():
                if other not in self.found:
                    self._missing(other, quoted(key))

    def one_of(self) -> None:
        names = [branch["required"][0] for branch in self.wanted if "required" in branch]
        said = [name for name in names if name in self.found]
        owner = self.paths.owner(self.path, capital=True)
        if said:
            detail = f"{owner} sets {listed(said)}, which exclude each other."
            place = self.paths.key_place((*self.path, said[-1]))
            address = self.paths.address(self.path)
            self.report.add("wrong-value", detail, fix=f"Remove {listed(said, 'or')}.", place=place, address=address)
        else:
            detail = f"{owner} sets neither {listed(names, 'nor')}."
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
        detail = f"{self.subject} {state}; expected {wanted}."
        self.add("wrong-type", detail, self.fix)

    def plain_secret(self) -> None:
        place, address = self.paths.value_place(self.path), self.paths.address(self.path)
        if isinstance(self.found, str) and self.found.startswith("secret://"):
            detail = f"{self.subject} is not a reference that can be resolved."
            fix = f"Write secret://SCHEME/PATH, with one of {', '.join(SCHEMES)}: secret://env/NAME for example."
            self.report.add("wrong-value", detail, fix=fix, place=place, address=address)
        else:
            detail = f"{self.subject} is plain text; an inventory holds only references to secrets."
            fix = fix_of_secret(self.path, self.found)
            self.report.add("plain-secret", detail, fix=fix, place=place, address=address, hide=True)

    def pattern(self) -> None:
        if self.is_secret:
            self.plain_secret()
            return
        said = self.schema.get("patternErrorMessage", f"it must match {self.wanted}")
        detail = f"{self.subject}{self.value} is not valid: {said}."
        self.add("wrong-value", detail, self._host_fix() if self.wanted == hosts.PATTERN else self.fix)

    def _host_fix(self) -> str:
        """The host that is meant, and where its port belongs."""
        meant, key = hosts.intended(self.found), self.path[-1]
        if meant is None:
            return self.fix
        parent = self.paths.node(self.path[:-1])
        lines = [flow({str(key): meant.host})[1:-1]]
        if meant.port in _HOST_PORTS and self.path[0] == "proxies" and key == "host":
            lines += [flow({"connection": {"port": meant.port}})[1:-1]] if "connection" not in parent else []
        elif meant.port and "port" not in parent:
            lines.append(flow({"port": meant.port})[1:-1])
        return f"Write {listed(lines)}." if len(lines) > 1 else f"Write: {lines[0]}"

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
            self.add("wrong-value", f"{self.subject}{self.value} is not valid: {said}.", self.fix)
            return
        detail = f"{self.subject}{self.value} must be {listed(values, 'or')}."
        self.add("wrong-value", detail, self.fix)

    def out_of_range(self) -> None:
        low, high = self.schema.get("minimum"), self.schema.get("maximum")
        span = f"at least {low}" if high is None else f"between {low} and {high}"
        self.add("wrong-value", f"{self.subject} is {self.found}; it must be {span}.", self.fix)

    def repeated(self) -> None:
        seen: set[str] = set()
        for index, value in enumerate(self.found):
            if canonical(value) in seen:
                place = self.paths.value_place((*self.path, index))
                address = self.paths.address(self.path)
                detail = f"{quoted(value)} appears twice in {self.subject}."
                self.report.add("wrong-value", detail, fix="Remove one of the two.", place=place, address=address)
            seen.add(canonical(value))

    def size(self) -> None:
        empty = dict.fromkeys(("minItems", "minLength", "minProperties"), "is empty")
        words = {**empty, "maxLength": "is too long"}
        limit = f" (at most {self.wanted} characters)" if self.error.validator == "maxLength" else ""
        self.add("wrong-value", f"{self.subject} {words[str(self.error.validator)]}{limit}.", self.fix)

    def other(self) -> None:
        self.add("wrong-value", f"{self.subject} does not match the schema.", self.fix)


def known_here(names: Sequence[str]) -> str:
    """The keys that can be written, and how many more there are."""
    if len(names) <= _SHOWN:
        return f"Known here: {listed(names)}."
    more = len(names) - _SHOWN
    return f"Known here: {', '.join(map(quoted, names[:_SHOWN]))} and {more} more: vbo-reconcile schema --docs"


_HANDLERS: Final[dict[str, Callable[[Problem], None]]] = {
    "additionalProperties": Problem.unknown_keys,
    "required": Problem.missing_keys,
    "dependentRequired": Problem.dependent_keys,
    "oneOf": Problem.one_of,
    "type": Problem.wrong_type,
    "pattern": Problem.pattern,
    "enum": Problem.one_value,
    "const": Problem.one_value,
    "minimum": Problem.out_of_range,
    "maximum": Problem.out_of_range,
    "uniqueItems": Problem.repeated,
    "minItems": Problem.size,
    "minLength": Problem.size,
    "maxLength": Problem.size,
    "minProperties": Problem.size,
}
