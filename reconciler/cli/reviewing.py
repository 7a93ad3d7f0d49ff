"""What people and pipelines are shown of a plan: its document with commits and base, in every format asked for.

In a pipeline of GitHub the same also goes where its pages show it: annotations at the lines of the inventory (on
standard error, since standard output is the result) and the summary of the step.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.cli.console import Console
from reconciler.cli.options import Output, deliver
from reconciler.model.diagnostic import Diagnosed, Diagnostic, Severity

if TYPE_CHECKING:
    from reconciler.inventory.history import History
    from reconciler.model.inventory import Inventory
    from reconciler.model.plan import Plan

Document = dict[str, Any]


def document_of(
    console: Console, plan: Plan, inventory: Inventory, *, mode: str = "plan", base: str | None = None
) -> Document:
    """The JSON form of a plan as reviews show it. `base` is a revision of git: changes that it does not explain are
    marked. Raises UnknownRevision for a base that somebody named and git does not know."""
    from reconciler.plan import plan_to_json
    from reconciler.plan.review import with_commits
    from reconciler.plan.topology import illustrated

    document = illustrated(plan_to_json(plan, mode), inventory)
    history = history_of(inventory)
    document["inventory"]["folder"] = history.folder if history else _folder(inventory)
    if history is None:
        if base:
            raise no_history(inventory, base)
        return document
    document["git"] = git_of(history, inventory)
    return _against(console, with_commits(document, history.commits), inventory, history, base)


def history_of(inventory: Inventory) -> History | None:
    from reconciler.inventory.history import History

    return History.of(Path(inventory.access.root))


def no_history(inventory: Inventory, base: str) -> Diagnosed:
    """Why `base` cannot be looked up where git knows nothing of an inventory."""
    from reconciler.inventory.history import History

    detail = f"{base!r} is looked for in git, which has no history of the inventory: "
    why = History.why_none(Path(inventory.access.root))
    fix = "Check the repository, or compare two files:\n  vbo-reconcile diff OLD NEW"
    return Diagnosed([Diagnostic("base", "No such base", f"{detail}{why}.", fix)])


def git_of(history: History, inventory: Inventory) -> dict[str, Any]:
    """The commit that the inventory was read from, and whether it has changes that are not committed."""
    return {"commit": history.commit(), "dirty": history.is_dirty(inventory.files)}


def _folder(inventory: Inventory) -> str:
    """Where the inventory stands, seen from here; empty for what is elsewhere."""
    below = os.path.relpath(inventory.access.root)
    return "" if below == "." or below.startswith("..") else Path(below).as_posix()


def _against(
    console: Console, document: Document, inventory: Inventory, history: History, base: str | None
) -> Document:
    from reconciler.inventory.history import UnknownRevision
    from reconciler.plan.review import touched, with_base

    revision = base or _base_of_pipeline(console.environment)
    if not revision:
        return document
    try:
        commit = history.base(revision)
    except UnknownRevision as error:
        if base:
            raise
        console.say(f"Changes are not compared with the base of this review: {error}")
        return document
    try:
        old = inventory_at(history, commit, inventory.main)
    except Diagnosed as error:
        _tell_broken_base(console, revision, error)
        return document
    return with_base(document, {"revision": revision, "commit": commit}, touched(old, inventory))


def _base_of_pipeline(environment: Mapping[str, str]) -> str:
    """What a pull request goes into, as GitHub and GitLab say it."""
    target = environment.get("GITHUB_BASE_REF")
    return f"origin/{target}" if target else environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "")


def inventory_at(history: History, commit: str, main: str) -> Inventory | None:
    """The inventory as it was at `commit`; None where there was none. `main` is its file, empty for its folder.
    Raises Diagnosed where it had errors."""
    from reconciler.operations.inventory_loader import read_inventory

    with tempfile.TemporaryDirectory(prefix="vbo-reconcile-") as there:
        folder = history.export(commit, Path(there))
        path = folder / main if main else folder
        if not path.exists():
            return None
        inventory, found = read_inventory(path, lab=True)
    if inventory is None:
        raise Diagnosed(found)
    return inventory


def _tell_broken_base(console: Console, revision: str, error: Diagnosed) -> None:
    first = error.diagnostics[0]
    console.problems(
        [
            Diagnostic(
                code="base",
                summary="The base cannot be compared with",
                detail=f"The inventory at {revision} has errors itself: {first.detail}",
                fix="Changes are shown without saying which of them this review caused.",
                severity=Severity.WARNING,
            )
        ]
    )


def show(console: Console, document: Mapping[str, Any], outputs: Sequence[Output]) -> None:
    """Write a document in every format, and to the pages of the pipeline that this runs in."""
    from reconciler.render import renderer

    console.record(document["mode"], document)
    deliver(console, outputs, lambda name, style: renderer(name)(document, style))
    if console.environment.get("GITHUB_ACTIONS") == "true":
        _tell_github(console, document)


def _tell_github(console: Console, document: Mapping[str, Any]) -> None:
    from reconciler.render import renderer
    from reconciler.render.style import Style

    console.announce(renderer("annotations")(document, Style()))
    add_to_page(console, lambda: renderer("markdown")(document, Style()))


def add_to_page(console: Console, markdown: Callable[[], str]) -> None:
    """Add to the summary of the step, where this is a step of GitHub Actions. A page is not worth failing for."""
    summary = console.environment.get("GITHUB_STEP_SUMMARY")
    if not summary or console.environment.get("GITHUB_ACTIONS") != "true":
        return
    try:
        with Path(summary).open("a", encoding="utf-8") as page:
            page.write(markdown() + "\n")
    except OSError as error:
        console.say(f"The summary of this step could not be written: {error.strerror}.")
