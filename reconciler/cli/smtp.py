"""`smtp test`: let the server send a test mail with the settings that it has."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.group import Command, Group, pass_console, talk_options
from reconciler.cli.options import inventory_argument, lab_option
from reconciler.operations.inventory_loader import load_inventory


@click.group(cls=Group)
def smtp() -> None:
    """Try the mail settings of the server."""


@smtp.command("test", cls=Command)
@inventory_argument
@lab_option
@talk_options
@pass_console
def test_mail(console: Console, path: Path, *, lab: bool) -> int:
    """Let the server send a test mail, with the settings that it has now (not those of the inventory).

    Changes nothing on the server, so it waits for no lock and stands in no journal.
    """
    from reconciler.cli.performing import mails_of, new_mails
    from reconciler.operations.session import open_session
    from reconciler.render.results import mails_text

    inventory = load_inventory(path, console.runtime, lab=lab)
    with open_session(inventory, console.runtime, lab=lab) as world:
        before = mails_of(world)
        settings = world.reader.get("VboEmailSettings")
        world.writer().act("VboEmailSettings", "SendTestEmail")
        sent = new_mails(before, mails_of(world))
    server = f"{settings.get('smtpServer')}:{settings.get('port')}"
    to = settings.get("to") or "nobody"
    console.result(f"The server accepted it: a test mail from {settings.get('from')} to {to} through {server}.\n")
    console.result(mails_text(sent, console.out_style))
    return exits.OK
