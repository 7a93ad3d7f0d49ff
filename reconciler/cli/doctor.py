"""`doctor`: check whether everything can be reached, and is fit. Holds no writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import (
    PATH,
    Output,
    deliver,
    executor_option,
    format_option,
    include_root_option,
    lab_option,
    parallelism_option,
    server_option,
    trust_option,
)
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.operations import Checkup
    from reconciler.render.style import Style


@click.command(cls=Command)
@click.argument("path", type=PATH, required=False)
@include_root_option
@trust_option
@server_option
@lab_option
@click.option("--checklist", is_flag=True, help="Print what to check by hand on a Windows host. Offline.")
@format_option("human", "json", "html")
@parallelism_option
@executor_option
@verbosity_options
@pass_console
def doctor(
    console: Console,
    /,
    path: Path | None,
    outputs: Sequence[Output],
    *,
    servers: Sequence[str],
    checklist: bool,
    **more: Any,
) -> int:
    """Check whether everything that the inventory at PATH names can be reached, and is fit. Changes nothing.

    Checks secrets, certificates, the REST API and the rights of its account, PowerShell on the server, and every host:
    its name both ways, certificate or host key, login, rights, clock and requirements. Prints the worst first, each
    with a fix. Exits with 1 if a check failed; warnings are no failure.

    If PATH is a fleet, all its inventories are checked, side by side.
    """
    from reconciler.cli.fleet_path import fleet_at

    if checklist:
        from reconciler.operations.checkup import windows_checklist

        console.result(windows_checklist())
        return Status.OK
    if path is None:
        raise click.UsageError("Missing argument 'PATH'.", click.get_current_context())
    fleet = fleet_at(path, servers)
    if fleet is None:
        return _check(console, path, outputs, **more).status
    from reconciler.cli.fleet import FleetRun, given_options

    run = FleetRun(console, fleet, outputs, _summary, given_options())
    return run.carry_out(
        servers,
        lambda block, member, asked: _check(block, member.path, asked, **{**more, **run.settings(member, **more)}),
    )


def _summary(found: Checkup) -> str:
    from reconciler.render.doctor import verdict

    return verdict(found.document)


def _check(console: Console, path: Path, outputs: Sequence[Output], **more: Any) -> Checkup:
    """The checks of one inventory."""
    from reconciler.operations import doctor as check

    found = check(path, runtime=console.runtime, **more)

    def text(name: str, style: Style) -> str:
        from reconciler.render.doctor import checkup_text
        from reconciler.render.document import document

        if name == "json":
            return document(found.document)
        if name == "html":
            from reconciler.render.html.checkup import checkup_html

            return checkup_html(found.document)
        return checkup_text(found.document, style, everything=console.verbose)

    deliver(console, outputs, text)
    return found
