"""`runs`: what was applied, by whom, and with what result. Reads the journal, and connects to nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli import completions
from reconciler.cli.console import Console
from reconciler.cli.group import Group, pass_console, verbosity_options
from reconciler.cli.options import Output, deliver, format_option, journal_lab_options
from reconciler.operations.status import Status

_whose = journal_lab_options("Without it: only its runs.")


@click.group(cls=Group)
def runs() -> None:
    """Show what was applied, by whom, and with what result."""


@runs.command("list")
@_whose
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    metavar="N",
    help="List at most N runs.",
)
@format_option("human", "json")
@verbosity_options
@pass_console
def list_runs(console: Console, outputs: Sequence[Output], *, lab: bool, path: Path | None, limit: int) -> int:
    """List the latest runs, newest first."""
    from reconciler.operations import JournalOptions
    from reconciler.operations import list_runs as read_runs
    from reconciler.render.document import document
    from reconciler.render.runs import run_json, runs_text

    found = read_runs(limit, JournalOptions(lab=lab, inventory=path), console.runtime)
    deliver(
        console,
        outputs,
        lambda name, style: (
            document({"runs": [run_json(run) for run in found]}) if name == "json" else runs_text(found, style)
        ),
    )
    return Status.OK


@runs.command("show")
@click.argument("run", metavar="RUN", shell_complete=completions.runs)
@_whose
@format_option("human", "json")
@verbosity_options
@pass_console
def show_run(console: Console, run: str, outputs: Sequence[Output], *, lab: bool, path: Path | None) -> int:
    """Show every change of RUN (`last` for the latest): its steps, how long they took, and what failed.

    A run that is `killed` ended without a record. A change that is `in flight` in it may be done or not: the next plan
    shows which.
    """
    from reconciler.operations import JournalOptions
    from reconciler.operations import show_run as read_run
    from reconciler.render.document import document
    from reconciler.render.runs import run_json, run_text

    found = read_run(run, JournalOptions(lab=lab, inventory=path), console.runtime)
    record, refusals = found.record, found.refusals
    deliver(
        console,
        outputs,
        lambda name, style: (
            document(run_json(record, refusals))
            if name == "json"
            else console.world.completed(run_text(record, refusals, style))
        ),
    )
    return Status.OK
