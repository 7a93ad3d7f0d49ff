"""Names of other objects: they must be declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.kinds import KINDS
from reconciler.kinds.field import CERTIFICATE_ENTRY, CREDENTIAL, Field
from reconciler.kinds.rules.declared import Declared, Finding, Group, Where
from reconciler.model.inventory import LOCAL
from reconciler.model.sentences import listed, quoted, suggestion

_ENTRIES: Final = {CREDENTIAL: "credentials", CERTIFICATE_ENTRY: "certificates"}


def _sections(field: Field) -> tuple[str, ...]:
    return tuple(_ENTRIES.get(kind) or KINDS[kind].section for kind in field.refers)


def _of_kinds() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(section, key, sections that the name may be of) of every field that refers to something."""
    for kind in KINDS.values():
        for field in kind.fields:
            if field.gathered:
                yield from ((section, field.gathered, (kind.section,)) for section in _sections(field))
            elif field.addressed:
                yield from ((kind.section, key, (KINDS[key].section,)) for key in field.refers)
            elif field.refers and not field.through:
                yield kind.section, field.name, _sections(field)


_OF_ACCESS: Final = (
    ("jump_hosts", "credentials", ("credentials",)),
    ("jump_hosts", "jump", ("jump_hosts",)),
    ("proxies", "connection.credentials", ("credentials",)),
    ("proxies", "connection.jump", ("jump_hosts",)),
    ("server", "credentials", ("credentials",)),
    ("server", "powershell.certificate", ("certificates",)),
    ("server", "powershell.credentials", ("credentials",)),
)
"""What no kind has: how servers and hosts are reached."""


def _table() -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for section, key, named in sorted((*_of_kinds(), *_OF_ACCESS)):
        found.setdefault(section, {})[key] = named
    return found


REFERENCES: Final = _table()
"""For each section, by field: the sections of which one has an entry of that name."""

SINGULAR: Final = {
    "certificates": "certificate",
    "copy_jobs": "copy job",
    "credentials": "credential",
    "groups": "group",
    "jobs": "job",
    "jump_hosts": "jump host",
    "organizations": "organization",
    "pools": "pool",
    "proxies": "proxy",
    "repositories": "repository",
}
_OPTIONAL: Final = (("proxies", "internet_proxy.credentials"), ("smtp", "credentials"))
"""Section and field of logins that may be `none`."""
_NAMED: Final = 6
"""Declared names that a fix lists."""
_SUGGESTIONS: Final = 50
"""Suggestions for a file: finding similar names is slow, and more of them would not be read."""


def unknown_references(declared: Declared) -> Iterator[Finding]:
    for count, (where, sections, name) in enumerate(_missing(declared)):
        yield unknown(where, sections, name, declared, suggest=count < _SUGGESTIONS)


def unknown(where: Where, sections: tuple[str, ...], name: str, declared: Declared, *, suggest: bool = True) -> Finding:
    """The finding about `name`, which `where` says and none of `sections` has."""
    candidates = [known for section in sections for known in declared.names.get(section, ())]
    hint = suggestion(name, candidates) if suggest else ""
    if name == LOCAL and "proxies" in sections:
        hint = f"Add the server's own proxy to `proxies`: {LOCAL}: {{}}"
    some = listed(sorted(candidates)[:_NAMED], "or")
    others = f" ({some}{' …' if len(candidates) > _NAMED else ''})" if candidates else ""
    fix = hint or f"Declare it under `{sections[0]}`, or name one that is declared{others}."
    kinds = " or ".join(SINGULAR[section] for section in sections)
    return Finding(where, f"There is no {kinds} {quoted(name)}.", fix)


def _missing(declared: Declared) -> Iterator[tuple[Where, tuple[str, ...], str]]:
    known: dict[tuple[str, ...], set[str]] = {}
    for section, fields in REFERENCES.items():
        for group in _groups(declared, section):
            for field, sections in fields.items():
                if field not in group[0][1] or declared.unread.intersection(sections):
                    continue
                if sections not in known:
                    known[sections] = {name for target in sections for name in declared.names.get(target, ())}
                for where, name in _unlisted(section, field, group, known[sections]):
                    yield where, sections, name


def _unlisted(section: str, field: str, group: Group, names: set[str]) -> Iterator[tuple[Where, str]]:
    for name, values in group:
        value = values[field]
        if type(value) is str and value in names:
            continue
        if isinstance(value, list):
            if not names.issuperset(value):
                missing = ((item, part) for item, part in enumerate(value) if part not in names)
                yield from ((Where(section, name, field, item), part) for item, part in missing)
        elif value is not None and not (value == "none" and (section, field) in _OPTIONAL):
            yield Where(section, name, field), value


def _groups(declared: Declared, section: str) -> list[Group]:
    return [[("", declared.setting(section))]] if section in ("server", "smtp") else declared.groups(section)
