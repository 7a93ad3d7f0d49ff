"""Plan files: writing one, telling one from an inventory, and reading it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler import __version__
from reconciler.cli.console import Console
from reconciler.cli.files import write_private
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.operations.request import PlanRequest, Selection

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.model.plan import Plan
    from reconciler.plan.saved import SavedPlan


def save(
    console: Console, plan: Plan, inventory: Inventory, document: Mapping[str, Any], file: Path, *, hours: float
) -> None:
    """Write the plan file, for nobody else."""
    from reconciler.operations.runtime import utc_now
    from reconciler.plan.saved import Origin, sealed, to_bytes

    created = utc_now()
    expires = created + timedelta(hours=hours)
    until = f"until {expires:%Y-%m-%d %H:%M} UTC"
    origin = Origin(__version__, **document.get("git", {}))
    content = sealed(document, inventory, origin=origin, created=created, expires=expires)
    write_private(file, to_bytes(content))
    if plan.is_empty:
        console.say(f"Saved to {file}; there is nothing in it to apply.")
    elif console.in_ci:
        console.say(f"Saved to {file}, to be applied {until}.")
    else:
        command = f"vbo-reconcile apply {'--lab ' if plan.lab else ''}{shlex.quote(str(file))}"
        console.say(f"Saved to {file}. To do just that, {until}:\n  {command}")


def saved_at(path: Path, root: Path | None) -> SavedPlan | None:
    """The saved plan at `path`; None for an inventory, which has its `root` already. Raises what `load_plan` does."""
    if _is_plan(path):
        return load_plan(path, root)
    if root is not None:
        raise click.UsageError("--root is for a saved plan: an inventory's paths start from its own folder.")
    return None


def _is_plan(path: Path) -> bool:
    """Whether a file is a plan rather than an inventory: it begins as JSON and not as YAML that people write."""
    try:
        with path.open("rb") as stream:
            return path.suffix == ".json" or stream.read(64).lstrip().startswith(b"{")
    except OSError:
        return False


def load_plan(path: Path, root: Path | None) -> SavedPlan:
    """Read a plan file. `root` is the folder of its inventory, where its certificates and keys are; by default where
    it stood in the repository. Raises Diagnosed and OSError."""
    from reconciler.operations.runtime import utc_now
    from reconciler.plan.saved import read_plan

    found = read_plan(path.read_bytes(), name=path.name, now=utc_now())
    folder = root if root is not None else _top() / str(found.document["inventory"].get("folder", ""))
    return found.placed(str(folder.absolute()))


def _top() -> Path:
    """The root of the repository that this runs in, else the folder that it runs in."""
    from reconciler.inventory.history import History

    here = Path.cwd()
    history = History.of(here)
    return history.top if history else here


def request_of(
    waivers: Mapping[str, str], selection: Selection, saved: SavedPlan | None, *, complete: bool, batch: str = ""
) -> PlanRequest:
    """A saved plan brings its own waivers and sizes of batches; something else may be said when it is applied."""
    if saved is None:
        return PlanRequest(waivers=waivers, require_complete=complete, selection=selection, batch=batch)
    return PlanRequest(
        waivers={**saved.waivers, **waivers},
        require_complete=complete,
        selection=selection,
        approved=saved.document["changes"],
        batch=batch or str(saved.document.get("batch", "")),
    )


def check_place(saved: SavedPlan, *, lab: bool, whole: bool) -> None:
    """A plan of the lab is for the lab, and no other one is; and it is applied as a `whole`. Raises Diagnosed and
    UsageError."""
    if not whole:
        raise click.UsageError("A saved plan is applied as it is: leave --resume, --target and --exclude out.")
    if bool(saved.document["lab"]) == lab:
        return
    made, asked = ("in the lab", "outside of it") if saved.document["lab"] else ("for the real server", "in the lab")
    detail = f"It was made {made}, and is to be applied {asked}."
    fix = "Leave --lab out, or plan again with it." if lab else "Say --lab, or plan again without it."
    raise Diagnosed([Diagnostic("plan-foreign", "Plan of another world", detail, fix)])
