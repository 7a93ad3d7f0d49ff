"""`import`: write the inventory of a server that exists. Holds no writer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completions
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import (
    PATH,
    Output,
    deliver,
    format_option,
    include_root_option,
    lab_option,
    selection_options,
    trust_option,
)
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.importing.hosts import HostScan
    from reconciler.operations import ImportResult, ServerLogin

CLASSES = ("windows-domain", "windows-workgroup", "linux")
METHODS = ("password", "key", "agent")


def _reference(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith("secret://"):
        raise click.BadParameter("a password is a reference, secret://env/NAME for example, and never an argument")
    return value


def _logins(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for value in values:
        name, separator, rest = value.partition("=")
        username, _, method = rest.partition(",")
        if not separator or name not in CLASSES or not username or method not in ("", *METHODS):
            raise click.BadParameter(
                f"{value!r} is not of the form CLASS=USER or CLASS=USER,key; classes: {', '.join(CLASSES)}"
            )
        if method in ("key", "agent") and name != "linux":
            raise click.BadParameter(f"{value!r}: Windows hosts are reached with a password")
        found[name] = (username, method or "password")
    return found


def server_options(function: Any) -> Any:
    """How a server is reached that no inventory names."""
    for option in (
        click.option("--fingerprint", metavar="sha256:…", help="Accept this certificate of the server only."),
        click.option(
            "--ca-file", metavar="FILE", shell_complete=completions.files,
            help="Trust the authorities in this PEM file.",
        ),
        click.option(
            "--password", callback=_reference, metavar="secret://…", shell_complete=completions.secrets, show_default="secret://env/VBO_PASSWORD",
            help="Reference to the password; a terminal asks for a password that is not set.",
        ),
        click.option("--username", metavar="USER", help="Account that logs in to the server."),
        click.option("--port", type=click.IntRange(1, 65535), metavar="N", show_default="4443", help="Its REST port."),
        click.option("--server", metavar="HOST", help="Management server to import."),
    ):  # fmt: skip
        function = option(function)
    return function


@click.command("import", cls=Command)
@server_options
@click.option(
    "--from", "source", type=PATH, metavar="PATH", help="Inventory that names the server, in place of --server."
)
@click.option("--out", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Write the files there.")
@click.option("--stdout", "preview", is_flag=True, help="Print the inventory in place of writing files.")
@click.option(
    "--name", metavar="NAME", show_default="that of --from", help="Name of the new inventory: its owner mark."
)
@click.option(
    "--layout",
    type=click.Choice(["one", "split"]),
    show_default="one up to 30 objects",
    help="Write one file, or one for proxies, one for repositories, and one for the jobs of each organization.",
)
@click.option(
    "--login",
    "answers",
    multiple=True,
    callback=_logins,
    metavar="CLASS=USER[,HOW]",
    help=f"Account of the hosts of a class of proxies ({', '.join(CLASSES)}); HOW is {', '.join(METHODS)}.",
)
@click.option("--diff", is_flag=True, help="Compare the server with the inventory of --from or --out; write nothing.")
@click.option(
    "--scan-hosts",
    "scan",
    is_flag=True,
    help="Ask the hosts of the proxies for their host keys and certificates; sends them no login.",
)
@click.option("--own", is_flag=True, help="Print the command that owns what is imported, not that which watches it.")
@click.option("--visit-hosts", "visited", is_flag=True, help="Let later commands visit the hosts of the proxies.")
@format_option("human", "json")
@lab_option
@selection_options
@include_root_option
@trust_option
@verbosity_options
@pass_console
def import_(console: Console, /, outputs: Sequence[Output], *, diff: bool, **given: Any) -> int:
    """Write the inventory of a server that exists, whose plan has no changes.

    Reads the server with GET and the login only. On a terminal it asks what no option says.
    """  # fmt: skip
    from reconciler.cli.import_talk import Talk, run

    if diff:
        return _diff(console, outputs, given)
    if any(output.name != "human" for output in outputs):
        raise click.UsageError("--format is for --diff")
    talk = Talk(console, given) if console.can_ask else None
    given["source"] = _source(given, asks=talk is not None)
    made, folder = run(console, given, talk)
    if given["preview"]:
        console.result("".join(text for name, text in made.files.items() if name.endswith(".yml")))
    report(console, made, folder, given)
    if talk is not None:
        talk.repeat()
    return made.status


def _diff(console: Console, outputs: Sequence[Output], given: Mapping[str, Any]) -> int:
    from reconciler.operations import undeclared
    from reconciler.operations.import_source import inventory_in
    from reconciler.render.document import document
    from reconciler.render.undeclared import undeclared_text

    folder = given["folder"]
    path = given["source"] or (inventory_in(folder) if folder is not None else None)
    if path is None:
        raise click.UsageError("--diff needs the inventory: --from PATH, or --out FOLDER of an import")
    found = undeclared(path, lab=given["lab"], selection=given["selection"], runtime=console.runtime)
    data = found.data()
    deliver(console, outputs, lambda form, _style: document(data) if form == "json" else undeclared_text(data))
    return Status.OK


def _source(given: Mapping[str, Any], *, asks: bool) -> Path | None:
    """The inventory that names the server; None if options or answers do. Raises UsageError for what does not fit."""
    from reconciler.operations.import_source import inventory_in

    source: Path | None = given["source"]
    server, folder = given["server"], given["folder"]
    if source is not None and server is not None:
        raise click.UsageError("give --server or --from, not both")
    if folder is not None and given["preview"]:
        raise click.UsageError("give --out FOLDER for the files, or --stdout for a preview, not both")
    if source is None and server is None and folder is not None and folder.is_dir():
        return inventory_in(folder)
    if asks:
        return source
    if source is None and not (server and given["username"]):
        raise click.UsageError("give --server HOST --username USER, or --from PATH")
    if folder is None and not given["preview"]:
        raise click.UsageError("give --out FOLDER for the files, or --stdout for a preview")
    return source


def login_of(given: Mapping[str, Any]) -> ServerLogin:
    """The login that options name."""
    from reconciler.operations import ServerLogin

    said = {name: given[name] for name in ("username", "password", "port", "ca_file", "fingerprint") if given[name]}
    return ServerLogin(host=given["server"], **said)


def report(console: Console, made: ImportResult, folder: Path | None, given: Mapping[str, Any]) -> None:
    """Print what was imported, what its plan is, and the next command."""
    from reconciler.importing.report import counts

    facts = made.facts
    part, where = len({item.address for item in facts.in_part}), " (IMPORT.md)" if folder else ""
    ends = [f"Imported {counts(made.new) or 'nothing new'}"]
    ends += [f"{part} in part{where}"] if part else []
    ends += [f"{len(facts.omitted)} not imported{where}"] if facts.omitted else []
    ends += [f"{len(facts.gone)} declared and not on the server{where}"] if facts.gone else []
    console.report(f"{'; '.join(ends)}. {_plan_text(made)}")
    for item in made.doubts:
        console.report(f"{item.summary}: {item.detail} {item.fix}")
    if facts.warnings:
        console.report(f"The plan has {_count(len(facts.warnings), 'warning')}{where}.")
    if facts.scanned:
        console.report(_scan_text(facts.scanned.values(), where))
    if folder is not None:
        console.report(f"Next: {folder / 'IMPORT.md'}")
        console.world.path = folder / facts.main
        what, why = ("apply --adopt PATH", "To own it") if given["own"] else ("drift PATH", "To watch it")
        console.report(f"{why}:\n  vbo-reconcile {what}")


def _scan_text(scanned: Collection[HostScan], where: str) -> str:
    answered = sum(not scan.error for scan in scanned)
    unverified = sum(scan.is_unverified for scan in scanned)
    text = f"Scanned {len(scanned)} hosts: {answered} answered"
    if unverified:
        text += f"; keys and certificates that were seen and not verified: {unverified}"
    return f"{text}{where}."


def _plan_text(made: ImportResult) -> str:
    if made.differences:
        changes = "\n".join(
            f"  {change.action.value} {change.address}: {', '.join(field.path for field in change.fields)}"
            for change in made.differences
        )
        return f"Plan: not empty, which is a bug of this program:\n{changes}"
    if made.states and len(made.states) == len(made.plan.changes):
        pending = ", ".join(f"{change.action.value} {change.address}" for change in made.states)
        return f"Plan: no changes of what is declared; pending on the server: {pending}."
    if made.plan.changes:
        return f"Plan: {_count(len(made.plan.changes), 'change')} of what was declared or applied before."
    return "Plan: no changes."


def _count(number: int, word: str) -> str:
    return f"{number} {word if number == 1 else word + 's'}"
