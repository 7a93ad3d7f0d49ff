"""The JSON form of a plan as reviews show it: with commits, and with what a pull request did not cause."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import Diagnosed, Diagnostic, Severity
from reconciler.operations.events import Warned
from reconciler.operations.git_history import git_state, history_of, inventory_at, no_history, unused_repository

if TYPE_CHECKING:
    from reconciler.inventory.history import History
    from reconciler.model.inventory import Inventory
    from reconciler.model.plan import Plan
    from reconciler.operations.runtime import Runtime

Document = dict[str, Any]


def plan_document(
    plan: Plan, inventory: Inventory, runtime: Runtime, *, mode: str = "plan", base: str | None = None
) -> Document:
    """The JSON form of a plan. Changes that the inventory's commits since the git revision `base` do not cause are
    marked; without `base` the base of the pull request is used in a pipeline. Raises UnknownRevision for a `base` that
    git does not know."""
    from reconciler.inventory.source import printable
    from reconciler.plan import plan_to_json
    from reconciler.plan.review import with_commits
    from reconciler.plan.topology import illustrated

    document = illustrated(plan_to_json(plan, mode), inventory)
    history = history_of(inventory)
    folder = history.folder if history else _folder(inventory)
    document["inventory"] |= {"folder": folder, "main": printable(inventory.main), "files": list(inventory.files)}
    if history is None:
        if base:
            raise no_history(inventory, base)
        if why := unused_repository(inventory):
            runtime.listen(Warned(why))
        return document
    document["git"] = git_state(history, inventory)
    return _compared(with_commits(document, history.commits), inventory, history, base, runtime)


def _folder(inventory: Inventory) -> str:
    """The folder of an inventory, relative to the working directory; empty if it is not below that."""
    from reconciler.inventory.source import printable

    below = os.path.relpath(inventory.access.root)
    return "" if below == "." or below.startswith("..") else printable(Path(below).as_posix())


def _compared(
    document: Document, inventory: Inventory, history: History, base: str | None, runtime: Runtime
) -> Document:
    from reconciler.inventory.history import UnknownRevision
    from reconciler.plan.access import access_changes, access_warnings
    from reconciler.plan.document import DIFF, diagnostic_to_json
    from reconciler.plan.review import touched, with_base

    revision = base or _base_of_pipeline(runtime.environment)
    if not revision:
        return document
    try:
        commit = history.base(revision)
    except UnknownRevision as error:
        if base:
            raise
        runtime.report(f"Changes are not compared with the base of this review: {error}")
        return document
    try:
        with inventory_at(history, commit, inventory) as old:
            changed, introduced = access_changes(old, inventory), touched(old, inventory)
    except Diagnosed as error:
        runtime.listen(Warned(_broken_base(revision, error)))
        return document
    warnings = access_warnings(changed) if document["mode"] != DIFF else ()
    problems = [*map(diagnostic_to_json, warnings), *document["problems"]]
    compared = with_base(document, {"revision": revision, "commit": commit}, introduced)
    return {**compared, "problems": problems}


def _base_of_pipeline(environment: Mapping[str, str]) -> str:
    """The target of a pull request, in the variables of GitHub and GitLab."""
    target = environment.get("GITHUB_BASE_REF")
    return f"origin/{target}" if target else environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "")


def _broken_base(revision: str, error: Diagnosed) -> Diagnostic:
    return Diagnostic(
        code="base",
        summary="The base cannot be compared with",
        detail=f"The inventory at {revision} has errors itself: {error.diagnostics[0].detail}",
        fix="Changes are shown without marking which of them this review caused.",
        severity=Severity.WARNING,
    )
