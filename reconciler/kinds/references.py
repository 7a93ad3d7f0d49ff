"""Objects that an inventory names and does not declare: cloud accounts, encryption keys, object storage repositories.

Users set them up in the console, and nothing on the server keeps two of them from having the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reconciler.model.errors import UnknownName
from reconciler.model.live import Reference

COLLECTIONS = {
    "account": ("description", "userName"),
    "encryption_key": ("description",),
    "object_storage": ("name",),
}
"""By kind, the properties that name an object, the best name first."""


def references_of(kind: str, raws: Iterable[Any]) -> list[Reference]:
    """What the server lists, without entries that have no id."""
    found = {}
    for raw in raws:
        ident = raw.get("id")
        if isinstance(ident, str) and ident:
            names = (raw.get(name) for name in COLLECTIONS[kind])
            texts = tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))
            found[ident.lower()] = Reference(kind, ident, texts, raw)
    return list(found.values())


def found_by(kind: str, name: str, references: Sequence[Reference]) -> Reference:
    """The one that has this name, or this id. Raises UnknownName, which names the candidates if there are several."""
    same = [item for item in references if name in item.names]
    same = same or [item for item in references if item.id.lower() == name.lower()]
    if len(same) == 1:
        return same[0]
    what = title(kind)
    if same:
        candidates = ", ".join(sorted(f"{' / '.join(item.names)} ({item.id})" for item in same))
        raise UnknownName(f"{len(same)} {what}s on the server have the name {name!r}: {candidates}")
    raise UnknownName(f"the server has no {what} {name!r}")


def shown_name(kind: str, ident: str, references: Sequence[Reference]) -> str:
    """The first name of an object that no other one has, its id without such a name. Raises UnknownName.

    Encryption keys are shown by their hint in any case: a key gets another one of the same hint with a new password.
    """
    for item in references:
        if item.id.lower() == ident.lower():
            if kind == "encryption_key" and item.names:
                return item.names[0]
            taken = {name for other in references if other is not item for name in other.names}
            return next((name for name in item.names if name not in taken), item.id)
    raise UnknownName(f"the server lists no {title(kind)} with the id {ident}")


def title(kind: str) -> str:
    """What messages call an object of this kind."""
    return {"account": "cloud account"}.get(kind, kind.replace("_", " "))
