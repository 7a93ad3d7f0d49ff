"""Playbooks: loading them, and the scripts that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.clients.packaged import playbooks_folder
from reconciler.hosts.requirement import Requirement
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.position import Position
from reconciler.model.script import Script

if TYPE_CHECKING:
    from yaml import Node

SYSTEMS: Final = ("linux", "windows")


@dataclass(frozen=True, slots=True)
class Playbook:
    """What hosts of one operating system must be. `scripts` holds the change scripts by name."""

    os: str
    facts: Script
    requirements: tuple[Requirement, ...]
    scripts: Mapping[str, Script]


def load(folder: Path) -> dict[str, Playbook]:
    """The playbooks in `folder`, by operating system. Raises Diagnosed with everything that is wrong with them."""
    problems: list[Diagnostic] = []
    found = {name: _load(folder, name, problems) for name in SYSTEMS}
    if problems:
        raise Diagnosed(problems)
    return {name: playbook for name, playbook in found.items() if playbook is not None}


@cache
def shipped(name: str) -> Script:
    """A script that comes with the product, by its path below `playbooks/`. Raises KeyError for any other."""
    folder = playbooks_folder()
    if name not in {path.relative_to(folder).as_posix() for path in folder.glob("*/*.*")}:
        raise KeyError(f"there is no script {name} in the playbooks")
    return _script(folder, name)


def _script(folder: Path, name: str) -> Script:
    return Script(name, (folder / name).read_bytes().decode("ascii"))


def _load(folder: Path, system: str, problems: list[Diagnostic]) -> Playbook | None:
    import yaml

    file = f"{system}.yml"
    try:
        text = (folder / file).read_text("utf-8")
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
        checked = [*_beyond_schema(folder, file, text, raw, system)]
    problems += checked
    if checked:
        return None
    requirements = tuple(Requirement.of(item) for item in raw["requirements"])
    names = sorted({item.change.script for item in requirements if item.change is not None})
    return Playbook(
        os=system,
        facts=_script(folder, raw["facts"]),
        requirements=requirements,
        scripts={name: _script(folder, name) for name in names},
    )


@cache
def _schema() -> Any:
    import json

    package = Path(__file__).resolve().parents[1]
    installed = package / "_data" / "schemas"
    folder = installed if installed.is_dir() else package.parent / "schemas"
    return json.loads((folder / "playbook.schema.json").read_text("utf-8"))


def _broken(file: str, text: str, raw: Any) -> list[Diagnostic]:
    """What does not fit the schema. A fast check decides whether the slow one has anything to explain."""
    from jsonschema_rs import Draft202012Validator

    if Draft202012Validator(_schema()).is_valid(raw):
        return []
    from jsonschema import Draft202012Validator as Explaining

    errors = sorted(Explaining(_schema()).iter_errors(raw), key=lambda error: [str(part) for part in error.path])
    return [
        _problem("playbook", f"{_spot(error.path)}{error.message}.", _position(file, text, list(error.path)))
        for error in errors
    ]


def _beyond_schema(folder: Path, file: str, text: str, raw: Mapping[str, Any], system: str) -> list[Diagnostic]:
    """Rules that a schema cannot say: the file's own system, names that are there once, scripts that exist."""
    found: list[Diagnostic] = []

    def add(detail: str, *path: str | int) -> None:
        found.append(_problem("playbook", detail, _position(file, text, path)))

    if raw["os"] != system:
        add(f"{file} says that it is for {raw['os']}.", "os")
    seen: set[str] = set()
    scripts: list[tuple[str, tuple[str | int, ...]]] = [(raw["facts"], ("facts",))]
    for index, item in enumerate(raw["requirements"]):
        if item["name"] in seen:
            add(f"There are two requirements named {item['name']}.", "requirements", index, "name")
        seen.add(item["name"])
        if "change" in item:
            scripts.append((item["change"]["script"], ("requirements", index, "change", "script")))
    for name, path in scripts:
        if not (folder / name).is_file():
            add(f"There is no script {name}.", *path)
    return found


def _problem(code: str, detail: str, position: Position) -> Diagnostic:
    fix = "The format is in `schemas/playbook.schema.json`."
    return Diagnostic(code, "Playbook cannot be used", detail, fix, position=position)


def _syntax(file: str, error: Exception) -> Diagnostic:
    mark = getattr(error, "problem_mark", None)
    position = Position(file, mark.line + 1, mark.column + 1) if mark is not None else Position(file, 1)
    return _problem("playbook", f"It is not YAML: {getattr(error, 'problem', None) or error}.", position)


def _spot(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path) + ": " if path else ""


def _position(file: str, text: str, path: Sequence[str | int]) -> Position:
    """Where `path` stands, or the nearest that does."""
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
