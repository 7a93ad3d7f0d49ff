"""The command `vbo-reconcile` itself."""

from __future__ import annotations

import click

from reconciler import __version__
from reconciler.cli.group import Group, verbosity_options

COMMANDS = {
    "init": ("reconciler.cli.init:init", "Write the first inventory of a server, or start import."),
    "import": ("reconciler.cli.import_:import_", "Write the inventory of a server that exists."),
    "validate": ("reconciler.cli.validate:validate", "Check an inventory, offline."),
    "diff": ("reconciler.cli.diff:diff", "Compare two inventories, offline."),
    "plan": ("reconciler.cli.plan:plan", "Show what would change to match an inventory. Writes nothing."),
    "show": ("reconciler.cli.show:show", "Show a saved plan in any format, offline."),
    "apply": ("reconciler.cli.apply:apply", "Make the live state as an inventory declares."),
    "drift": ("reconciler.cli.drift:drift", "Show where the live state is not as declared. Writes nothing."),
    "watch": ("reconciler.cli.watch:watch", "Observe servers again and again, and notify of what changes."),
    "explain": ("reconciler.cli.explain:explain", "Show what is known about one object, and why it would change."),
    "graph": ("reconciler.cli.graph:graph", "Print the topology of an inventory for Graphviz or Mermaid, offline."),
    "doctor": ("reconciler.cli.doctor:doctor", "Check whether everything can be reached, and is fit. Changes nothing."),
    "jobs": ("reconciler.cli.jobs:jobs", "Run jobs and follow them to their results, or list them."),
    "smtp": ("reconciler.cli.smtp:smtp", "Test the mail settings of the server."),
    "runs": ("reconciler.cli.runs:runs", "Show what was applied, by whom, and with what result."),
    "lock": ("reconciler.cli.lock:lock", "List the locks of servers, or break the lock of a dead run."),
    "schema": ("reconciler.cli.schema:schema", "Print a JSON Schema, or the reference of the inventory."),
    "lab": ("reconciler.cli.lab:lab", "Use the lab: an emulated server with its hosts on this machine."),
    "completion": ("reconciler.cli.completion:completion", "Print the completion script of a shell."),
}
SECTIONS = {
    "init": "Inventories",
    "plan": "Plan and apply",
    "explain": "Objects, hosts and jobs",
    "runs": "Journal",
    "schema": "Reference, lab and shell",
}
"""The headings of the help, by the first command below each."""


@click.command(cls=Group, lazy=COMMANDS, sections=SECTIONS)
@click.version_option(__version__, prog_name="vbo-reconcile", message="%(prog)s %(version)s")
@verbosity_options
def root() -> None:
    """Keep the backup proxies of Veeam Backup for Microsoft 365 as an inventory declares them.

    PATH is an inventory: a YAML file, or a folder of them. Typical use:

    \b
      vbo-reconcile validate PATH    is the inventory valid?
      vbo-reconcile plan PATH        what would change, and why?
      vbo-reconcile apply PATH       change it, run the jobs concerned, verify

    With --lab the same happens in the lab, an emulation on this machine.

    \b
    Exit codes: 0 done or nothing to do, 1 error, 2 changes pending (drift, and
    plan --detailed-exitcode), 3 applied in part, 4 refused, 5 approved plan is
    stale, 6 lock held, 64 wrong usage, 130/143 interrupted.
    """
