"""`lock`: list the locks of servers, and break the lock of a run that is dead."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import completions
from reconciler.cli.console import Console
from reconciler.cli.group import Group, pass_console, verbosity_options
from reconciler.cli.options import Output, deliver, format_option, journal_lab_options
from reconciler.model.diagnostic import Diagnostic
from reconciler.operations.errors import ApprovalRequired
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.journal import Holder


_whose = journal_lab_options("Without it: no effect, a lock is of a server.")


@click.group(cls=Group)
def lock() -> None:
    """List the locks of servers, or break the lock of a run that is dead."""


@lock.command("list")
@_whose
@format_option("human", "json")
@verbosity_options
@pass_console
def list_locks(console: Console, outputs: Sequence[Output], *, lab: bool, path: Path | None) -> int:
    """List the locks: their holders, since when, and when they expire."""
    from reconciler.operations import JournalOptions
    from reconciler.operations import list_locks as read_locks
    from reconciler.render.document import document
    from reconciler.render.runs import holder_json, locks_text

    found = read_locks(JournalOptions(lab=lab, inventory=path), console.runtime)
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
@click.argument("lock_id", metavar="ID", shell_complete=completions.locks)
@_whose
@click.option("--yes", is_flag=True, help="Break it without asking.")
@verbosity_options
@pass_console
def break_lock(console: Console, lock_id: str, *, lab: bool, path: Path | None, yes: bool) -> int:
    """Take the lock ID from its holder. A holder that is alive stops before its next step.

    Seldom necessary: the lock of a run that was killed expires after a minute.
    """
    from reconciler.operations import JournalOptions
    from reconciler.operations import break_lock as take_lock
    from reconciler.render.style import clean

    def confirm(holder: Holder) -> bool:
        if not yes and not console.can_ask:
            raise ApprovalRequired
        return yes or console.ask(f"Break the lock of {clean(holder.name)}? It is held by {clean(holder.describe())}.")

    try:
        broken = take_lock(lock_id, JournalOptions(lab=lab, inventory=path), console.runtime, confirm=confirm)
    except ApprovalRequired:
        console.fail([_approval_required(lock_id)])
        return Status.REFUSED
    if broken is None:
        console.report("The lock was not broken.")
        return Status.REFUSED
    console.result(f"Broken: the lock of {clean(broken.name)}, which was held by {clean(broken.describe())}.\n")
    return Status.OK


def _approval_required(lock: str) -> Diagnostic:
    detail = "`lock break` asks before it takes a lock from its holder, and this is not a terminal."
    again = f"vbo-reconcile lock break {shlex.quote(lock)} --yes"
    fix = f"Look who holds it, then confirm:\n  vbo-reconcile lock list\n  {again}"
    return Diagnostic("approval", "Approval is required", detail, fix)
