"""`explain`: everything that is known about one object, and why it would change. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds import KINDS, Mode
from reconciler.kinds.graph import Graph
from reconciler.model.address import Address, address, kind_of, name_of
from reconciler.model.state import JobState, ProxyState
from reconciler.model.value import UNKNOWN
from reconciler.operations.errors import InvalidOption
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.request import PlanRequest, Selection
from reconciler.operations.runtime import Runtime

if TYPE_CHECKING:
    from reconciler.journal import Journal
    from reconciler.model.inventory import Inventory, Resource
    from reconciler.model.live import Live, LiveResource
    from reconciler.model.position import Position
    from reconciler.operations.session import PlanResult

FORMAT_VERSION: Final = "1.0"
"""Of the plain data; see `schemas/explain.schema.json`."""
_OF_PLAN: Final = ("changes", "unknown", "reports", "problems")


def explain(path: Path | str, target: str, *, lab: bool = False, runtime: Runtime | None = None) -> dict[str, Any]:
    """What the inventory at `path`, the server, the host and the journal say of the object with the address `target`,
    and what an apply would change of it, as plain data without secrets. Raises Diagnosed, InvalidOption, RemoteError,
    SecretError and JournalError."""
    from reconciler.operations.part_of_plan import plan_of_part
    from reconciler.operations.session import open_session

    runtime = runtime or Runtime()
    inventory = load_inventory(Path(path), runtime, lab=lab)
    with open_session(inventory, runtime, lab=lab) as session:
        planned = plan_of_part(session, PlanRequest(selection=Selection((target,))))
        where = _one(target, inventory, planned)
        with runtime.waiting("Reading the journal"):
            last = _last_run(session.journal, where, inventory.name)
    return {"format_version": FORMAT_VERSION, **_known(where, inventory, planned), "last_run": last}


def _one(target: str, inventory: Inventory, planned: PlanResult) -> Address:
    """The address of one object; a host is explained with its proxy."""
    where = address("proxy", name_of(target)) if kind_of(target) == "host" else Address(target)
    known = {*inventory.resources, *inventory.removed, *planned.live.resources}
    if where not in known:
        raise InvalidOption(f"{target!r} is not the address of one object, such as proxy.px-1.")
    return where


def _known(where: Address, inventory: Inventory, planned: PlanResult) -> dict[str, Any]:
    from reconciler.plan import plan_to_json

    declared = inventory.resources.get(where) or inventory.removed.get(where)
    live = planned.live.resources.get(where)
    plan = plan_to_json(planned.whole)
    own = (where, f"host.{name_of(where)}") if kind_of(where) == "proxy" else (where,)
    return {
        "address": where,
        "inventory": inventory.name,
        "server": plan["server"],
        "lab": plan["lab"],
        "declared_at": _place(declared.position) if declared else None,
        "name": _name(live) if live else None,
        "id": live.id if live else None,
        "managed_by": _manager(where, live),
        "state": _state(live),
        "host": _host(where, inventory, planned.live),
        "chain": _chain(where, inventory, planned.live, plan),
        "fields": list(_fields(where, declared, live)),
        **{part: [item for item in plan[part] if item["address"] in own] for part in _OF_PLAN},
    }


def _name(live: LiveResource) -> str:
    """The server's name of an object, which its inventory may call otherwise."""
    found = next((live.fields[path] for path in ("name", "host") if path in live.fields), live.name)
    return found if isinstance(found, str) else live.name


def _place(position: Position | None) -> dict[str, Any] | None:
    return {"file": position.file, "line": position.line, "column": position.column} if position else None


def _manager(where: str, live: LiveResource | None) -> str | None:
    """The inventory that created an object; empty without a mark, None for what has no owner or is not there."""
    kind = KINDS[kind_of(where)]
    return None if live is None or kind.reference or kind.singleton else live.owner


def _state(live: LiveResource | None) -> dict[str, Any]:
    """What the server reports of an object besides its settings."""
    match live.state if live else None:
        case ProxyState() as proxy:
            return {"status": proxy.status.value, "maintenance": proxy.maintenance.value, "version": proxy.version}
        case JobState() as job:
            return {"last_result": job.last.value, "last_run": job.last_run, "next_run": job.next_run}
    return {}


def _host(where: str, inventory: Inventory, live: Live) -> dict[str, Any] | None:
    found = live.hosts.get(name_of(where)) if kind_of(where) == "proxy" else None
    if found is None:
        return None
    connection = inventory.access.connections.get(name_of(where))
    problem = found.problem
    return {
        "host": connection.host if connection else name_of(where),
        "problem": problem.detail if problem else None,
        "facts": {} if problem else dict(found.facts),
    }


def _chain(where: Address, inventory: Inventory, live: Live, plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """What an object uses, what uses it, and the organizations that it works for, all as declared and as live."""
    from reconciler.plan.topology import topology

    graphs = (Graph.of(inventory.resources), Graph.of(live.resources))
    after: dict[str, list[str]] = {}
    for start, end in topology(inventory, plan)["edges"]:
        after.setdefault(start, []).append(end)
    reached, level = {str(where)}, [str(where)]
    while level:
        level = [end for start in level for end in after.get(start, ()) if end not in reached]
        reached |= set(level)
    return {
        "uses": sorted({found for graph in graphs for found in graph.uses(where)}),
        "used_by": sorted({found for graph in graphs for found in graph.users(where)}),
        "organizations": sorted(name_of(found) for found in reached if kind_of(found) == "organization"),
    }


def _fields(where: str, declared: Resource | None, live: LiveResource | None) -> Iterator[dict[str, Any]]:
    """The fields that are declared or known, in the order of their kind. A value that the server hides is unknown."""
    for field in KINDS[kind_of(where)].fields:
        said = declared is not None and field.name in declared.fields
        found = live.fields.get(field.name, UNKNOWN) if live and field.mode is not Mode.LOCAL else UNKNOWN
        if not said and (found is UNKNOWN or found is None):
            continue
        yield {
            "path": field.name,
            "mode": field.mode.value,
            "is_declared": said,
            "declared": declared.fields[field.name] if declared and said else None,
            "unknown": found is UNKNOWN,
            "live": None if found is UNKNOWN else found,
            "position": _place(declared.positions.get(field.name)) if declared else None,
        }


def _last_run(journal: Journal, where: str, inventory: str) -> dict[str, Any] | None:
    own = (where, f"host.{name_of(where)}") if kind_of(where) == "proxy" else (where,)
    found = journal.last_change(own, inventory)
    if found is None:
        return None
    run, change = found
    return {
        "run": run.id,
        "action": change.action,
        "address": change.address,
        "state": change.state.value,
        "at": run.started.isoformat(),
        "who": f"{run.user}@{run.host}",
    }
