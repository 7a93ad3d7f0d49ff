"""The files of an inventory: which file has what, the text of new ones, and what is added to those that exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from reconciler.importing.append import insert
from reconciler.importing.entries import Entry
from reconciler.importing.hosts import UNVERIFIED, is_pinned
from reconciler.importing.keys import LONGEST, handle
from reconciler.importing.sharing import Layers
from reconciler.importing.tree import nested
from reconciler.importing.yaml_text import lines, section

ONE, SPLIT = "one", "split"
FEW: Final = 30
"""Objects up to which an inventory is one file, unless it is asked for otherwise."""
MADE_HERE: Final = "# Written by vbo-reconcile import."
"""The line by which a later import knows a file that it may add to."""
FILL_IN: Final = "# Fill in the account that deploys these proxies, and remove this line."
_EDIT: Final = f"{MADE_HERE} Edit it as you like: a later import adds what is new and leaves the rest as it is."
_PARTS: Final = ("proxies.yml", "repositories.yml")
_JOBS: Final = "jobs/*.yml"
_ORDER: Final = ("organizations", "proxies", "pools", "repositories", "jobs", "copy_jobs")

Files = dict[str, str]
"""Texts by name."""


@dataclass(slots=True)
class Content:
    """What is written: `objects` has entries by section and key, `organization` that of the jobs and their copies."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    smtp: Mapping[str, Any] = field(default_factory=dict)
    organization: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Content:
        made = cls()
        for entry in entries:
            value = nested(entry.said)
            if entry.kind.singleton:
                made.smtp = value
                continue
            made.objects.setdefault(entry.kind.section, {})[entry.key] = value
            if "organization" in entry.live.fields:
                made.organization[entry.kind.section, entry.key] = str(entry.live.fields["organization"])
        return made

    @property
    def size(self) -> int:
        return sum(map(len, self.objects.values()))

    def parts(self, layout: str) -> dict[str, dict[str, dict[str, Any]]]:
        """Entries by file, section and key; the main file has no name."""
        files: dict[str, dict[str, dict[str, Any]]] = {}
        for name in _ORDER:
            for key, value in self.objects.get(name, {}).items():
                file = _file_of(name, self.organization.get((name, key), "")) if layout == SPLIT else ""
                files.setdefault(file, {}).setdefault(name, {})[key] = value
        return files


def _file_of(name: str, organization: str) -> str:
    if name in ("proxies", "pools"):
        return "proxies.yml"
    if name == "repositories":
        return "repositories.yml"
    return f"jobs/{handle(organization)[:LONGEST] or 'organization'}.yml" if name in ("jobs", "copy_jobs") else ""


def is_part(file: str) -> bool:
    """Whether an inventory of several files has one of that name beside its main file."""
    return file in _PARTS or fnmatchcase(file, _JOBS)


def main_file(name: str) -> str:
    return f"{name}.yml"


def new_files(
    name: str,
    base: Mapping[str, Any],
    layers: Layers,
    content: Content,
    *,
    layout: str = "",
    guessed: Iterable[str] = (),
) -> Files:
    """The files of a new inventory. `base` says how the server is reached, `guessed` which logins are to be filled
    in."""
    parts = content.parts(layout or (ONE if content.size <= FEW else SPLIT))
    main = parts.pop("", {})
    includes = sorted({_JOBS if fnmatchcase(file, _JOBS) else file for file in parts})
    head = [_EDIT, "version: 1", *lines("name", name), *(lines("include", includes) if includes else ())]
    body = [*_base_lines(base, set(guessed)), *_layer_lines(layers), "", *section("policy", {"max_deletes": 0})]
    tail = ["", *section("smtp", content.smtp)] if content.smtp else []
    return {
        main_file(name): _text([*head, *body, *_section_lines(main), *tail]),
        **{file: _new_file(found) for file, found in sorted(parts.items())},
    }


def _new_file(found: Mapping[str, Mapping[str, Any]]) -> str:
    return _text([MADE_HERE, "version: 1", *_section_lines(found)])


def _section_lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name in _ORDER:
        if name in found:
            yield from ("", f"{name}:", *_entry_lines(found[name]))


def _entry_lines(entries: Mapping[str, Any]) -> Iterator[str]:
    if any(is_pinned(value) for value in entries.values()):
        yield f"  {UNVERIFIED}"
    for key, value in entries.items():
        yield from lines(key, value, "  ")


def _base_lines(base: Mapping[str, Any], guessed: set[str]) -> Iterator[str]:
    for name, value in base.items():
        yield ""
        if name == "credentials":
            yield "credentials:"
            yield from login_lines(value, guessed)
        else:
            yield from section(name, value) if isinstance(value, Mapping) else lines(name, value)


def login_lines(logins: Mapping[str, Any], guessed: Iterable[str]) -> Iterator[str]:
    """Entries of `credentials`, with a note above those that a person must fill in."""
    for key, value in logins.items():
        if key in guessed:
            yield f"  {FILL_IN}"
        yield from lines(key, value, "  ")


def _layer_lines(layers: Layers) -> Iterator[str]:
    for name, found in (("defaults", layers.defaults), ("groups", layers.groups)):
        if found:
            yield from ("", *section(name, {key: nested(values) for key, values in sorted(found.items())}))


def _text(found: Iterable[str]) -> str:
    return "\n".join(found) + "\n"


def added_files(files: Files, main: str, includes: Iterable[str], content: Content, logins: Iterable[str]) -> Files:
    """The files of an inventory with new entries in it. `includes` are the patterns of the main file; `logins` are the
    lines of new logins. Raises NotInserted."""
    includes, made = list(includes), dict(files)
    layout = SPLIT if includes else ONE
    for file, parts in content.parts(layout).items():
        for name, entries in parts.items():
            where = _home(made, main, name, file, includes)
            if where not in made:
                made[where] = _new_file({name: entries})
                continue
            made[where] = insert(made[where], name, list(_entry_lines(entries)))
    if content.smtp:
        made[main] = insert(
            made[main], "smtp", [line for key in content.smtp for line in lines(key, content.smtp[key], "  ")]
        )
    new = list(logins)
    if new:
        made[_holder(made, main, "credentials")] = insert(made[_holder(made, main, "credentials")], "credentials", new)
    return made


def _home(files: Files, main: str, name: str, file: str, includes: Iterable[str]) -> str:
    """The file for new entries of a section: the one that has the rest of it, or a new one that the main file
    includes."""
    if not file or file in files:
        return file or _holder(files, main, name)
    return file if any(fnmatchcase(file, pattern) for pattern in includes) else _holder(files, main, name)


def _holder(files: Files, main: str, name: str) -> str:
    """The first file that has a section, the main one if none has."""
    return next((file for file in (main, *files) if f"\n{name}:" in f"\n{files[file]}"), main)
