"""The objects of the server as they are once a plan is done."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.kinds.graph import Graph
from reconciler.model.address import Address
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change

_ADDING = (Action.CREATE, Action.TAKEOVER)


def graph_after(changes: Iterable[Change], inventory: Inventory, live: Live) -> Graph:
    """The objects of the server as they are once `changes` are done; blocked ones are not."""
    found = {str(where): dict(item.fields) for where, item in live.resources.items()}
    for change in changes:
        if change.blocked:
            continue
        declared = inventory.resources.get(Address(change.address))
        if change.action is Action.DELETE:
            found.pop(change.address, None)
        elif change.action in _ADDING and declared is not None:
            found[change.address] = dict(declared.fields)
        elif change.address in found:
            found[change.address] |= {item.path: item.after for item in change.fields}
    return Graph(found)
