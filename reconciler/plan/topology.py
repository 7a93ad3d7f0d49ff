"""The topology of an inventory as data: its objects, what works on what, and what a plan does to each of them.

Renderers read it as the optional part `topology` of a plan's JSON form (see `schemas/plan.schema.json`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.kinds import KINDS
from reconciler.kinds.graph import Edge, Graph
from reconciler.model.address import kind_of, name_of
from reconciler.model.inventory import Inventory
from reconciler.model.plan import Plan
from reconciler.plan.document import plan_to_json

SERVER = "server"
STATES = (
    "blocked",
    "delete",
    "replace",
    "takeover",
    "upgrade",
    "create",
    "update",
    "adopt",
    "problem",
    "run",
    "unknown",
    "unchanged",
)
"""What a plan can do to an object; if it does several things, the first of these is shown."""

SHOWN = ("certificate", "copy_job", "job", "organization", "pool", "proxy", "repository", "smtp")

_OF_SERVER = ("certificate", "pool", "proxy", "smtp")

Data = Mapping[str, Any]


def topology(inventory: Inventory, plan: Plan | Data) -> dict[str, Any]:
    """`{"nodes": [{address, kind, label, state}], "edges": [[from, to]]}`, both sorted by address.

    `plan` is the plan or its JSON form. Nodes are the server, the declared objects, and those that only the plan
    mentions, such as deleted ones.
    """
    document = plan_to_json(plan) if isinstance(plan, Plan) else plan
    declared = {str(where): found.fields for where, found in inventory.resources.items()}
    return _picture({**_mentioned(document), **declared}, document)


def declared_topology(inventory: Inventory) -> dict[str, Any]:
    """The same of what an inventory declares: nodes have no state."""
    objects = {str(where): found.fields for where, found in inventory.resources.items()}
    picture = _drawn(objects, inventory.access.server.host, {})
    return {**picture, "nodes": [{key: node[key] for key in ("address", "kind", "label")} for node in picture["nodes"]]}


def illustrated(document: Data, inventory: Inventory) -> dict[str, Any]:
    """The JSON form of a plan with what reviews show of its inventory: the files (deletions, for example, have no line)
    and the topology."""
    files = {**document["inventory"], "files": list(inventory.files)}
    return {**document, "inventory": files, "topology": topology(inventory, document)}


def of_changes(document: Data) -> dict[str, Any]:
    """The same for a plan without its inventory: only the objects that its JSON form mentions."""
    return _picture(_mentioned(document), document)


def _picture(objects: Mapping[str, Data], document: Data) -> dict[str, Any]:
    return _drawn(objects, str(document["server"]["host"]), _states(document))


def _drawn(objects: Mapping[str, Data], server: str, states: Mapping[str, str]) -> dict[str, Any]:
    shown = {where: fields for where, fields in sorted(objects.items()) if kind_of(where) in SHOWN}
    nodes = [_node(SERVER, server, states)]
    nodes += [_node(where, name_of(where) or where, states) for where in shown]
    return {"nodes": nodes, "edges": sorted(_edges(shown))}


def _node(where: str, label: str, states: Mapping[str, str]) -> dict[str, str]:
    return {"address": where, "kind": kind_of(where), "label": label, "state": states.get(where, "unchanged")}


def _mentioned(document: Data) -> dict[str, dict[str, Any]]:
    """The objects of changes, unknown fields and problems, each with its fields as far as changes have them."""
    found: dict[str, dict[str, Any]] = {}
    for where, _ in _object_states(document):
        found.setdefault(where, {})
    for change in document["changes"]:
        fields = found[_shown_as(change["address"])]
        for item in change["fields"]:
            fields[item["path"]] = item["before"] if change["action"] == "delete" else item["after"]
    return found


def _states(document: Data) -> dict[str, str]:
    weights = {state: weight for weight, state in enumerate(STATES)}
    found: dict[str, str] = {}
    for where, state in _object_states(document):
        found[where] = min(state, found.get(where, "unchanged"), key=weights.__getitem__)
    return found


def _object_states(document: Data) -> Iterator[tuple[str, str]]:
    """(address, state) of everything in the plan."""
    for change in document["changes"]:
        yield _shown_as(change["address"]), "blocked" if change["blocked"] else change["action"]
    for item in document["unknown"]:
        yield _shown_as(item["address"]), "unknown"
    for problem in document["problems"]:
        if problem["severity"] == "error" and problem["address"]:
            yield _shown_as(problem["address"]), "problem"


def _shown_as(where: str) -> str:
    """A proxy and its host are one node."""
    return f"proxy.{name_of(where)}" if kind_of(where) == "host" else where


def _edges(objects: Mapping[str, Data]) -> Iterator[list[str]]:
    """Between the shown objects; the server has edges to those that are not in a pool."""
    pooled = set()
    for edge in Graph(objects).edges():
        if edge.target in objects:
            start, end = (edge.source, edge.target) if _leads_on(edge) else (edge.target, edge.source)
            yield [start, end]
            pooled.add(end)
    for where in objects:
        if kind_of(where) in _OF_SERVER and where not in pooled:
            yield [SERVER, where]


def _leads_on(edge: Edge) -> bool:
    """From the server to the organizations: what is used leads to its user, but for what contains or serves others."""
    return bool(edge.field.gathered) or KINDS[kind_of(edge.target)].reference
