"""Options and arguments that several commands share, so that one name has one meaning everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completions
from reconciler.cli.console import Console
from reconciler.cli.files import Finite, Reading, writing
from reconciler.cli.group import OneRun
from reconciler.operations.private_files import naming, open_private
from reconciler.operations.request import Selection

if TYPE_CHECKING:
    from reconciler.render.style import Style

PATH = Reading()


def include_root_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--include-root FOLDER`, for commands that read an inventory."""

    def take(ctx: click.Context, _param: click.Parameter, folder: Path | None) -> None:
        ctx.ensure_object(Console).world.include_root = folder

    return click.option(
        "--include-root",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="FOLDER",
        callback=take,
        expose_value=False,
        show_default="the folder of the inventory",
        help="Allow the inventory to include files that are below this folder.",
    )(function)


def trust_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--trust FILE`, for commands that connect."""

    def take(ctx: click.Context, _param: click.Parameter, file: Path | None) -> None:
        ctx.ensure_object(Console).world.trust = file

    return click.option(
        "--trust",
        type=click.Path(path_type=Path),
        metavar="FILE",
        callback=take,
        expose_value=False,
        help="Refuse an inventory that reaches, believes or runs what FILE does not allow; see: schema trust.",
    )(function)


def inventory_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """PATH, where its files may be, and what it may reach."""
    return click.argument("path", type=PATH)(include_root_option(trust_option(function)))


def server_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--server`, for commands that take a fleet."""
    return click.option(
        "--server",
        "servers",
        multiple=True,
        metavar="NAME",
        shell_complete=completions.servers,
        help="Only this inventory of the fleet at PATH: a name, a pattern, or @GROUP. Can be given several times.",
    )(function)


def lab_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--lab`, and `--lab-run-scripts`, which the runtime takes."""

    def take(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
        console = ctx.ensure_object(Console)
        console.lab_runs_scripts = console.world.lab_run_scripts = value

    scripts = click.option(
        "--lab-run-scripts",
        is_flag=True,
        callback=take,
        expose_value=False,
        help="With --lab: run the scripts of the inventory's own playbooks on this machine, as you.",
    )
    lab = click.option("--lab", is_flag=True, help="Work in the lab, which emulates the server and every host.")
    return lab(scripts(function))


parallelism_option = click.option(
    "--parallelism",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    metavar="N",
    help="Connect to up to N hosts at a time.",
)


def executor_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--executor`, for commands that connect to hosts."""

    def take(ctx: click.Context, _param: click.Parameter, value: str) -> None:
        ctx.ensure_object(Console).world.executor = value

    return click.option(
        "--executor",
        default="",
        metavar="URL",
        callback=take,
        expose_value=False,
        show_default="threads of this process",
        help="Reach hosts (not the server) through the workers of the Dask scheduler at URL: tls://HOST:PORT.",
    )(function)


notify_option = click.option(
    "--notify-url",
    metavar="URL",
    help="POST a JSON message to this webhook when the run has ended: https://…, or a reference secret://…",
)

lock_wait_option = click.option(
    "--lock-wait",
    type=Finite(min=0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="Wait this long for another run that holds the lock of the server; with 0 do not wait.",
)


def journal_lab_options(without_lab: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--lab [--inventory PATH]` for commands that read the journal: the lab of each inventory has a separate one.
    `without_lab` is what PATH does without `--lab`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        text = f"With --lab: use the lab of this inventory, by default of the demo. {without_lab}".strip()
        function = click.option("--inventory", "path", type=PATH, help=text)(include_root_option(function))
        return click.option("--lab", is_flag=True, help="Read the journal of a lab instead of the real one.")(function)

    return decorate


@dataclass(frozen=True, slots=True)
class Output:
    """One `--format`: the name of a renderer and the file for its text; without one it goes to standard output, or
    `into` what is called with it."""

    name: str
    file: Path | None = None
    into: Callable[[str], None] | None = None


base_option = click.option(
    "--base",
    metavar="REF",
    help="Mark changes that commits since git's REF do not cause. In a pull request its target is the default.",
)


def selection_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--target` and `--exclude`; the command is called with a `selection`."""

    def both(*args: Any, targets: Sequence[str], excludes: Sequence[str], **more: Any) -> Any:
        return function(*args, selection=Selection(tuple(targets), tuple(excludes)), **more)

    exclude = click.option(
        "--exclude",
        "excludes",
        multiple=True,
        metavar="ADDRESS",
        shell_complete=completions.addresses,
        help="Omit this and what depends on it.",
    )
    target = click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="ADDRESS",
        shell_complete=completions.addresses,
        help="Include only this and what it depends on: proxy.px-1, 'job.*', or @group for the proxies of a group.",
    )
    return target(exclude(update_wrapper(both, function)))


def no_run_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--no-run`, after `selection_options`: a part of the same `selection`."""

    def without(*args: Any, selection: Selection, no_run: bool, **more: Any) -> Any:
        return function(*args, selection=replace(selection, runs=not no_run), **more)

    option = click.option("--no-run", is_flag=True, help="Start no jobs: their schedules run them.")
    return option(update_wrapper(without, function))


def adoption_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--adopt` and the addresses after PATH, which are targets; see `selection_options`, which comes first."""

    def both(*args: Any, adopt: bool, addresses: Sequence[str], selection: Selection, **more: Any) -> Any:
        if addresses and not adopt:
            extra = " ".join(addresses)
            raise click.UsageError(f"Got unexpected extra arguments ({extra}): addresses are for --adopt or --target.")
        chosen = replace(selection, targets=(*selection.targets, *addresses))
        return function(*args, adopt=adopt, selection=chosen, **more)

    option = click.option(
        "--adopt",
        cls=OneRun,
        is_flag=True,
        help="Only mark declared objects that were made by hand as managed by this inventory: all, or each ADDRESS.",
    )
    addresses = click.argument("addresses", metavar="[ADDRESS]...", nargs=-1, shell_complete=completions.addresses)
    return addresses(option(selection_options(update_wrapper(both, function))))


def detail_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--detail`: how much of a plan is printed as text."""
    from reconciler.render.style import DETAILS

    def take(ctx: click.Context, _param: click.Parameter, value: str) -> None:
        ctx.ensure_object(Console).detail_level = value

    option = click.option(
        "--detail",
        type=click.Choice(DETAILS),
        default="normal",
        callback=take,
        expose_value=False,
        show_default=True,
        help="Print a line for each change (brief), also its fields and causes, or also its steps (full).",
    )
    return option(function)


def stream_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json-into FILE`: all events as JSON lines, in addition to the output."""

    def take(ctx: click.Context, _param: click.Parameter, file: Path | None) -> None:
        if file is not None and not ctx.resilient_parsing:
            ctx.ensure_object(Console).record_into(open_private(writing(ctx, file)))

    option = click.option(
        "--json-into",
        type=click.Path(path_type=Path),
        metavar="FILE",
        callback=take,
        expose_value=False,
        help="Also write events to FILE while they happen, one JSON object a line.",
    )
    return option(function)


def format_option(
    *names: str, screen_only: Sequence[str] = (), default: str = "human"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--format NAME[=FILE]`, repeatable. The command is called with a list of `Output`, one for standard output.

    With a format other than `human` on standard output nothing else is printed there, and nothing is asked.
    `screen_only` formats cannot be written to a file.
    """

    def take(ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> list[Output]:
        outputs = [_output(ctx, value, names) for value in values]
        shown = [output for output in outputs if output.file is None]
        if any(output.name in screen_only and output.file for output in outputs):
            raise click.BadParameter(f"{', '.join(screen_only)} can only go to standard output here")
        if len(shown) > 1:
            raise click.BadParameter("only one format can go to standard output; use NAME=FILE for the others")
        if not shown:
            outputs.append(Output(default))
        ctx.ensure_object(Console).machine = any(item.name != "human" for item in outputs if item.file is None)
        return outputs

    return click.option(
        "--format",
        "outputs",
        multiple=True,
        callback=take,
        metavar="|".join(names) + "[=FILE]",
        shell_complete=completions.formats(names),
        show_default=default,
        help="Print this format, or write it to FILE. Can be given several times.",
    )


def _output(ctx: click.Context, value: str, names: Sequence[str]) -> Output:
    name, separator, file = value.partition("=")
    if name not in names:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(names)}")
    if separator and not file:
        raise click.BadParameter(f"the name of the file is missing after {value!r}")
    return Output(name, writing(ctx, Path(file)) if file and file != "-" else None)


def deliver(console: Console, outputs: Sequence[Output], render: Callable[[str, Style], str]) -> None:
    """Write every output. `render` is called with the name of a format and the style of its destination."""
    from reconciler.render.style import Style

    for output in outputs:
        if output.into is not None:
            output.into(render(output.name, Style(detail=console.detail_level)))
        elif output.file is None:
            console.result(render(output.name, console.out_style), own=output.name == "annotations")
        else:
            text = render(output.name, Style(detail=console.detail_level))
            with naming(output.file), open_private(output.file) as file:
                file.write(text)
            console.detail(f"Wrote {output.name} to {output.file}")


def deliver_json(console: Console, outputs: Sequence[Output], data: Mapping[str, Any]) -> None:
    """Write `data` to the outputs that are JSON."""
    from reconciler.render.document import document

    deliver(console, [output for output in outputs if output.name == "json"], lambda _name, _style: document(data))


def waiver_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--waive",
        "waivers",
        multiple=True,
        callback=_waivers,
        metavar="CODE=REASON",
        shell_complete=completions.guards,
        help="Waive a guard. The reason is kept with the plan.",
    )(function)


def _waivers(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    from reconciler.plan.guards import GUARDS

    waivers: dict[str, str] = {}
    for value in values:
        code, _, reason = value.partition("=")
        if code not in GUARDS:
            raise click.BadParameter(f"no such guard {code!r}; the guards are {', '.join(GUARDS)}")
        if not reason.strip():
            raise click.BadParameter(f"the reason is missing: {code}=REASON")
        if code in waivers:
            raise click.BadParameter(f"{code} is waived twice; give one reason")
        waivers[code] = reason.strip()
    return waivers
