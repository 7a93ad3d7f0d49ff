"""Loads and validates playbooks, with the scripts that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.position import Position
from reconciler.model.script import Script
from reconciler.model.sentences import quoted
from reconciler.package_data import package_data, playbooks_folder
from reconciler.presence import is_file
from reconciler.requirements.requirement import Requirement, placeholders, proxy_fields

if TYPE_CHECKING:
    from reconciler.inventory.diagnostics import Diagnostics
    from reconciler.model.inventory import Inventory

SYSTEMS: Final = ("linux", "windows")
_ENDS: Final = {"linux": ".sh", "windows": ".ps1"}
MAX_SCRIPT: Final = 1024 * 1024
_SUMMARY: Final = "Playbook cannot be used"
_FIX: Final = "See `schemas/playbook.schema.json` for the format."


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
        return self.shipped / script if self.shipped is not None and not is_file(here) else here

    def holds(self, file: Path) -> bool:
        """Whether a file of a user's folder is inside it after links are followed. What is shipped is where the
        installation put it."""
        from reconciler.inventory.includes import Includes

        return self.shipped is None or file.is_relative_to(self.shipped) or Includes(self.folder).holds(file)


def load(folder: Path, own: Mapping[str, Path] | None = None) -> dict[str, Playbook]:
    """The playbooks in `folder`, by operating system, merged with those of users. `own` are the folders of users by
    their names in messages. Raises Diagnosed with every error in them.

    A requirement of a user comes after the shipped ones, or replaces the one with its name.
    """
    problems: list[Diagnostic] = []
    found = {name: _load(_Folder(folder), name, problems) for name in SYSTEMS}
    for label, path in (own or {}).items():
        room = _Folder(path, label, folder)
        if not any(is_file(path / f"{name}.yml") for name in SYSTEMS):
            files = " or ".join(f"{name}.yml" for name in SYSTEMS)
            problems.append(_problem("playbook", f"The folder {quoted(label)} has no {files}.", Position(label, 1)))
        for name in SYSTEMS:
            if is_file(path / f"{name}.yml"):
                found[name] = _over(found[name], _load(room, name, problems))
    if problems:
        raise Diagnosed(problems)
    return {name: playbook for name, playbook in found.items() if playbook is not None}


def load_for(inventory: Inventory) -> dict[str, Playbook]:
    """The shipped playbooks, merged with those that `inventory` names. Raises Diagnosed."""
    root = Path(inventory.access.root)
    return load(playbooks_folder(), {name: root / name for name in inventory.playbooks})


def without_own_scripts(playbooks: Mapping[str, Playbook]) -> dict[str, Playbook]:
    """The playbooks with no script but those that are shipped. Facts of users are unknown then, and another
    requirement whose remedy is a user's script is reported only."""
    return {name: _without_own(playbook) for name, playbook in playbooks.items()}


def _without_own(playbook: Playbook) -> Playbook:
    shipped = {name: script for name, script in playbook.scripts.items() if _is_shipped(script)}

    def kept(item: Requirement) -> Requirement:
        if item.remedy is None or item.remedy.script in shipped:
            return item
        manual, is_known = f"Its remedy, {item.remedy.script}, is not run here.", not item.fact.startswith("own.")
        return replace(item, remedy=None, manual=manual, is_advice=item.is_advice or is_known)

    requirements = tuple(kept(item) for item in playbook.requirements)
    return replace(playbook, requirements=requirements, scripts=shipped, own_facts=())


def _is_shipped(script: Script) -> bool:
    file = playbooks_folder() / script.name
    return is_file(file) and _script(_Folder(playbooks_folder()), script.name) == script


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


def _script(room: _Folder, name: str) -> Script:
    return Script(name, room.find(name).read_bytes().decode("ascii"))


def _load(room: _Folder, system: str, problems: list[Diagnostic]) -> Playbook | None:
    from reconciler.inventory.diagnostics import Diagnostics
    from reconciler.inventory.schema_errors import report_schema_errors

    report = Diagnostics()
    raw = _read(room, f"{system}.yml", report)
    if not report.has_errors:
        report_schema_errors(_schema(), raw, 0, report)
    if not report.has_errors:
        _check_beyond_schema(room, raw, system, report)
    if report.has_errors:
        problems += (replace(item, summary=_SUMMARY, fix=item.fix or _FIX) for item in report.diagnostics())
        return None
    requirements = tuple(Requirement.of(item) for item in raw["requirements"])
    names = sorted({item.remedy.script for item in requirements if item.remedy is not None})
    return Playbook(
        os=system,
        facts=_script(room, raw["facts"]) if "facts" in raw else Script("", ""),
        requirements=requirements,
        scripts={name: _script(room, name) for name in names},
    )


def _read(room: _Folder, name: str, report: Diagnostics) -> Any:
    """The data of a file, read with the care of the inventory's reader; None with reports if it cannot be used."""
    from reconciler.inventory.document import parse
    from reconciler.inventory.source import Unreadable, read
    from reconciler.inventory.source_map import FILE_SHIFT

    label = room.label(name)
    if not room.holds(room.folder / name):
        report.add("unreadable", f"{label} is a link that leads out of its folder.", fix="Put the file itself there.")
        return None
    try:
        source = read(room.folder / name, label)
    except Unreadable as problem:
        report.add_unreadable(problem, label)
        return None
    number = report.marks.add(source)
    root = parse(source, number, report)
    if root is None and not report.has_errors:
        report.add("empty", f"{label} declares nothing.", place=number << FILE_SHIFT)
    return root


@cache
def _schema() -> Any:
    import json

    return json.loads(package_data("schemas", "playbook.schema.json").read_text("utf-8"))


def _check_beyond_schema(room: _Folder, raw: Mapping[str, Any], system: str, report: Diagnostics) -> None:
    """Rules beyond the schema: the operating system of the file, unique names, valid scripts and fields of a proxy."""
    from reconciler.inventory.schema_errors import place_of

    def add(detail: str, *path: str | int) -> None:
        report.add("wrong-value", detail, place=place_of(path, raw, 0, report))

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


def _script_faults(room: _Folder, name: str, system: str) -> Iterator[str]:
    file = room.find(name)
    if not is_file(file):
        yield f"The script {name} does not exist."
        return
    if not room.holds(file):
        yield f"{name} is outside its folder, after links are followed."
        return
    if not name.startswith(f"{system}/") or name.endswith(".ps1") is not (system == "windows"):
        yield f"{name} is not a script for {system}: use one in the folder {system} with the extension {_ENDS[system]}."
    if room.shipped is not None and is_file(room.folder / name) and is_file(room.shipped / name):
        yield f"{name} is the name of a shipped script: rename it."
    try:
        if file.stat().st_size > MAX_SCRIPT:
            yield f"{name} is larger than 1 MB."
        elif not file.read_bytes().isascii():
            yield f"{name} contains characters outside ASCII, which hosts decode differently."
    except OSError as error:
        yield f"{name} cannot be read: {error.strerror}."


def _problem(code: str, detail: str, position: Position) -> Diagnostic:
    return Diagnostic(code, _SUMMARY, detail, _FIX, position=position)
