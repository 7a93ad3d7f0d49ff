"""Saved plans: a reviewed plan in a file that can be applied later.

The file contains the plan as reviewers saw it, and a snapshot of its inventory (references instead of secrets, relative
paths only). To apply it is to observe again, plan again from the snapshot, and make the changes that are in both plans;
see `recheck`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from reconciler.inventory.schema import schema_path
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.inventory import Inventory
from reconciler.model.steps import step_from_json
from reconciler.model.value import canonical, digest, json_text
from reconciler.plan.document import FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plan comes from: the version of the tool, and the git commit if there is one."""

    tool: str
    commit: str = ""
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan file: `document` is its JSON, `inventory` the snapshot, whose relative paths have no folder yet."""

    document: Mapping[str, Any]
    inventory: Inventory

    def placed(self, root: str) -> SavedPlan:
        """The same with the folder of the inventory's relative paths."""
        return replace(self, inventory=replace(self.inventory, access=replace(self.inventory.access, root=root)))

    @property
    def waivers(self) -> dict[str, str]:
        """The guards that were waived at approval: code to reason."""
        return {str(item["code"]): str(item["waiver"]) for item in self.document["refusals"] if item["waiver"]}


def sealed(
    document: Mapping[str, Any], inventory: Inventory, *, origin: Origin, created: datetime, expires: datetime
) -> dict[str, Any]:
    """The content of a plan file: the JSON form of a plan with a digest over itself. Same inputs, same bytes (see
    `to_bytes`)."""
    snapshot = replace(inventory, access=replace(inventory.access, root=""))
    content = {
        **document,
        "tool": origin.tool,
        "git": {"commit": origin.commit, "dirty": origin.dirty},
        "created": created.isoformat(timespec="seconds"),
        "expires": expires.isoformat(timespec="seconds"),
        "snapshot": msgspec.to_builtins(snapshot, enc_hook=_plain),
    }
    return {**content, "digest": digest(content)}


def _plain(value: Any) -> Any:
    """For msgspec: the lazy mappings of an inventory as dictionaries."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a snapshot cannot hold {type(value).__name__}")


def to_bytes(document: Mapping[str, Any]) -> bytes:
    return (json_text(document, indent=1, sort_keys=True) + "\n").encode()


def read_document(data: bytes, *, name: str) -> dict[str, Any]:
    """Read the JSON form of a plan, saved or printed. `name` stands for it in messages.

    Raises Diagnosed if it is not a plan, has another format, or was changed after it was sealed.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} is not JSON: {error}") from error
    if not isinstance(document, dict) or "format_version" not in document:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} is not a plan of `vbo-reconcile`.")
    if str(document["format_version"]).split(".")[0] != FORMAT_VERSION.split(".", maxsplit=1)[0]:
        detail = f"{name} has format {document['format_version']}; this version reads {FORMAT_VERSION}."
        raise _refused("plan-format", "Plan format not supported", detail)
    if _is_deep(document):
        raise _refused("plan-unreadable", "Not a plan file", f"{name} is nested more deeply than any plan.")
    try:
        canonical(document).encode()
    except UnicodeEncodeError as error:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} has an incomplete character: {error}") from error
    body = {key: value for key, value in document.items() if key != "digest"}
    if "digest" in document and document["digest"] != digest(body):
        detail = f"The digest in {name} does not match its content: the file was changed after it was written."
        raise _refused("plan-tampered", "Plan was changed", detail)
    if misfit := _misfit(document):
        raise _refused("plan-unreadable", "Not a plan file", f"{name} does not match the schema of plans at {misfit}.")
    return document


_DEEPEST = 100
"""No plan is nested this deeply; a document that is could exhaust the stack of its readers."""


def _is_deep(document: Any) -> bool:
    level = [document]
    for _ in range(_DEEPEST):
        level = [
            part
            for node in level
            if isinstance(node, dict | list)
            for part in (node.values() if isinstance(node, dict) else node)
        ]
    return bool(level)


def _misfit(document: Mapping[str, Any]) -> str:
    """Where and how a document first violates the schema of plans; empty if it does not."""
    from jsonschema_rs import Draft202012Validator

    validator = Draft202012Validator(json.loads((schema_path().parent / "plan.schema.json").read_text("utf-8")))
    if validator.is_valid(document):
        return ""
    first = next(iter(validator.iter_errors(document)))
    return f"{'.'.join(map(str, first.instance_path)) or 'the top level'}: {first.message[:200]}"


def read_plan(data: bytes, *, name: str, now: datetime) -> SavedPlan:
    """Read a plan file that is to be applied. Raises Diagnosed as `read_document` does, and if it has expired or was
    never sealed."""
    document = read_document(data, name=name)
    if "snapshot" not in document or "digest" not in document:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} was not saved with `vbo-reconcile plan --out`.")
    try:
        inventory = msgspec.convert(document["snapshot"], Inventory)
        expires = datetime.fromisoformat(document["expires"])
    except (msgspec.ValidationError, ValueError, KeyError, TypeError) as error:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} cannot be read: {error}") from error
    if now >= expires:
        raise _refused("plan-expired", "Plan has expired", f"{name} expired at {document['expires']}.")
    _check_steps(document, name)
    return SavedPlan(document, inventory)


def _check_steps(document: Mapping[str, Any], name: str) -> None:
    """Raises Diagnosed for a step that this version does not know, or whose parameters do not fit it."""
    for change in document["changes"]:
        for number, step in enumerate(change["steps"], 1):
            try:
                step_from_json(step["verb"], step["params"])
            except ValueError as error:
                detail = f"{name} has a step that this version cannot run: step {number} of {change['key']}: {error}."
                raise _refused("plan-format", "Plan of another format", detail) from error


def _refused(code: str, summary: str, detail: str) -> Diagnosed:
    fix = "Save a new plan and have it reviewed:\n    vbo-reconcile plan INVENTORY --out FILE"
    return Diagnosed([Diagnostic(code, summary, detail, fix)])
