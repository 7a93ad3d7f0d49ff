"""The difference of two inventories without a server: the old one stands for the live world, fully applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.kinds import KINDS, Mode
from reconciler.kinds.field import LAST_REST
from reconciler.kinds.matching import wanted_key
from reconciler.kinds.naming import Naming
from reconciler.kinds.packages import is_packaged, wanted_build
from reconciler.model.address import Address, address, kind_of, name_of
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import HostFacts, Live, LiveResource, ServerInfo
from reconciler.model.plan import Action, Plan, Report
from reconciler.model.recall import Recall
from reconciler.model.state import Maintenance, ProxyState, Status
from reconciler.model.value import UNKNOWN
from reconciler.model.version import rest_number
from reconciler.plan.access import access_changes, access_warnings
from reconciler.plan.planner import make_plan
from reconciler.requirements import NO_REQUIREMENTS


def difference(old: Inventory, new: Inventory) -> Plan:
    """What applying `new` would change if `old` is applied. Needs no secret and no connection.

    Both count as one inventory, whatever their names. Logins are compared by name, not by value.
    """
    old = _renamed(old, new)
    live = _as_live(old, new, _rest(new))
    recall = Recall(
        applied={where: _logins(found.kind, found.fields) for where, found in old.resources.items()},
        secrets={where: _logins(found.kind, found.fields) for where, found in new.resources.items()},
        derived={
            where: {"thumbprint": found.fields.get("certificate")}
            for where, found in new.resources.items()
            if found.kind == "certificate"
        },
    )
    plan = make_plan(new, live, recall, access=new.access, playbooks=NO_REQUIREMENTS)
    # jobs that every apply starts are not a difference, and nothing is unknown, since nothing is observed
    changes = tuple(item for item in plan.changes if item.action is not Action.RUN or item.depends_on)
    access = access_changes(old if old.files else None, new)
    return replace(
        plan,
        changes=(*access, *changes),
        unknown=(),
        reports=(*plan.reports, *_foreign(old, new)),
        problems=(*access_warnings(access), *plan.problems),
    )


def _foreign(old: Inventory, new: Inventory) -> Iterator[Report]:
    """Reports if the inventories have different names or servers: then one is probably not a version of the other."""
    pairs = (
        ("name", old.name, new.name),
        ("server", old.access.server.host.lower(), new.access.server.host.lower()),
    )
    for what, before, after in pairs:
        if before != after:
            detail = f"the {what} differs (old: {before}, new: {after}); both are compared as one inventory"
            yield Report("plan", "other-inventory", detail)


def _renamed(old: Inventory, new: Inventory) -> Inventory:
    """`old` with the keys of `new` for the objects that have other keys there, and the same name or `formerly`."""
    names: dict[tuple[str, str], str] = {}
    resources: dict[Address, Resource] = {}
    for kind in KINDS.values():
        found = [_with_names(item, names) for item in old.of_kind(kind.name)]
        missing = [item for item in new.of_kind(kind.name) if item.address not in old.resources]
        keys = {wanted_key(kind, item, former): item.name for item in missing for former in ("", _former(item))}
        for item in found:
            name = item.name if item.address in new.resources else keys.pop(wanted_key(kind, item), item.name)
            names[kind.name, item.name] = name
            resources[address(kind.name, name)] = item._replace(name=name)
    return replace(old, resources=dict(sorted(resources.items())))


def _former(resource: Resource) -> str:
    return str(resource.fields.get("formerly") or "")


def _with_names(resource: Resource, names: Mapping[tuple[str, str], str]) -> Resource:
    """A resource whose references have the new names."""
    fields = dict(resource.fields)
    for field in KINDS[resource.kind].fields:
        value = fields.get(field.name)
        if not field.refers or not value:
            continue
        if field.addressed:
            kind, name = kind_of(value), name_of(value)
            fields[field.name] = address(kind, names.get((kind, name), name))
        elif isinstance(value, list):
            fields[field.name] = sorted(_name_in(field.refers, item, names) for item in value)
        else:
            fields[field.name] = _name_in(field.refers, value, names)
    return resource._replace(fields=fields)


def _name_in(kinds: Iterable[str], name: str, names: Mapping[tuple[str, str], str]) -> str:
    return next((names[kind, name] for kind in kinds if (kind, name) in names), name)


def nothing(inventory: Inventory) -> Inventory:
    """The inventory before it declared anything."""
    return replace(inventory, resources={}, files=())


def _rest(inventory: Inventory) -> int:
    return rest_number(inventory.access.server.rest) or LAST_REST


def _as_live(old: Inventory, new: Inventory, rest: int) -> Live:
    naming = Naming(rest, old.access)
    resources = {where: _given(found) for where, found in new.resources.items() if _is_given(found)}
    for where, found in old.resources.items():
        kind = KINDS[found.kind]
        fields = {}
        for field in kind.fields:
            if field.name in found.fields and field.mode is not Mode.LOCAL:
                fields[field.name] = field.as_shown(found.fields[field.name], naming)
            else:
                fields[field.name] = None if field.mode in (Mode.ITEMS, Mode.MUTABLE) else UNKNOWN
        if found.kind == "certificate":
            fields["thumbprint"] = found.fields.get("certificate")
        marked = "" if kind.reference or kind.singleton else new.name
        state = ProxyState(status=Status.ONLINE, maintenance=Maintenance.DISABLED) if found.kind == "proxy" else None
        resources[where] = LiveResource(found.kind, found.name, str(where), fields, marked, state)
    server = ServerInfo(old.access.server.host, rest, "")
    return Live(server, resources, _packaged(old), {})


def _packaged(old: Inventory) -> dict[str, HostFacts]:
    """The facts of hosts: only the build of a service that is installed by package is known."""
    return {
        proxy.name: HostFacts(proxy.name, {"service": {"installed": True, "version": wanted_build(proxy)}})
        for proxy in old.of_kind("proxy")
        if is_packaged(proxy)
    }


def _is_given(resource: Resource) -> bool:
    """References, singletons and the server's own proxy exist, whether or not the old inventory declares them."""
    return KINDS[resource.kind].reference or KINDS[resource.kind].singleton or resource.is_local


def _given(resource: Resource) -> LiveResource:
    kind = KINDS[resource.kind]
    fields = dict(resource.fields) if kind.reference else {field.name: None for field in kind.fields}
    return LiveResource(resource.kind, resource.name, str(resource.address), fields)


def _logins(kind: str, fields: object) -> dict[str, str]:
    """The names of logins in place of their fingerprints."""
    if not isinstance(fields, dict):
        return {}
    secret = [field.name for field in KINDS[kind].fields if field.mode is Mode.WRITE_ONLY]
    return {name: str(fields[name]) for name in secret if name in fields}
