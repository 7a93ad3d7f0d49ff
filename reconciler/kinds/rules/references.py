"""Names of other objects: they must be declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconciler.kinds.rules.declared import Declared, Finding, Where
from reconciler.kinds.rules.words import quoted, suggestion

REFERENCES: Final = {
    "proxies": {
        "credentials": "credentials",
        "certificate": "certificates",
        "pool": "pools",
        "connection.credentials": "credentials",
        "connection.jump": "jump_hosts",
    },
    "jump_hosts": {"credentials": "credentials", "jump": "jump_hosts"},
    "repositories": {"proxy": "proxies", "pool": "pools"},
    "jobs": {"organization": "organizations", "repository": "repositories"},
    "server": {
        "credentials": "credentials",
        "certificate": "certificates",
        "powershell.credentials": "credentials",
        "powershell.certificate": "certificates",
    },
    "smtp": {"credentials": "credentials"},
}
"""For each section: which of its fields names an entry of which other section."""

SINGULAR: Final = {
    "certificates": "certificate",
    "credentials": "credential",
    "groups": "group",
    "jobs": "job",
    "jump_hosts": "jump host",
    "organizations": "organization",
    "pools": "pool",
    "proxies": "proxy",
    "repositories": "repository",
}
_SUGGESTIONS: Final = 50
"""Suggestions for a file: finding similar names is slow, and more of them would not be read."""


def unknown_references(declared: Declared) -> Iterator[Finding]:
    for count, (where, section, name) in enumerate(_missing(declared)):
        yield unknown(where, section, name, declared, suggest=count < _SUGGESTIONS)


def unknown(where: Where, section: str, name: str, declared: Declared, *, suggest: bool = True) -> Finding:
    """The finding about `name`, which `where` says and `section` lacks."""
    kinds = f"{SINGULAR[section]} or pool" if where.section == "organizations" else SINGULAR[section]
    candidates = list(declared.names.get(section, ()))
    if where.section == "organizations":
        candidates += declared.names.get("pools", ())
    hint = suggestion(name, candidates) if suggest else ""
    fix = hint or f"Declare it under `{section}`, or name one that is declared."
    return Finding(where, f"There is no {kinds} {quoted(name)}.", fix)


def _missing(declared: Declared) -> Iterator[tuple[Where, str, str]]:
    for section, fields in REFERENCES.items():
        if section in ("server", "smtp"):
            objects: Iterable[tuple[str, Any]] = [("", declared.setting(section))]
        else:
            objects = declared.section(section).items()
        known = {field: declared.names.get(target, ()) for field, target in fields.items()}
        for name, values in objects:
            for field, names in known.items():
                value = values.get(field)
                if value is None or value in names or fields[field] in declared.unread:
                    continue
                if section != "smtp" or value != "none":
                    yield Where(section, name, field), fields[field], value
    yield from _missing_elsewhere(declared)


def _missing_elsewhere(declared: Declared) -> Iterator[tuple[Where, str, str]]:
    for name, values in declared.section("organizations").items():
        for item, proxy in enumerate(values.get("proxies", ())):
            if not declared.knows("proxies", proxy) and not declared.knows("pools", proxy):
                yield Where("organizations", name, "proxies", item), "proxies", proxy
    for name, values in declared.section("proxies").items():
        internet = values.get("internet_proxy")
        login = internet.get("credentials") if isinstance(internet, dict) else None
        if login is not None and not declared.knows("credentials", login):
            yield Where("proxies", name, "internet_proxy"), "credentials", login
