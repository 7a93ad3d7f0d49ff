"""`lab`: keep the emulated server and hosts running, look at them, change them, reset them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler import timing
from reconciler.cli import completions
from reconciler.cli.console import Console
from reconciler.cli.group import Group, pass_console, verbosity_options
from reconciler.cli.options import PATH, Output, deliver, format_option, include_root_option
from reconciler.model.value import json_text
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.operations.lab import Lab


@click.group(cls=Group)
def lab() -> None:
    """Use the lab: an emulated server with its hosts on this machine.

    PATH is the inventory that the lab is built from, by default the shipped demo. Each inventory has a separate lab.
    """


def _path(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("path", type=PATH, required=False)(include_root_option(function))


@lab.command("serve")
@_path
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="Print addresses and logins in this format.",
)
@verbosity_options
@pass_console
def serve(console: Console, path: Path | None, form: str) -> int:
    """Keep the lab of the inventory at PATH running until Ctrl-C.

    Prints where everything is and how to log in: for people, or as one line of JSON.
    """
    console.machine = form == "json"
    with _open(console, path) as running:
        ends = running.endpoints()
        console.result(json_text(ends) + "\n" if form == "json" else _endpoints_text(ends))
        console.flush()
        console.settle()
        try:
            wait_for_interrupt()
        except KeyboardInterrupt:
            console.interrupts.ended()
            console.report("\nThe lab is stopped; its state is kept.")
    return Status.OK


def wait_for_interrupt() -> None:
    while True:
        timing.sleep(1.0)  # a wait without an end does not notice one on Windows


def _endpoints_text(ends: Mapping[str, Any]) -> str:
    from reconciler.render.tables import columns

    place = ends["smtp"]
    smtp = f"{place['host']}:{place['port']} ({place['name']}, security {place['security']})" if place else "none"
    hosts = [("HOST", "TRANSPORT", "ADDRESS", "PORT", "USER", "PASSWORD OR FILES"), *map(_host_row, ends["hosts"])]
    login = [f"{key}={ends[key]}" for key in ("username", "password")]
    form = [word for value in ("grant_type=password", *login) for word in ("--data-urlencode", value)]
    curl = ["curl", "--cacert", str(ends["ca_file"]), *form, str(ends["token_url"])]
    lines = [
        "This is the lab: an emulation on this machine. Ctrl-C stops it.",
        "",
        *columns([(key, str(ends[key])) for key in ("url", "ca_file", "username", "password")], indent=""),
        *columns([("smtp    ", smtp)], indent=""),
        "",
        *columns(hosts, indent=""),
        "",
        "To log in to its REST API:",
        f"  {shlex.join(curl)}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _host_row(host: Mapping[str, Any]) -> tuple[str, ...]:
    login = [str(host[key]) for key in ("password", "cert_file", "key_file") if host.get(key)]
    return (*(str(host[key]) for key in ("name", "transport", "address", "port", "username")), ", ".join(login))


@lab.command("status")
@_path
@format_option("human", "json")
@verbosity_options
@pass_console
def status(console: Console, path: Path | None, outputs: Sequence[Output]) -> int:
    """Show what the lab holds: its hosts, its settings, the mails so far."""
    with _open(console, path) as running:
        state = running.status()
    deliver(console, outputs, lambda name, _style: _json(state) if name == "json" else _indented(state))
    return Status.OK


def _json(state: Mapping[str, Any]) -> str:
    from reconciler.render.document import document

    return document(state)


def _indented(state: Mapping[str, Any], indent: str = "") -> str:
    """Nested maps and lists as indented lines."""
    from reconciler.render.values import text_of

    text = ""
    for key, value in state.items():
        if isinstance(value, Mapping) and value:
            text += f"{indent}{key}:\n{_indented(value, indent + '  ')}"
        else:
            text += f"{indent}{key}: {text_of(value)}\n"
    return text


@lab.command("set")
@click.argument("target", shell_complete=completions.lab_targets)
@click.argument("setting", metavar="KEY=VALUE")
@click.option("--inventory", "path", type=PATH, show_default="the demo", help="Use the lab of this inventory.")
@verbosity_options
@pass_console
def set_(console: Console, target: str, setting: str, path: Path | None) -> int:
    """Change something in the lab: TARGET is a host, a job, an organization, `server` or `smtp`.

    \b
      vbo-reconcile lab set px-lon-1 power=off
    """
    key, separator, value = setting.partition("=")
    if not separator or not key:
        raise click.BadParameter(f"{setting!r} is not of the form KEY=VALUE", param_hint="KEY=VALUE")
    with _open(console, path) as running:
        console.result(f"{running.set(target, key, value)}\n")
    return Status.OK


@lab.command("reset")
@_path
@verbosity_options
@pass_console
def reset(console: Console, path: Path | None) -> int:
    """Delete the state of the lab of the inventory at PATH."""
    from reconciler.operations.lab import reset_lab_at

    name = reset_lab_at(path, console.runtime)
    console.result(f"The lab of {name} was reset.\n")
    return Status.OK


def _open(console: Console, path: Path | None) -> Lab:
    from reconciler.operations.lab import open_lab_at

    return open_lab_at(path, console.runtime)
