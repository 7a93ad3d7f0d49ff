"""`runs`: what was applied, by whom, and what became of it. Reads the journal, and connects to nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Group, pass_console, talk_options
from reconciler.cli.options import Output, deliver, format_option, journal_lab_options
from reconciler.operations.journals import open_journal_of
from reconciler.operations.resume import find_run
from reconciler.operations.status import Status


@click.group(cls=Group)
def runs() -> None:
    """What was applied, by whom, and what became of every change."""


@runs.command("list")
@journal_lab_options
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    metavar="N",
    help="How many, newest first.",
)
@format_option("human", "json")
@talk_options
@pass_console
def list_runs(console: Console, outputs: Sequence[Output], *, lab: bool, path: Path | None, limit: int) -> int:
    """List the latest runs."""
    from reconciler.render.document import document
    from reconciler.render.runs import run_json, runs_text

    with open_journal_of(console.runtime, lab=lab, inventory=path) as journal:
        found = journal.runs(limit)
    deliver(
        console,
        outputs,
        lambda name, style: (
            document({"runs": [run_json(run) for run in found]}) if name == "json" else runs_text(found, style)
        ),
    )
    return Status.OK


@runs.command("show")
@click.argument("run", metavar="RUN")
@journal_lab_options
@format_option("human", "json")
@talk_options
@pass_console
def show_run(console: Console, run: str, outputs: Sequence[Output], *, lab: bool, path: Path | None) -> int:
    """Show what happened to every change of RUN (`last` for the latest): its steps, how long they took, what failed.

    A run that is `killed` ended without a word; a change that is `in flight` in it may have been done or not, which
    the next plan tells.
    """
    from reconciler.render.document import document
    from reconciler.render.runs import run_json, run_text

    with open_journal_of(console.runtime, lab=lab, inventory=path) as journal:
        name = find_run(journal, run)
        found = journal.run(name)
        refusals = journal.plan(name).get("refusals", ())
    deliver(
        console,
        outputs,
        lambda name, style: document(run_json(found, refusals)) if name == "json" else run_text(found, refusals, style),
    )
    return Status.OK
