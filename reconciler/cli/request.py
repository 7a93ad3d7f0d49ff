"""What an apply is asked to do: all of a plan, a part of it, or just what was approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import Choice
from reconciler.model.diagnostic import Diagnosed, Diagnostic

if TYPE_CHECKING:
    from reconciler.plan.saved import SavedPlan


@dataclass(frozen=True, slots=True)
class Request:
    """Waivers, whether everything must be observed, a part of the plan, and the changes that were approved (in their
    JSON form; None where whatever differs is to be done). `begun` are keys of approved changes that an earlier run may
    have done in part; `resumes` is that run."""

    waivers: Mapping[str, str]
    complete: bool
    choice: Choice
    approved: Sequence[Mapping[str, Any]] | None
    begun: frozenset[str] | None = None
    resumes: str = ""
    batch: str = ""


def request_of(
    waivers: Mapping[str, str], choice: Choice, saved: SavedPlan | None, *, complete: bool, batch: str = ""
) -> Request:
    """A saved plan brings its own waivers and sizes of batches; something else may be said when it is applied."""
    if saved is None:
        return Request(waivers, complete, choice, None, batch=batch)
    batch = batch or str(saved.document.get("batch", ""))
    return Request({**saved.waivers, **waivers}, complete, choice, saved.document["changes"], batch=batch)


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
