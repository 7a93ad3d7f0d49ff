"""Saved plans: a reviewed plan in a file that can be applied later.

The file contains the plan as reviewers saw it and nothing else: how to connect, what to run and which guards apply is
in the inventory, which the file names by path and digest. To apply it is to observe again, plan again from the same
inventory, and make the changes that are in both plans; see `recheck`. The digest detects accidents only: an attacker
who changes the file computes it again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from reconciler.inventory.schema import schema_path
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.plan import Action, ChangeKey
from reconciler.model.steps import step_from_json
from reconciler.model.value import canonical, digest, json_text
from reconciler.plan.document import FORMAT_VERSION, PLAN
from reconciler.plan.selection import NO_RUN

_PLAN_AGAIN = "vbo-reconcile plan INVENTORY --out FILE"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a plan comes from: the version of the tool, and the git commit if there is one."""

    tool: str
    commit: str = ""
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan file: `document` is its JSON, `name` stands for it in messages."""

    document: Mapping[str, Any]
    name: str

    @property
    def inventory(self) -> str:
        """The path of its inventory as recorded: relative to the root of the repository, or to the working folder."""
        about = self.document["inventory"]
        return str(PurePosixPath(str(about.get("folder", "")), str(about["main"])))

    @property
    def waivers(self) -> dict[str, str]:
        """The guards that were waived at approval: code to reason."""
        return {str(item["code"]): str(item["waiver"]) for item in self.document["refusals"] if item["waiver"]}

    @property
    def batches(self) -> Sequence[Sequence[str]]:
        """Keys of the changes that disrupt a proxy, batch by batch."""
        return list(self.document.get("batches", ()))

    @property
    def starts_jobs(self) -> bool:
        """False for a plan that was made with --no-run."""
        return all(report["code"] != NO_RUN for report in self.document["reports"])

    def check_made_of(self, digest_now: str, server: str) -> None:
        """Raises Diagnosed if the plan was made of another inventory than the one with this digest and server."""
        about = self.document["inventory"]
        if about["digest"] == digest_now and self.document["server"]["host"] == server:
            return
        git = self.document.get("git", {})
        commit = f" at commit {git['commit']}" if git.get("commit") and not git.get("dirty") else ""
        detail = f"{self.name} was made of another version of its inventory ({self.inventory}{commit})."
        fix = f"Check out that version, or plan again and have it reviewed:\n  {_PLAN_AGAIN}"
        raise Diagnosed([Diagnostic("plan-inventory", "The inventory differs from the plan's", detail, fix)])


def sealed(document: Mapping[str, Any], *, origin: Origin, created: datetime, expires: datetime) -> dict[str, Any]:
    """The content of a plan file: the JSON form of a plan with a digest over itself. Same inputs, same bytes (see
    `to_bytes`)."""
    content = {
        **document,
        "tool": origin.tool,
        "git": {"commit": origin.commit, "dirty": origin.dirty},
        "created": created.isoformat(timespec="seconds"),
        "expires": expires.isoformat(timespec="seconds"),
    }
    return {**content, "digest": digest(content)}


def to_bytes(document: Mapping[str, Any]) -> bytes:
    return (json_text(document, indent=1, sort_keys=True) + "\n").encode()


def read_document(data: bytes, *, name: str) -> dict[str, Any]:
    """Read the JSON form of a plan, saved or printed. `name` stands for it in messages.

    Raises Diagnosed if it is not a plan, has another format, or was changed after it was sealed.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        detail = f"{name} is not JSON, and was not saved with `vbo-reconcile plan --out`."
        raise _refused("plan-unreadable", "Not a plan file", detail) from error
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
    if contradiction := _contradiction(document):
        raise _refused("plan-unreadable", "Not a plan file", f"{name} contradicts itself: {contradiction}.")
    return document


def _contradiction(document: Mapping[str, Any]) -> str:
    """What a plan says twice and not alike, so that it could show something else than what is done; or empty."""
    changes = document["changes"]
    for change in changes:
        if change["key"] != ChangeKey(change["action"], change["address"]):
            return f"the key {change['key']} is of a change that is to {change['action']} {change['address']}"
        paths = [item["path"] for item in change["fields"]]
        if repeated := _repeated(paths):
            return f"{change['key']} has the field {repeated} twice"
    if repeated := _repeated([change["key"] for change in changes]):
        return f"{repeated} is in it twice"
    counts = {action.value: sum(change["action"] == action for change in changes) for action in Action}
    counts |= {"blocked": sum(bool(change["blocked"]) for change in changes), "unknown": len(document["unknown"])}
    said = {**dict.fromkeys(counts, 0), **document["counts"]}  # an earlier format has fewer actions
    if said != counts or document["empty"] is bool(changes):
        return "its counts are not those of its changes"
    grouped = [key for batch in document.get("batches", ()) for key in batch]
    if _repeated(grouped) or not {change["key"] for change in changes}.issuperset(grouped):
        return "its batches are not batches of its changes"
    return ""


def _repeated(names: Sequence[str]) -> str:
    return next((name for name, count in Counter(names).items() if count > 1), "")


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
    if "digest" not in document or "expires" not in document:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} was not saved with `vbo-reconcile plan --out`.")
    if "snapshot" in document or not isinstance(document["inventory"].get("main"), str):
        detail = f"{name} was written by an older version, which kept the inventory in the file."
        raise _refused("plan-format", "Plan format not supported", detail)
    if document["mode"] != PLAN:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} is a {document['mode']}, which is not applied.")
    try:
        expires = datetime.fromisoformat(document["expires"])
        is_over = now >= expires
    except (ValueError, TypeError) as error:
        raise _refused("plan-unreadable", "Not a plan file", f"{name} cannot be read: {error}") from error
    if is_over:
        raise _refused("plan-expired", "Plan has expired", f"{name} expired at {document['expires']}.")
    saved = SavedPlan(document, name)
    if not _is_below(saved.inventory):
        raise _refused("plan-unreadable", "Not a plan file", f"{name} names an inventory outside of the repository.")
    _check_steps(document, name)
    return saved


def _is_below(path: str) -> bool:
    """Whether a recorded path stays below the folder that it starts from, on every system."""
    windows = PureWindowsPath(path)
    return not (path.startswith("/") or windows.drive or windows.root or ".." in windows.parts)


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
    fix = f"Save a new plan and have it reviewed:\n  {_PLAN_AGAIN}"
    return Diagnosed([Diagnostic(code, summary, detail, fix)])
