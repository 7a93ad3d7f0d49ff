"""`lab`: keep the emulated world running, look at it, let something happen in it, start over."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Group, pass_console, talk_options
from reconciler.cli.options import PATH, Output, deliver, format_option
from reconciler.operations.status import Status
from reconciler.package_data import package_data

if TYPE_CHECKING:
    from reconciler.operations.lab import Lab


@click.group(cls=Group)
def lab() -> None:
    """The lab: an emulated server with its hosts on this machine.

    PATH is the inventory whose world it is, by default the demo that is shipped. Each inventory has a lab of its own.
    """


_path = click.argument("path", type=PATH, required=False)


@lab.command("serve")
@_path
@click.option(
    "--format", "form", type=click.Choice(["human", "json"]), default="human", help="How to say what runs where."
)
@talk_options
@pass_console
def serve(console: Console, path: Path | None, form: str) -> int:
    """Keep the lab of the inventory at PATH running, until Ctrl-C.

    Prints where everything is and how to log in: for people, or as one line of JSON.
    """
    console.machine = form == "json"
    with _open(console, path) as running:
        ends = running.endpoints()
        console.result(json.dumps(ends) + "\n" if form == "json" else _served(ends))
        console.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            console.say("\nThe lab is shut down; its state is kept.")
    return Status.OK


def _served(ends: Mapping[str, Any]) -> str:
    from reconciler.render.tables import columns

    place = ends["smtp"]
    smtp = f"{place['host']}:{place['port']} ({place['name']}, security {place['security']})" if place else "none"
    hosts = [("HOST", "TRANSPORT", "ADDRESS", "PORT", "USER", "PASSWORD OR FILES"), *map(_host_row, ends["hosts"])]
    lines = [
        "This is the lab: an emulation on this machine. Ctrl-C ends it.",
        "",
        *columns([(key, str(ends[key])) for key in ("url", "ca_file", "username", "password")], indent=""),
        *columns([("smtp    ", smtp)], indent=""),
        "",
        *columns(hosts, indent=""),
    ]
    return "".join(f"{line}\n" for line in lines)


def _host_row(host: Mapping[str, Any]) -> tuple[str, ...]:
    login = [str(host[key]) for key in ("password", "cert_file", "key_file") if host.get(key)]
    return (*(str(host[key]) for key in ("name", "transport", "address", "port", "username")), ", ".join(login))


@lab.command("status")
@_path
@format_option("human", "json")
@talk_options
@pass_console
def status(console: Console, path: Path | None, outputs: Sequence[Output]) -> int:
    """What the lab holds: its hosts, what is switched on, the mails so far."""
    with _open(console, path) as running:
        told = running.status()
    deliver(console, outputs, lambda name, _style: _json(told) if name == "json" else _told(told))
    return Status.OK


def _json(told: Mapping[str, Any]) -> str:
    from reconciler.render.document import document

    return document(told)


def _told(told: Mapping[str, Any], indent: str = "") -> str:
    """Nested maps and lists as indented lines."""
    from reconciler.render.values import text_of

    text = ""
    for key, value in told.items():
        if isinstance(value, Mapping) and value:
            text += f"{indent}{key}:\n{_told(value, indent + '  ')}"
        else:
            text += f"{indent}{key}: {text_of(value)}\n"
    return text


@lab.command("set")
@click.argument("target")
@click.argument("setting", metavar="KEY=VALUE")
@click.option("--inventory", "path", type=PATH, help="The inventory whose lab it is, by default the demo.")
@talk_options
@pass_console
def set_(console: Console, target: str, setting: str, path: Path | None) -> int:
    """Let something happen in the lab: TARGET is a host, a job, or `server`.

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
@talk_options
@pass_console
def reset(console: Console, path: Path | None) -> int:
    """Forget everything that happened in the lab of the inventory at PATH."""
    from reconciler.operations.inventory_loader import load_inventory
    from reconciler.operations.lab import reset_lab

    name = load_inventory(path or _demo(), console.runtime, lab=True).name
    reset_lab(name, console.runtime)
    console.result(f"The lab of {name} starts anew.\n")
    return Status.OK


def _demo() -> Path:
    return package_data("inventories", "demo.yml")


def _open(console: Console, path: Path | None) -> Lab:
    from reconciler.operations.inventory_loader import load_inventory
    from reconciler.operations.lab import open_lab

    return open_lab(load_inventory(path or _demo(), console.runtime, lab=True), console.runtime)
