"""`jobs`: run jobs and follow them to their result, or list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.group import Group, pass_console, talk_options
from reconciler.cli.options import (
    Output,
    deliver,
    deliver_json,
    format_option,
    inventory_argument,
    lab_option,
    lock_wait_option,
)
from reconciler.operations.inventory_loader import load_inventory

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.model.live import Live, LiveResource
    from reconciler.model.plan import Plan


@click.group(cls=Group)
def jobs() -> None:
    """Run jobs and follow them to their result, or list them."""


@jobs.command("list")
@inventory_argument
@lab_option
@format_option("human", "json")
@talk_options
@pass_console
def list_jobs(console: Console, path: Path, outputs: Sequence[Output], *, lab: bool) -> int:
    """List the jobs of the server, with the result of their last run. Writes nothing."""
    from reconciler.operations.session import open_session

    inventory = load_inventory(path, console.runtime, lab=lab)
    with open_session(inventory, console.runtime, lab=lab) as world:
        live = world.observe_server()
    rows = [_row(found, inventory) for _, found in sorted(live.resources.items()) if found.kind == "job"]
    deliver(console, outputs, lambda name, _style: _list_text(name, rows))
    return exits.OK


def _row(found: LiveResource, inventory: Inventory) -> dict[str, Any]:
    from reconciler.model.value import UNKNOWN

    shown = {key: found.fields.get(key) for key in ("organization", "repository", "enabled")}
    return {
        "name": found.name,
        "declared": any(found.name == job.name for job in inventory.of_kind("job")),
        **{key: None if value is UNKNOWN else value for key, value in shown.items()},
        "last_run": found.raw.get("lastRun"),
        "last_status": found.raw.get("lastStatus"),
        "next_run": found.raw.get("nextRun"),
    }


def _list_text(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    if name == "json":
        from reconciler.render.document import document

        return document({"jobs": list(rows)})
    from reconciler.render.tables import columns

    if not rows:
        return "The server has no jobs.\n"
    shown = [
        (
            row["name"] + ("" if row["declared"] else " (not declared)"),
            str(row["organization"] or "?"),
            str(row["repository"] or "?"),
            str(row["last_status"] or "never run"),
            str(row["last_run"] or "-"),
            str(row["next_run"] or "-"),
        )
        for row in rows
    ]
    header = ("JOB", "ORGANIZATION", "REPOSITORY", "LAST RESULT", "LAST RUN", "NEXT RUN")
    return "".join(f"{line}\n" for line in columns([header, *shown], indent=""))


@jobs.command("run")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@inventory_argument
@lab_option
@lock_wait_option
@format_option("human", "json", screen_only=["human"])
@talk_options
@pass_console
def run_jobs(
    console: Console, names: Sequence[str], path: Path, outputs: Sequence[Output], *, lab: bool, lock_wait: float
) -> int:
    """Start the jobs NAME... of the inventory at PATH now and follow them to their results.

    A job that ends as Failed or Stopped gives exit code 3. Not while an apply is under way on the same server, which
    may be moving what the jobs work with.
    """
    from reconciler.cli.performing import (
        exit_of,
        leave_if_asked,
        mails_of,
        new_mails,
        perform,
        show_results,
        tell_errors,
    )
    from reconciler.cli.turn import end, take_turn
    from reconciler.operations.session import open_session
    from reconciler.render.results import results_json

    inventory = load_inventory(path, console.runtime, lab=lab)
    wanted = _declared(names, inventory)
    with (
        open_session(inventory, console.runtime, lab=lab) as world,
        take_turn(console, world, "jobs run", wait=lock_wait) as turn,
    ):
        live = world.observe_server()
        mails = mails_of(world)
        plan = _plan_of(wanted, inventory, live, lab=lab)
        run = turn.begin(plan)
        result = perform(console, world, live, plan, run)
        trouble = end(run, result)
        sent = new_mails(mails, mails_of(world))
        told = {
            "run": turn.run,
            "outcomes": results_json(result.outcomes.values()),
            "in_flight": dict(result.in_flight),
            "mails": [dict(mail) for mail in sent],
        }
        deliver_json(console, outputs, told)
        if not console.machine:
            show_results(console, result, sent)
        tell_errors(console, result.error, trouble)
        leave_if_asked(console, turn, result)
    return exit_of(result, trouble)


def _declared(names: Sequence[str], inventory: Inventory) -> list[str]:
    """The names in order, each once. Raises BadParameter for one that is not declared."""
    known = [job.name for job in inventory.of_kind("job")]
    for name in names:
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise click.BadParameter(f"the inventory declares no job {name!r}.{hint}", param_hint="NAME")
    return list(dict.fromkeys(names))


def _plan_of(names: Sequence[str], inventory: Inventory, live: Live, *, lab: bool) -> Plan:
    """A plan that only runs jobs; one that the server does not have is blocked."""
    from reconciler.model.address import address
    from reconciler.model.plan import Action, Cause, Change, Plan, Reason, Step

    changes = []
    for name in names:
        where = address("job", name)
        missing = "" if where in live.resources else "the server does not have this job yet: apply first"
        steps = () if missing else (Step("job.run", {"name": name}),)
        cause = Cause(Reason.INVENTORY, "asked for on the command line")
        changes.append(Change(where, Action.RUN, (), cause, steps, blocked=missing))
    return Plan(inventory.name, inventory.digest, live.server, tuple(changes), lab=lab)
