"""Changes of how the server and the hosts are reached, and of what runs there: they decide who gets the credentials.

An inventory that names another server, trusts another key or runs another script hands the operator's credentials to
that server, key holder or script as soon as it is planned. So a difference of inventories shows each of these first,
as a change of an address `access.…`, and a plan warns of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final

from reconciler.model.address import Address, address, name_of
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.inventory import Inventory
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason
from reconciler.model.position import Position
from reconciler.model.secret import SecretRef

KIND: Final = "access"
_WHOLE: Final = frozenset({"credential", "certificate"})
"""Parts of a connection that are separate entries: only their name counts."""

_SHOWN: Final = 5
"""Changes of a section that its warning shows; the plan shows all of them."""

Settings = Mapping[str, Mapping[str, Any]]


def access_settings(inventory: Inventory) -> Settings:
    """By entry (`server`, `connections.px-1`, `credentials.admin`, `commands`, `files`, ...) its settings by name."""
    access = inventory.access
    found = {"server": dict(_flat(access.server)), "vault": dict(_flat(access.vault))}
    for section in ("connections", "credentials", "certificates", "packages"):
        entries = getattr(access, section)
        found |= {f"{section}.{name}": dict(_flat(entry)) for name, entry in entries.items()}
    found["commands"] = {name: list(command) for name, command in access.commands.items()}
    found["playbooks"] = dict.fromkeys(inventory.playbooks, "used")
    found["files"] = dict(inventory.file_digests)
    return {name: settings for name, settings in found.items() if settings}


def access_changes(old: Inventory | None, new: Inventory) -> tuple[Change, ...]:
    """What `new` changes of the access, in order of address. Everything is new if there is no `old` one."""
    before, after = access_settings(old) if old else {}, access_settings(new)
    hidden = new.outside_files | (old.outside_files if old else frozenset())
    changes = (_change(name, before.get(name), after.get(name), new, hidden) for name in sorted({*before, *after}))
    return tuple(change for change in changes if change.fields)


def access_warnings(changes: tuple[Change, ...]) -> Iterator[Diagnostic]:
    """One for each section of the access (`server`, `connections`, ...) in which something is new or differs."""
    sections: dict[str, list[Change]] = {}
    for change in changes:
        if change.action is not Action.DELETE:
            sections.setdefault(name_of(change.address).partition(".")[0], []).append(change)
    for found in sections.values():
        texts = [f"{name_of(item.address)}: {_differences(item)}" for item in found[:_SHOWN]]
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield Diagnostic(
            code="access-changed",
            summary="This changes who gets the credentials, or what runs",
            detail=f"{'; '.join(texts)}{more}.",
            fix="Review it before anything else: planning this inventory logs in as it says.",
            severity=Severity.WARNING,
            position=found[0].cause.position,
            address=found[0].address,
        )


def _differences(change: Change) -> str:
    return ", ".join(f"{item.path} {_shown(item.before)} -> {_shown(item.after)}" for item in change.fields)


def _change(
    name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, new: Inventory, hidden: frozenset[str]
) -> Change:
    """`hidden` are files that an inventory names and does not hold: a digest would let a reader of the plan try what is
    in them."""
    was, will = before or {}, after or {}
    differing = [path for path in sorted({*was, *will}) if was.get(path) != will.get(path)]
    action = Action.CREATE if before is None else Action.DELETE if after is None else Action.UPDATE
    return Change(
        address=address(KIND, name),
        action=action,
        fields=tuple(
            FieldChange(path, *(_public(path, values.get(path), hidden) for values in (was, will)))
            for path in differing
        ),
        cause=Cause(Reason.INVENTORY, "access: decides who gets the credentials, or what runs", _position(name, new)),
    )


def _public(path: str, value: Any, hidden: frozenset[str]) -> Any:
    if value and path in hidden:
        return "outside the folder of the inventory"
    if path != "properties" or value is None:
        return value
    from reconciler.inventory.masking import masked_properties

    return masked_properties(value)


def _position(name: str, inventory: Inventory) -> Position | None:
    section, _, entry = name.partition(".")
    if section in ("connections", "packages"):
        found = inventory.resources.get(Address(f"proxy.{entry}")) or inventory.removed.get(Address(f"proxy.{entry}"))
        return found.position if found else None
    return inventory.positions.get(name)


def _flat(part: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The settings of an entry with dotted names; what is empty is left out, and so is its own name."""
    for field in fields(part):
        value = getattr(part, field.name)
        if value in (None, "", (), {}) or field.name == "name":
            continue
        name = f"{prefix}{field.name}"
        if is_dataclass(value) and not isinstance(value, SecretRef):
            if field.name in _WHOLE:
                yield name, getattr(value, "name", "")
            else:
                yield from _flat(value, f"{name}.")
        else:
            yield name, _plain(value)


def _plain(value: Any) -> Any:
    """As JSON: a secret is its reference."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in sorted(value.items())}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else str(value)


def _shown(value: Any) -> str:
    return "(none)" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)
