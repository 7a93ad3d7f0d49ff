"""`init`: write the first inventory of a server, or start `import`. Holds no writer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.console import Console
from reconciler.cli.files import writing
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.import_ import login_of, server_options
from reconciler.cli.import_talk import default_name
from reconciler.cli.options import lab_option, trust_option
from reconciler.operations.first_inventory import CLASSES, LINUX, WINDOWS
from reconciler.operations.request import Selection
from reconciler.operations.status import Status
from reconciler.user_folders import assignment

if TYPE_CHECKING:
    from reconciler.cli.import_talk import Talk
    from reconciler.operations.first_inventory import FirstProxy, Found

_OF_IMPORT: Mapping[str, Any] = {
    "source": None, "layout": None, "answers": {}, "visited": False, "scan": False, "own": False,
    "preview": False, "selection": Selection(),
}  # fmt: skip
"""What `import` takes besides, as without options."""


@click.command(cls=Command)
@server_options
@click.option("--name", metavar="NAME", show_default="from the server", help="Name of the inventory: its owner mark.")
@click.option("--proxy", "host", metavar="HOST", help="Declare this host as the first proxy.")
@click.option(
    "--proxy-class", "kind", type=click.Choice(CLASSES), default=WINDOWS, show_default=True, help="What HOST is."
)
@click.option("--proxy-user", "user", metavar="USER", help="Account that logs in to HOST.")
@click.option(
    "--out", "file", type=click.Path(path_type=Path), metavar="FILE", show_default="NAME.yml", help="Write this file."
)
@click.option("--offline", is_flag=True, help="Do not log in to the server.")
@lab_option
@trust_option
@verbosity_options
@pass_console
def init(console: Console, /, *, file: Path | None, offline: bool, **given: Any) -> int:
    """Write the first inventory of a server: its login, its certificate, one proxy. Passwords stay references.

    \b
      vbo-reconcile init --server vbo01.corp.example.com --username 'CORP\\svc-vbo'

    Logs in to the server to see that it works, and changes nothing. On a terminal it asks what no option says, offers
    to pin a certificate that is not trusted, and starts `import` if the server has proxies already.
    """
    from reconciler.cli.import_talk import Talk
    from reconciler.operations.first_inventory import first_inventory
    from reconciler.operations.private_files import write_private

    given |= {**_OF_IMPORT, "folder": Path()}
    talk = Talk(console, given) if console.can_ask else None
    if talk is not None:
        talk.given = given
        talk.server()
    if not (given["server"] and given["username"]):
        raise click.UsageError("give --server HOST --username USER")
    given["name"] = given["name"] or default_name(given["server"])
    file = writing(click.get_current_context(), file or Path(f"{given['name']}.yml"))
    if file.exists():
        raise click.BadParameter(f"'{file}' exists, and is not overwritten", param_hint="--out")
    found = None if offline else _found(console, given, talk)
    if found is not None:
        console.report(f"Logged in to {given['server']}: REST v{found.rest}, build {found.build}.")
        if found.proxies and _imports(console, given, talk, found):
            return Status.OK
    text = first_inventory(login_of(given), given["name"], _proxy(given, talk))
    write_private(file, text.encode("utf-8"))
    console.world.path = file
    console.report(_next(file, text, lab=given["lab"]))
    return Status.OK


def _found(console: Console, given: dict[str, Any], talk: Talk | None) -> Found:
    """What the server has. A terminal may type the password, and pin a certificate."""
    from reconciler.cli.import_talk import trying, with_password
    from reconciler.operations.first_inventory import try_server

    return trying(
        console,
        given,
        talk,
        lambda: try_server(login_of(given), given["name"], with_password(console, given, talk), lab=given["lab"]),
    )


def _imports(console: Console, given: dict[str, Any], talk: Talk | None, found: Found) -> bool:
    """Import what there is, if that is wanted; without a terminal, say how."""
    from reconciler.cli.import_ import report
    from reconciler.cli.import_talk import import_options, run

    has = "The server has 1 proxy" if found.proxies == 1 else f"The server has {found.proxies} proxies"
    if talk is None:
        options = import_options({**given, "folder": given["name"]}, console.world.trust)
        line = " ".join(["vbo-reconcile import", *options])
        console.report(f"{has}. The inventory of what exists:\n  {line}")
        return False
    if not talk.confirm(f"{has}. Write the inventory of what exists (import)?"):
        return False
    given["folder"] = None
    made, folder = run(console, given, talk)
    report(console, made, folder, talk.given)
    talk.repeat()
    return True


def _proxy(given: Mapping[str, Any], talk: Talk | None) -> FirstProxy | None:
    from reconciler.operations.first_inventory import FirstProxy

    host, kind, user = given["host"], given["kind"], given["user"] or ""
    if talk is not None and host is None:
        host = talk.ask("Host of the first proxy, or none", "none")
        host = None if host == "none" else host
        if host is not None and talk.confirm("Is it a Linux host?"):
            kind = LINUX
        if host is not None and not user and kind == LINUX:
            user = talk.ask("Account that logs in to it", "root")
    return FirstProxy(host=host, kind=kind, username=user) if host else None


def _next(file: Path, text: str, *, lab: bool) -> str:
    variables = [] if lab else re.findall(r"secret://env/(\w+)", text)
    lines = [f"Written: {file}. Next:", *(f"  {assignment(name, '...')}" for name in variables)]
    lines += ["  vbo-reconcile validate PATH", "  vbo-reconcile plan PATH"]
    lines += [] if lab else ["To rehearse it, with nothing to reach:", "  vbo-reconcile apply PATH --lab"]
    return "\n".join(lines)
