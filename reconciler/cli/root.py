"""The command `vbo-reconcile` itself."""

from __future__ import annotations

import click

from reconciler import __version__
from reconciler.cli.group import Group, talk_options

COMMANDS = {
    "validate": ("reconciler.cli.validate:validate", "Check an inventory. Touches no network."),
    "plan": ("reconciler.cli.plan:plan", "Show what differs between an inventory and the live world. Writes nothing."),
    "apply": ("reconciler.cli.apply:apply", "Make the live world as an inventory says."),
    "drift": ("reconciler.cli.drift:drift", "Show where the live world is not as declared. Writes nothing."),
    "diff": ("reconciler.cli.diff:diff", "Compare two inventories, offline."),
    "show": ("reconciler.cli.show:show", "Show a saved plan, in any format."),
    "doctor": ("reconciler.cli.doctor:doctor", "Look whether everything can be reached, and is fit. Changes nothing."),
    "jobs": ("reconciler.cli.jobs:jobs", "Run jobs and follow them, or list them."),
    "smtp": ("reconciler.cli.smtp:smtp", "Try the mail settings of the server."),
    "runs": ("reconciler.cli.runs:runs", "What was applied, by whom, and what became of it."),
    "lock": ("reconciler.cli.lock:lock", "Who is at work on a server; break the lock of a dead run."),
    "schema": ("reconciler.cli.schema:schema", "Print a JSON Schema, for editors and checks."),
    "lab": ("reconciler.cli.lab:lab", "The lab: an emulated server with its hosts on this machine."),
    "completion": ("reconciler.cli.completion:completion", "Print the completion script of a shell."),
}


@click.command(cls=Group, lazy=COMMANDS)
@click.version_option(__version__, prog_name="vbo-reconcile", message="%(prog)s %(version)s")
@talk_options
def root() -> None:
    """Keeps the backup proxies of Veeam Backup for Microsoft 365 as an inventory declares them.

    PATH is an inventory: a YAML file, or a folder of them. The usual way:

    \b
      vbo-reconcile validate PATH    is the inventory right in itself?
      vbo-reconcile plan PATH        what would change, and why?
      vbo-reconcile apply PATH       change it, run the jobs concerned, look again

    With --lab the same happens in an emulated world on this machine.

    \b
    Exit codes: 0 done or nothing to do, 1 error, 2 changes pending (--detailed-exitcode),
    3 applied in part, 4 refused, 5 approved plan is stale, 6 lock held, 64 wrong usage, 130/143 interrupted.
    """
