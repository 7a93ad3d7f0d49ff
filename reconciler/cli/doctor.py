"""`doctor`: can everything be reached, and is it fit? Holds no writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.options import PATH, Output, deliver, format_option, lab_option, parallelism_option
from reconciler.operations.inventory_loader import load_inventory


@click.command(cls=Command)
@click.argument("path", type=PATH, required=False)
@lab_option
@click.option("--checklist", is_flag=True, help="Print what to try by hand on a Windows host, and reach nothing.")
@format_option("human", "json")
@parallelism_option
@talk_options
@pass_console
def doctor(
    console: Console, path: Path | None, outputs: Sequence[Output], *, lab: bool, checklist: bool, parallelism: int
) -> int:
    """Look whether everything that the inventory at PATH names can be reached, and is fit. Changes nothing.

    Secrets, certificates, the REST API and the rights of its account, PowerShell on the server, and every host: its
    name both ways, certificate or host key, login, rights, clock and requirements. Worst first, each with what to do.
    Exits with 1 where something is broken; warnings alone are no failure.
    """
    if checklist:
        from reconciler.doctor.checklist import checklist_text

        console.result(checklist_text())
        return exits.OK
    if path is None:
        raise click.UsageError("Missing argument 'PATH'.", click.get_current_context())
    return _examine(console, path, outputs, lab=lab, parallelism=parallelism)


def _examine(console: Console, path: Path, outputs: Sequence[Output], *, lab: bool, parallelism: int) -> int:
    from reconciler.doctor import CheckContext, check_up, checkup_to_json
    from reconciler.operations.endpoints import open_endpoints
    from reconciler.operations.runtime import utc_now
    from reconciler.render.doctor import checkup_text
    from reconciler.render.document import document
    from reconciler.render.style import Style
    from reconciler.requirements import load_for

    inventory = load_inventory(path, console.runtime, lab=True)  # whether its files are there is one of the checks
    with open_endpoints(inventory, console.runtime, lab=lab) as endpoints:
        playbooks = load_for(inventory)
        ground = CheckContext(inventory, endpoints.access, endpoints.resolver, playbooks, clock=utc_now, now=utc_now())
        checks = check_up(ground, parallel=parallelism)
    data = checkup_to_json(checks, inventory=inventory.name, server=inventory.access.server.host, lab=lab)

    def text(name: str, style: Style) -> str:
        return document(data) if name == "json" else checkup_text(data, style, everything=console.verbose)

    deliver(console, outputs, text)
    return exits.OK if data["ok"] else exits.ERROR
