"""Loads and validates playbooks, with the scripts that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.position import Position
from reconciler.model.script import Script
from reconciler.package_data import package_data, playbooks_folder
from reconciler.requirements.requirement import Requirement, placeholders, proxy_fields

if TYPE_CHECKING:
    from yaml import Node

    from reconciler.model.inventory import Inventory

SYSTEMS: Final = ("linux", "windows")
_ENDS: Final = {"linux": ".sh", "windows": ".ps1"}


@dataclass(frozen=True, slots=True)
class Playbook:
    """The requirements for hosts of one operating system. `scripts` are the remedies by name, `own_facts` the facts
    scripts of users, which run after `facts`."""

    os: str
    facts: Script
    requirements: tuple[Requirement, ...]
    scripts: Mapping[str, Script]
    own_facts: tuple[Script, ...] = ()


NO_REQUIREMENTS: Final[Mapping[str, Playbook]] = {name: Playbook(name, Script("", ""), (), {}) for name in SYSTEMS}
"""Playbooks that every host meets."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """One folder of playbooks. `name` is its name in messages, empty for the shipped one; `shipped` is the shipped
    folder, whose scripts it may use too."""

    folder: Path
    name: str = ""
    shipped: Path | None = None

    def label(self, file: str) -> str:
        return f"{self.name}/{file}" if self.name else file

    def find(self, script: str) -> Path:
        here = self.folder / script
        return self.shipped / script if self.shipped is not None and not here.is_file() else here


def load(folder: Path, own: Mapping[str, Path] | None = None) -> dict[str, Playbook]:
    """The playbooks in `folder`, by operating system, merged with those of users. `own` are the folders of users by
    their names in messages. Raises Diagnosed with every error in them.

    A requirement of a user comes after the shipped ones, or replaces the one with its name.
    """
    problems: list[Diagnostic] = []
    found = {name: _load(_Folder(folder), name, problems) for name in SYSTEMS}
    for label, path in (own or {}).items():
        room = _Folder(path, label, folder)
        if not any((path / f"{name}.yml").is_file() for name in SYSTEMS):
            files = " or ".join(f"{name}.yml" for name in SYSTEMS)
            problems.append(_problem("playbook", f"The folder {label} has no {files}.", Position(label, 1)))
        for name in SYSTEMS:
            if (path / f"{name}.yml").is_file():
                found[name] = _over(found[name], _load(room, name, problems))
    if problems:
        raise Diagnosed(problems)
    return {name: playbook for name, playbook in found.items() if playbook is not None}


def load_for(inventory: Inventory) -> dict[str, Playbook]:
    """The shipped playbooks, merged with those that `inventory` names. Raises Diagnosed."""
    root = Path(inventory.access.root)
    return load(playbooks_folder(), {name: root / name for name in inventory.playbooks})


def _over(below: Playbook | None, own: Playbook | None) -> Playbook | None:
    if below is None or own is None:
        return below
    replacing = {item.name: item for item in own.requirements}
    kept = [replacing.pop(item.name, item) for item in below.requirements]
    return replace(
        below,
        requirements=(*kept, *replacing.values()),
        scripts={**below.scripts, **own.scripts},
        own_facts=(*below.own_facts, *((own.facts,) if own.facts.text else ())),
    )


def _script(folder: Path, name: str) -> Script:
    return Script(name, (folder / name).read_bytes().decode("ascii"))


def _load(room: _Folder, system: str, problems: list[Diagnostic]) -> Playbook | None:
    import yaml

    file = room.label(f"{system}.yml")
    try:
        text = (room.folder / f"{system}.yml").read_text("utf-8")
        raw = yaml.load(text, Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problems.append(_problem("unreadable", f"{file} cannot be read: {reason}.", Position(file, 1)))
        return None
    except yaml.YAMLError as error:
        problems.append(_syntax(file, error))
        return None
    checked = [*_broken(file, text, raw)]
    if not checked:
        checked = [*_beyond_schema(room, file, text, raw, system)]
    problems += checked
    if checked:
        return None
    requirements = tuple(Requirement.of(item) for item in raw["requirements"])
    names = sorted({item.remedy.script for item in requirements if item.remedy is not None})
    return Playbook(
        os=system,
        facts=_script(room.folder, raw["facts"]) if "facts" in raw else Script("", ""),
        requirements=requirements,
        scripts={name: Script(name, room.find(name).read_bytes().decode("ascii")) for name in names},
    )


@cache
def _schema() -> Any:
    import json

    return json.loads(package_data("schemas", "playbook.schema.json").read_text("utf-8"))


def _broken(file: str, text: str, raw: Any) -> list[Diagnostic]:
    """Violations of the schema. A fast validator decides whether the slow one, which explains them, has to run."""
    from jsonschema_rs import Draft202012Validator

    if Draft202012Validator(_schema()).is_valid(raw):
        return []
    from jsonschema import Draft202012Validator as Explaining

    errors = sorted(Explaining(_schema()).iter_errors(raw), key=lambda error: [str(part) for part in error.path])
    return [
        _problem("playbook", f"{_spot(error.path)}{error.message}.", _position(file, text, list(error.path)))
        for error in errors
    ]


def _beyond_schema(room: _Folder, file: str, text: str, raw: Mapping[str, Any], system: str) -> list[Diagnostic]:
    """Rules beyond the schema: the operating system of the file, unique names, valid scripts and fields of a proxy."""
    found: list[Diagnostic] = []

    def add(detail: str, *path: str | int) -> None:
        found.append(_problem("playbook", detail, _position(file, text, path)))

    if raw["os"] != system:
        add(f"`os` in {system}.yml is {raw['os']}.", "os")
    if "facts" not in raw and not room.name:
        add("It has no facts script: `facts` is required.")
    seen: set[str] = set()
    scripts: list[tuple[str, tuple[str | int, ...]]] = [(raw["facts"], ("facts",))] if "facts" in raw else []
    for index, item in enumerate(raw["requirements"]):
        at = ("requirements", index)
        if item["name"] in seen:
            add(f"The requirement {item['name']} is declared twice.", *at, "name")
        seen.add(item["name"])
        for name in sorted(placeholders(item) - proxy_fields()):
            add(f"{{{name}}} cannot be replaced: proxies have no field {name}.", *at)
        if "change" in item:
            scripts.append((item["change"]["script"], (*at, "change", "script")))
    for script, path in scripts:
        for why in _script_faults(room, script, system):
            add(why, *path)
    return found


def _script_faults(room: _Folder, name: str, system: str) -> Iterator[str]:
    file = room.find(name)
    if not file.is_file():
        yield f"The script {name} does not exist."
        return
    if not name.startswith(f"{system}/") or name.endswith(".ps1") is not (system == "windows"):
        yield f"{name} is not a script for {system}: use one in the folder {system} with the extension {_ENDS[system]}."
    if room.shipped is not None and (room.folder / name).is_file() and (room.shipped / name).is_file():
        yield f"{name} is the name of a shipped script: rename it."
    try:
        if not file.read_bytes().isascii():
            yield f"{name} contains characters outside ASCII, which hosts decode differently."
    except OSError as error:
        yield f"{name} cannot be read: {error.strerror}."


def _problem(code: str, detail: str, position: Position) -> Diagnostic:
    fix = "See `schemas/playbook.schema.json` for the format."
    return Diagnostic(code, "Playbook cannot be used", detail, fix, position=position)


def _syntax(file: str, error: Exception) -> Diagnostic:
    mark = getattr(error, "problem_mark", None)
    position = Position(file, mark.line + 1, mark.column + 1) if mark is not None else Position(file, 1)
    return _problem("playbook", f"Invalid YAML: {getattr(error, 'problem', None) or error}.", position)


def _spot(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path) + ": " if path else ""


def _position(file: str, text: str, path: Sequence[str | int]) -> Position:
    """The position of `path`, or of the nearest part of it that exists."""
    import yaml

    node: Node | None = yaml.compose(text, Loader=yaml.CSafeLoader)
    for part in path:
        below = _below(node, part)
        if below is None:
            break
        node = below
    if node is None:
        return Position(file, 1)
    return Position(file, node.start_mark.line + 1, node.start_mark.column + 1)


def _below(node: Node | None, part: str | int) -> Node | None:
    from yaml import MappingNode, SequenceNode

    if isinstance(node, SequenceNode) and isinstance(part, int):
        return node.value[part] if part < len(node.value) else None
    if isinstance(node, MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    return None
