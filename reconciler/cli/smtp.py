"""`smtp test`: let the server send a test mail with the settings that it has."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, Group, pass_console, verbosity_options
from reconciler.cli.options import inventory_argument, lab_option
from reconciler.operations.status import Status


@click.group(cls=Group)
def smtp() -> None:
    """Test the mail settings of the server."""


@smtp.command("test", cls=Command)
@inventory_argument
@lab_option
@verbosity_options
@pass_console
def test_mail(console: Console, path: Path, *, lab: bool) -> int:
    """Let the server send a test mail with its current settings, not those of the inventory.

    Changes nothing on the server, so it takes no lock and is not recorded in the journal.
    """
    from reconciler.operations import send_test_mail
    from reconciler.render.results import mails_text
    from reconciler.render.style import clean

    test = send_test_mail(path, lab=lab, runtime=console.runtime)
    settings = {name: clean(str(value)) for name, value in test.settings.items() if value}
    server = f"{settings.get('smtpServer')}:{settings.get('port')}"
    to = settings.get("to", "no recipient")
    console.result(f"The server accepted a test mail from {settings.get('from')} to {to} through {server}.\n")
    console.result(mails_text(test.mails, console.out_style))
    return Status.OK
