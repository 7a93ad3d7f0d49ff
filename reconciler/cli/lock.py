"""`lock`: who is at work on a server, and taking the lock of somebody who is not any more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Group, pass_console, talk_options
from reconciler.cli.options import Output, deliver, format_option, journal_lab_options
from reconciler.model.diagnostic import Diagnostic
from reconciler.operations.journals import open_journal_of
from reconciler.operations.status import Status


@click.group(cls=Group)
def lock() -> None:
    """Who is at work on a server, and breaking the lock of a run that is certainly dead."""


@lock.command("list")
@journal_lab_options
@format_option("human", "json")
@talk_options
@pass_console
def list_locks(console: Console, outputs: Sequence[Output], *, lab: bool, path: Path | None) -> int:
    """List the locks: whose they are, since when, and when they end by themselves."""
    from reconciler.render.document import document
    from reconciler.render.runs import holder_json, locks_text

    with open_journal_of(console.runtime, lab=lab, inventory=path) as journal:
        found = journal.locks.list()
    deliver(
        console,
        outputs,
        lambda name, style: (
            document({"locks": [holder_json(holder) for holder in found]})
            if name == "json"
            else locks_text(found, style)
        ),
    )
    return Status.OK


@lock.command("break")
@click.argument("lock_id", metavar="ID")
@journal_lab_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@talk_options
@pass_console
def break_lock(console: Console, lock_id: str, *, lab: bool, path: Path | None, yes: bool) -> int:
    """Take the lock ID from its owner. Where that is alive after all, it stops before its next step.

    Seldom needed: the lock of a run that was killed ends by itself after a minute.
    """
    with open_journal_of(console.runtime, lab=lab, inventory=path) as journal:
        holder = next((item for item in journal.locks.list() if item.id == lock_id), None)
        if holder is not None and not yes:
            if not console.can_ask:
                console.fail([_NOBODY_TO_ASK])
                return Status.REFUSED
            if not console.ask(f"Break the lock of {holder.name}? It is held by {holder.describe()}."):
                console.say("The lock is as it was.")
                return Status.REFUSED
        broken = journal.locks.break_(lock_id)
    console.result(f"Broken: the lock of {broken.name}, which was held by {broken.describe()}.\n")
    return Status.OK


_NOBODY_TO_ASK = Diagnostic(
    code="approval",
    summary="Nobody to ask",
    detail="`lock break` asks before it takes a lock from somebody, and there is no terminal to ask on.",
    fix="Look who has it, then say that you are sure:\n  vbo-reconcile lock list\n  vbo-reconcile lock break ID --yes",
)
