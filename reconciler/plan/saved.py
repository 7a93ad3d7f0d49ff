"""Saved plans: what was reviewed, in a file that can be applied later and nowhere else.

The file holds the plan as reviewers saw it, and a snapshot of the inventory that it was made from (references instead
of secrets, relative paths only). Applying it looks at the world again, plans again from the snapshot, and does only
what both plans say; see `recheck`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.inventory import Inventory
from reconciler.model.plan import Plan
from reconciler.model.value import digest
from reconciler.plan.document import FORMAT_VERSION, plan_to_json


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plan comes from: the version of the tool, and the git commit where there is one."""

    tool: str
    commit: str = ""
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan file that was read: `document` is its JSON, `inventory` the snapshot with `access.root` set to `root`."""

    document: Mapping[str, Any]
    inventory: Inventory


def document_of(
    plan: Plan, inventory: Inventory, *, origin: Origin, created: datetime, expires: datetime
) -> dict[str, Any]:
    """The content of a plan file, sealed with a digest of itself. Same inputs, same bytes (see `to_bytes`)."""
    snapshot = replace(inventory, access=replace(inventory.access, root=""))
    document = {
        **plan_to_json(plan),
        "tool": origin.tool,
        "git": {"commit": origin.commit, "dirty": origin.dirty},
        "created": created.isoformat(timespec="seconds"),
        "expires": expires.isoformat(timespec="seconds"),
        "snapshot": msgspec.to_builtins(snapshot),
    }
    return {**document, "digest": digest(document)}


def to_bytes(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_plan(data: bytes, *, name: str, root: str, now: datetime) -> SavedPlan:
    """Read a plan file. `name` is how messages call it, `root` the folder that its relative paths start from.

    Raises Diagnosed where it is no plan, of another format, changed after it was written, or expired.
    """
    try:
        document = json.loads(data)
    except ValueError as error:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} is not JSON: {error}") from error
    if not isinstance(document, dict) or "format_version" not in document or "snapshot" not in document:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} was not written by `vbo-reconcile plan --out`.")
    if str(document["format_version"]).split(".")[0] != FORMAT_VERSION.split(".", maxsplit=1)[0]:
        detail = f"{name} has format {document['format_version']}, and this version reads {FORMAT_VERSION}."
        raise _refused("plan-format", "Plan of another format", detail)
    body = {key: value for key, value in document.items() if key != "digest"}
    if document.get("digest") != digest(body):
        detail = f"The digest in {name} does not fit its content: it was changed after it was written."
        raise _refused("plan-tampered", "Plan was changed", detail)
    try:
        inventory = msgspec.convert(document["snapshot"], Inventory)
        expires = datetime.fromisoformat(document["expires"])
    except (msgspec.ValidationError, ValueError, KeyError, TypeError) as error:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} cannot be read: {error}") from error
    if now >= expires:
        raise _refused("plan-expired", "Plan has expired", f"{name} was good until {document['expires']}.")
    return SavedPlan(document, replace(inventory, access=replace(inventory.access, root=root)))


def _refused(code: str, summary: str, detail: str) -> Diagnosed:
    fix = "Plan again and have the new plan reviewed:\n    vbo-reconcile plan INVENTORY --out FILE"
    return Diagnosed([Diagnostic(code, summary, detail, fix)])
