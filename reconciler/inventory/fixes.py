"""What to write in place of a value that does not fit. Whatever is suggested fits the schema: it is tried first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.inventory.document import resolve
from reconciler.inventory.schema import Path_, accepts, schema_at
from reconciler.inventory.spelling import example
from reconciler.model.sentences import listed, nearest

_FILE: Final = re.compile(r"\.{1,2}/[\w./-]{1,200}")
"""A path from a folder: no key and no passphrase in a file of keys begins so."""

_YES: Final = ("true", "yes", "on")
_NO: Final = ("false", "no", "off")
_NONE: Final = ("none", "off", "never")
"""Words for nothing, in the enumerations of the schema."""

_NAMES: Final = {
    "certificate": "certificates",
    "credentials": "credentials",
    "group": "groups",
    "job": "jobs",
    "organization": "organizations",
    "pool": "pools",
    "proxy": "proxies",
    "repository": "repositories",
}
"""Keys whose value is the name of an entry, and the section that the entry stands in."""

_SYSTEMS: Final = {"linux": "workgroup", "windows": "domain"}
"""Operating systems that are taken for a `type`, and the type that a proxy has there."""


def fix_of_value(root: Mapping[str, Any], path: Path_, found: Any) -> str:
    """One line that can be pasted in place of `found`; empty if nothing but an example can be given."""
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if (fix := _of_system(root, path, found)) or (fix := _of_name(root, path, key)):
        return fix
    for lead, value in _guesses(path, found):
        if accepts(root, path, value):
            if isinstance(path[-1], int):
                return f"{lead}: {example((), value)}"
            return f"{lead}: {example((key,), value)}"
    return ""


def _guesses(path: Path_, found: Any) -> Iterator[tuple[str, Any]]:
    """What may be meant, with the word that introduces it; it need not fit."""
    words = _words(schema_at(path), schema_at((*path, 0)))
    if isinstance(found, str):
        yield from _of_text(found, words)
    elif isinstance(found, bool):
        yield "Put it in quotes", str(found).lower()
        yield from (("Write", word) for word in (_NONE if not found else ()) if word in words)
    elif isinstance(found, int | float):
        yield "Put it in quotes", str(found)
    elif found is None:
        yield "Write", {}
    elif isinstance(found, list) and len(found) == 1:
        yield "Write", found[0]


def _of_text(found: str, words: list[str]) -> Iterator[tuple[str, Any]]:
    plain, near = found.strip().lower(), nearest(found, words)
    yield "Write it in brackets", [found]
    if near:
        yield "Write", near
        yield "Write", [near]
    if plain.isdecimal() and len(plain) < 18:  # `025` is text: no number of YAML begins with 0
        yield "Remove the quotes" if resolve(plain) != plain else "Write", int(plain)
    if plain in _YES + _NO:
        yield "Write", plain in _YES
    if plain in _NO:
        yield from (("Write", word) for word in _NONE if word in words)


def _of_system(root: Mapping[str, Any], path: Path_, found: Any) -> str:
    of_proxy = path[-1] == "type" and path[0] in ("defaults", "groups", "proxies")
    if not of_proxy or not isinstance(found, str) or found not in _SYSTEMS:
        return ""
    said = f"`os: {found}` and `type: {_SYSTEMS[found]}`"
    return f"Write {said}." if accepts(root, path, _SYSTEMS[found]) else ""


def _of_name(root: Mapping[str, Any], path: Path_, key: str) -> str:
    """A name that is declared; a made-up one would only be the next error."""
    section = _NAMES.get(key, "") if path[-1] == key and len(path) > 1 else ""
    if not section:
        return ""
    declared = root.get(section)
    names = [name for name in declared if accepts(root, path, name)] if isinstance(declared, Mapping) else []
    if len(names) == 1:
        return f"Write: {example((key,), names[0])}"
    if names:
        return f"Write the name of an entry of `{section}`: {listed(names[:5], 'or')}."
    return f"Declare it under `{section}`, and write its name here."


def _words(value: Mapping[str, Any], item: Mapping[str, Any]) -> list[str]:
    """The words that a value, or an item of it, can be."""
    parts = (value, value.get("then", {}), item)
    return [word for part in parts for word in part.get("enum", ()) if isinstance(word, str)]


def fix_of_secret(path: Path_, found: Any) -> str:
    """A reference to what stands there in plain text, which is shown only if it is the path of a key."""
    key = str(path[-1])
    if key in ("key", "private_key") and isinstance(found, str):
        if _FILE.fullmatch(found):
            return f"Write: {key}: secret://file/{found.removeprefix('./')}"
        if found.startswith(("~", "/")):
            return "Put the file beside the inventory, and refer to it from there: secret://file/PATH"
    return "Move the value to an environment variable or a file, and refer to it: secret://env/NAME"
