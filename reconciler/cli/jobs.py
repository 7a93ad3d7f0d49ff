"""`jobs`: run jobs and follow them to their results, or list them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completions
from reconciler.cli.console import Console
from reconciler.cli.group import EitherOrder, Group, pass_console, verbosity_options
from reconciler.cli.options import (
    Output,
    deliver,
    deliver_json,
    format_option,
    inventory_argument,
    lab_option,
    lock_wait_option,
)
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.model.event import Event
    from reconciler.operations import JobRunResult, JobStatus
    from reconciler.operations.events import Notice


@click.group(cls=Group)
def jobs() -> None:
    """Run jobs and follow them to their results, or list them."""


@jobs.command("list")
@inventory_argument
@lab_option
@format_option("human", "json")
@verbosity_options
@pass_console
def list_jobs(console: Console, path: Path, outputs: Sequence[Output], *, lab: bool) -> int:
    """List the jobs of the server, with the results of their last runs. Writes nothing."""
    from reconciler.operations import list_jobs as read_jobs

    found = read_jobs(path, lab=lab, runtime=console.runtime)
    deliver(console, outputs, lambda name, _style: _json(found) if name == "json" else _text(found))
    return Status.OK


def _json(jobs: Sequence[JobStatus]) -> str:
    from reconciler.render.document import document

    return document({"jobs": [asdict(job) for job in jobs]})


def _text(jobs: Sequence[JobStatus]) -> str:
    from reconciler.render.tables import columns

    if not jobs:
        return "The server has no jobs.\n"
    rows = [
        (
            " ".join([job.name, *_remarks(job)]),
            str(job.organization or "?"),
            str(job.repository or "?"),
            str(job.last_status or "never run"),
            _moment(job.last_run) or ("unknown" if job.last_status else "never"),
            _moment(job.next_run) or ("disabled" if job.enabled is False else "none"),
        )
        for job in jobs
    ]
    header = ("JOB", "ORGANIZATION", "REPOSITORY", "LAST RESULT", "LAST RUN (UTC)", "NEXT RUN (UTC)")
    return "".join(f"{line}\n" for line in columns([header, *rows], indent=""))


def _moment(text: str | None) -> str:
    """`2026-10-03 22:00` in UTC; the text of the server if it is not a time."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return text or ""
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%d %H:%M}"


def _remarks(job: JobStatus) -> list[str]:
    return ["(copy job)"] * (job.kind == "copy_job") + ["(not declared)"] * (not job.declared)


@jobs.command("run", cls=EitherOrder)
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completions.jobs)
@inventory_argument
@lab_option
@lock_wait_option
@format_option("human", "json", screen_only=["human"])
@verbosity_options
@pass_console
def run_jobs(
    console: Console, names: Sequence[str], path: Path, outputs: Sequence[Output], *, lab: bool, lock_wait: float
) -> int:
    """Start the jobs NAME... of the inventory at PATH now and follow them to their results.

    A NAME is that of a job or a copy job, or its address (copy_job.NAME). A copy job waits for its job. A job that ends
    as Failed or Stopped gives exit code 3. Takes the lock of the server: an apply may be changing what the jobs work
    with.
    """
    from reconciler.operations import run_jobs as start_jobs

    runtime = replace(console.runtime, listen=console.deferred(partial(_show, console, outputs)))
    return start_jobs(path, names, lab=lab, lock_wait=lock_wait, runtime=runtime).status


def _show(console: Console, outputs: Sequence[Output], event: Notice | Event) -> None:
    """Print what happens, in the order in which it does."""
    from reconciler.cli.run_output import leave, show_errors, show_results
    from reconciler.operations import JobRunResult
    from reconciler.operations.events import Abandoned, Executed, Finished

    match event:
        case Executed(done):
            if not console.machine:
                show_results(console, done)
        case Finished(JobRunResult() as result):
            deliver_json(console, outputs, _result_json(result))
            show_errors(console, result.execution.errors)
        case Abandoned():
            leave(console)
        case _:
            console.hear(event)


def _result_json(result: JobRunResult) -> dict[str, Any]:
    from reconciler.render.results import results_json

    done = result.execution
    return {
        "run": result.run,
        "outcomes": results_json(done.result.outcomes.values()),
        "in_flight": dict(done.result.in_flight),
        "mails": [dict(mail) for mail in done.mails],
    }
