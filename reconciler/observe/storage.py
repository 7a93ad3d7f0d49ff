"""What repositories on object storage refer to: cloud accounts, encryption keys, and object storage repositories, which
up to REST v7 are separate objects. Read only if a repository that uses them is declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler.kinds import api
from reconciler.kinds.field import Raw
from reconciler.kinds.naming import Naming
from reconciler.kinds.object_storage import LINKED_SCHEMA
from reconciler.kinds.references import references_of
from reconciler.kinds.storage_settings import INSIDE, LINKED, PREFIX, is_on_object_storage
from reconciler.kinds.typed import Judge, Typed, judges
from reconciler.model.errors import UNREADABLE, Missing

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader
    from reconciler.model.inventory import Inventory
    from reconciler.observe.unread import Unread

_SINCE = 6
"""The first REST version that is documented to list accounts and encryption keys."""
_LINKED = ("ObjectStorageRepositories", "objectstoragerepositories")
"""The collection of object storage in REST v5, and since then."""


def complete_repositories(
    reader: Reader,
    repositories: Sequence[dict[str, Any]],
    inventory: Inventory,
    naming: Naming,
    unread: Unread,
    *,
    whole: bool,
) -> None:
    """Add what the declared repositories refer to, with `whole` what any may refer to: to `naming`, and object storage
    to the repositories that link to it. What no declared one refers to may be `unread`."""
    needed = dict(_wanted(inventory, reader.rest))
    for kind, collection in _all(repositories, reader.rest) if whole else needed.items():
        try:
            raws = reader.list(collection)
        except Missing:
            continue
        except UNREADABLE as error:
            if kind in needed:
                raise
            unread.references[kind] = error
            continue
        if kind != "object_storage":
            naming.refer({kind: references_of(kind, raws)})
        else:
            naming.refer({kind: references_of(kind, (typed_storage(naming.rest, raw) for raw in raws))})
            linked = {str(raw.get("id")).lower(): raw for raw in raws}
            for raw in repositories:
                ident = raw.get("objectStorageId")
                if isinstance(ident, str) and ident.lower() in linked:
                    raw[LINKED] = linked[ident.lower()]


def typed_storage(rest: int, raw: Raw) -> Raw:
    """An object storage repository as its decoders read it."""
    return Typed(_storage_judges(max(rest, _SINCE)), raw)


@cache
def _storage_judges(rest: int) -> Mapping[str, Judge]:
    return judges(rest, api.schema(rest, LINKED_SCHEMA).properties)


def _all(repositories: Sequence[Raw], rest: int) -> Iterator[tuple[str, str]]:
    """The same if every repository is declared with all that it has."""
    if not any(raw.get("objectStorage") or raw.get("objectStorageId") for raw in repositories):
        return
    if rest < INSIDE:
        yield "object_storage", _LINKED[rest >= _SINCE]
    if rest >= _SINCE:
        yield from (("account", "Accounts"), ("encryption_key", "EncryptionKeys"))


def _wanted(inventory: Inventory, rest: int) -> Iterator[tuple[str, str]]:
    """Kinds of references and their collections."""
    declared = [found.fields for found in inventory.of_kind("repository")]
    if not any(is_on_object_storage(fields) for fields in declared):
        return
    if rest < INSIDE:
        yield "object_storage", _LINKED[rest >= _SINCE]
    if rest >= _SINCE and any(f"{PREFIX}account" in fields for fields in declared):
        yield "account", "Accounts"
    if rest >= _SINCE and any(f"{PREFIX}encryption_key" in fields for fields in declared):
        yield "encryption_key", "EncryptionKeys"
