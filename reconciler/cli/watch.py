"""`watch`: observe servers again and again, and notify of what changes."""

from __future__ import annotations

import re
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli import completions
from reconciler.cli.console import Console
from reconciler.cli.files import Finite
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import (
    PATH,
    executor_option,
    include_root_option,
    lab_option,
    parallelism_option,
    trust_option,
)
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.operations.errors import InvalidOption
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.operations.fleet import Member
    from reconciler.watching.http import Listening
    from reconciler.watching.loop import Loop
    from reconciler.watching.notices import Channel
    from reconciler.watching.state import ServerState

_FORMS: Final = ("json", "slack", "teams")
_MAILTO: Final = "mailto:"
_RECIPIENT: Final = re.compile(r"[^@\s;,<>?]+@[A-Za-z0-9.-]+")


def _channels(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> tuple[Channel, ...]:
    from reconciler.operations.notifying import check_address
    from reconciler.watching.notices import Channel

    made = []
    for value in values:
        if value.startswith(_MAILTO):
            made.append(_mail(value.removeprefix(_MAILTO)))
            continue
        form, separator, address = value.partition("=")
        known = bool(separator) and form in _FORMS
        channel = Channel(form, address) if known else Channel("json", value)
        try:
            check_address(channel.address)
        except InvalidOption as error:
            raise click.BadParameter(f"{error}.") from error
        made.append(channel)
    return tuple(made)


def _mail(recipients: str) -> Channel:
    from reconciler.watching.notices import MAIL, Channel

    for item in filter(None, recipients.split(",")):
        if not _RECIPIENT.fullmatch(item):
            raise click.BadParameter(f"{item!r} is not a mail address.")
    return Channel(MAIL, recipients)


def _address(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, int] | None:
    if value == "none":
        return None
    host, separator, port = value.rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65535 or not host:
        raise click.BadParameter(f"{value!r} is not of the form HOST:PORT")
    return host.strip("[]"), int(port)


@click.command(cls=Command)
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--server", "servers", multiple=True, metavar="NAME", shell_complete=completions.servers,
    help="Watch only these servers: a name, a pattern, or @group of a fleet.",
)  # fmt: skip
@include_root_option
@trust_option
@lab_option
@click.option(
    "--interval", type=Finite(min=1), default=300.0, show_default=True, metavar="SECONDS",
    help="Observe every server this often, 10% earlier or later.",
)  # fmt: skip
@click.option(
    "--apply", is_flag=True,
    help="Make the changes that `policy.auto` of an inventory allows. Others are only found.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="Observe every server once, and exit.")
@click.option(
    "--known",
    type=PATH,
    metavar="FILE",
    help="Acknowledge the drift in FILE until it expires; see: schema known-drift.",
)
@click.option(
    "--notify-url", "channels", multiple=True, callback=_channels, metavar="[slack=|teams=]URL",
    help="POST changes of state to this webhook: https://…, or a reference secret://… Or mail them: mailto:ADDRESS. "
    "Can be given several times.",
)  # fmt: skip
@click.option(
    "--listen", callback=_address, default="127.0.0.1:9194", show_default=True, metavar="HOST:PORT",
    help="Serve metrics and pages here; `none` serves none.",
)  # fmt: skip
@click.option(
    "--token",
    metavar="SECRET",
    shell_complete=completions.secrets,
    help="Require this token: a reference secret://env|file|keyring/…",
)
@click.option("--tls-certificate", type=PATH, metavar="FILE", help="Serve TLS with this certificate (PEM).")
@click.option("--tls-key", type=PATH, metavar="FILE", help="The private key of the certificate (PEM).")
@click.option("--client-ca", type=PATH, metavar="FILE", help="Require a client certificate of these authorities (PEM).")
@parallelism_option
@executor_option
@verbosity_options
@pass_console
def watch(
    console: Console,
    /,
    paths: Sequence[Path],
    *,
    servers: Sequence[str],
    interval: float,
    once: bool,
    channels: tuple[Channel, ...],
    listen: tuple[str, int] | None,
    **more: Any,
) -> int:
    """Observe the servers of the inventories and fleets at PATH again and again, and notify of changes. Writes nothing,
    unless --apply is given.

    Observes at once after SIGUSR1, after a change of an inventory's files, and after POST /observe with the token. The
    journal keeps what is found: a difference or a problem is opened, acknowledged, resolved, or flapping.

    With --apply it makes the changes that `policy.auto` of an inventory allows, with the guards, the lock and the
    journal of `apply`, and observes again. It never deletes, replaces, takes over or adopts anything.

    Serves /metrics for Prometheus, /healthz, /readyz, and pages for people. On other addresses than loopback that needs
    TLS, and a token or client certificates.
    """
    from reconciler.cli.watch_stops import WatchStops
    from reconciler.render.summary import LAB
    from reconciler.watching.loop import Loop
    from reconciler.watching.requirements import check_installed
    from reconciler.watching.schedule import Schedule
    from reconciler.watching.watcher import Watcher, WatchOptions

    if listen is not None and not once:
        check_installed()
    names = ("apply", "lab", "known", "parallelism")
    options = WatchOptions(channels=channels, **{name: more.pop(name) for name in names})
    schedule = Schedule(interval)
    stops = WatchStops(console.interrupts, schedule.stop)
    watcher = Watcher(_members(paths, servers, console), options, replace(console.runtime, watch=stops.watch))
    loop = Loop(watcher, schedule, console.runtime.clock)
    if options.lab:
        console.report(LAB)
    if once:
        loop.run(once=True)
        return console.interrupts.code if console.interrupts.count else _once(console, watcher.states.values())
    console.settle()
    with _serving(console, loop, _listening(listen, console, **more)), _asked(loop):
        loop.run()
    return console.interrupts.code if console.interrupts.count else Status.OK


def _once(console: Console, states: Collection[ServerState]) -> Status:
    """One line about each server that was observed, and the status of all."""
    for state in states:
        if state.status is Status.OK:
            number = len(state.open)
            console.report(f"{state.name}: {number or 'no'} open {'finding' if number == 1 else 'findings'}.")
    return max(state.status for state in states)


def _members(paths: Sequence[Path], servers: Sequence[str], console: Console) -> list[Member]:
    """Each server by its name in its fleet, or by the name of its inventory. An inventory with errors may be corrected
    later; one without a name may not."""
    from reconciler.operations.fleet import Member, is_fleet, read_fleet
    from reconciler.operations.inventory_loader import inventory_name

    found: list[Member] = []
    for path in paths:
        if is_fleet(path):
            fleet = read_fleet(path)
            console.problems(fleet.warnings)
            console.world.include_root = console.world.include_root or fleet.folder
            found += map(_without_given, fleet.select(servers))
        else:
            if servers:
                raise click.UsageError(f"--server selects inventories of a fleet; {path} is an inventory.")
            found.append(Member(inventory_name(path, console.runtime), path))
    names = [server.name for server in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        detail = f"{', '.join(twice)} is the name of more than one of them."
        fix = "Give each inventory a `name` of its own."
        raise Diagnosed([Diagnostic("watch-names", "Inventories with the same name", detail, fix)])
    return found


def _without_given(member: Member) -> Member:
    """Without the settings of the fleet that the command line overrides."""
    from reconciler.cli.fleet import given_options

    if "parallelism" not in given_options():
        return member
    return replace(member, settings=replace(member.settings, parallelism=None))


def _listening(
    listen: tuple[str, int] | None,
    console: Console,
    *,
    token: str | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
) -> Listening | None:
    from reconciler.operations.notifying import secret_of
    from reconciler.watching.http import Listening

    if listen is None:
        return None
    if token and not token.startswith("secret://"):
        raise click.UsageError("--token takes a reference such as secret://env/WATCH_TOKEN: others see a command line.")
    made = Listening(
        host=listen[0],
        port=listen[1],
        token=secret_of(token, console.runtime) if token else None,
        certificate=tls_certificate,
        key=tls_key,
        client_ca=client_ca,
    )
    made.check()
    return made


@contextmanager
def _serving(console: Console, loop: Loop, listening: Listening | None) -> Iterator[None]:
    if listening is None:
        yield
        return
    from reconciler.watching.http import serving
    from reconciler.watching.pages import application

    with serving(application(loop, listening, console.runtime.clock), listening) as port:
        console.report(f"Watching. Metrics and pages: {replace(listening, port=port).url}")
        yield


@contextmanager
def _asked(loop: Loop) -> Iterator[None]:
    """SIGUSR1 asks for an observation, where there is such a signal."""
    number = getattr(signal, "SIGUSR1", None)
    if number is None:
        yield
        return
    before = signal.signal(number, lambda *_: loop.schedule.request("signal"))
    try:
        yield
    finally:
        signal.signal(number, before)
