"""The difference of two inventories, without a server: the old one is taken as the live world, fully applied."""

from __future__ import annotations

from reconciler.kinds import KINDS, Mode
from reconciler.kinds.field import LAST_REST
from reconciler.kinds.naming import Naming
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live, LiveResource, ServerInfo
from reconciler.model.plan import Plan
from reconciler.model.recall import Recall
from reconciler.model.value import UNKNOWN
from reconciler.plan.planner import make_plan


def difference(old: Inventory, new: Inventory) -> Plan:
    """What applying `new` would change where `old` is applied. Needs no secret and reaches nothing.

    Both are taken to be one inventory, whatever their names. A login that is called otherwise counts as a change; its
    value is not looked at.
    """
    live = _as_live(old, new.name, _rest(new))
    recall = Recall(
        applied={where: _logins(found.kind, found.fields) for where, found in old.resources.items()},
        secrets={where: _logins(found.kind, found.fields) for where, found in new.resources.items()},
        derived={
            where: {"thumbprint": found.fields.get("certificate")}
            for where, found in new.resources.items()
            if found.kind == "certificate"
        },
    )
    return make_plan(new, live, recall, access=new.access, judge=lambda _os, _facts, _fields: ())


def _rest(inventory: Inventory) -> int:
    text = inventory.access.server.rest
    return LAST_REST if text == "auto" else int(text.removeprefix("v"))


def _as_live(old: Inventory, owner: str, rest: int) -> Live:
    naming = Naming(rest, old.access)
    resources = {}
    for where, found in old.resources.items():
        kind = KINDS[found.kind]
        fields = {}
        for field in kind.fields:
            if field.name in found.fields and field.mode is not Mode.LOCAL:
                fields[field.name] = field.as_shown(found.fields[field.name], naming)
            else:
                fields[field.name] = None if field.mode is Mode.MUTABLE else UNKNOWN
        if found.kind == "certificate":
            fields["thumbprint"] = found.fields.get("certificate")
        marked = "" if kind.reference or kind.singleton else owner
        resources[where] = LiveResource(found.kind, found.name, str(where), fields, marked, {})
    server = ServerInfo(old.access.server.host, rest, "")
    return Live(server, resources, {}, {})


def _logins(kind: str, fields: object) -> dict[str, str]:
    """The names of logins stand in for their fingerprints."""
    if not isinstance(fields, dict):
        return {}
    secret = [field.name for field in KINDS[kind].fields if field.mode is Mode.WRITE_ONLY]
    return {name: str(fields[name]) for name in secret if name in fields}
