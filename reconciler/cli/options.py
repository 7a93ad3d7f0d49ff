"""Options and arguments that several commands share, so that one name has one meaning everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.console import Console
from reconciler.cli.files import Finite, Reading, writing
from reconciler.operations.private_files import naming, open_private
from reconciler.operations.request import Selection

if TYPE_CHECKING:
    from reconciler.render.style import Style

PATH = Reading()

inventory_argument = click.argument("path", type=PATH)
lab_option = click.option("--lab", is_flag=True, help="Work in the lab: emulate the server and every host.")
parallelism_option = click.option(
    "--parallelism",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    metavar="N",
    help="How many hosts at a time.",
)

notify_option = click.option(
    "--notify-url",
    metavar="URL",
    help="POST a JSON message to this webhook when the run has ended: https://…, or a reference secret://…",
)

lock_wait_option = click.option(
    "--lock-wait",
    type=Finite(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait for somebody else who is at work on the server; by default not at all.",
)


def journal_lab_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--lab [--inventory PATH]` for commands that read the journal: the lab of each inventory has its own."""
    function = click.option(
        "--inventory", "path", type=PATH, help="The inventory whose lab it is, by default the demo. Only with --lab."
    )(function)
    return click.option("--lab", is_flag=True, help="The journal of a lab instead of the real one.")(function)


@dataclass(frozen=True, slots=True)
class Output:
    """One `--format`: the name of a renderer and the file for its text, standard output where there is none."""

    name: str
    file: Path | None = None


REVIEWS = ("human", "json", "markdown", "html", "sarif", "annotations")
"""The formats of everything that is a plan."""

base_option = click.option(
    "--base",
    metavar="REF",
    help="Say which changes are not caused by what changed since git's REF. In a pull request found by itself.",
)


def selection_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--target` and `--exclude`; the command is handed a `selection`."""

    def both(*args: Any, targets: Sequence[str], excludes: Sequence[str], **more: Any) -> Any:
        return function(*args, selection=Selection(tuple(targets), tuple(excludes)), **more)

    exclude = click.option(
        "--exclude", "excludes", multiple=True, metavar="ADDRESS", help="All but this, and what waits for it."
    )
    target = click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="ADDRESS",
        help="Only this and what it waits for: proxy.px-1, 'job.*', or @group for the proxies of a group.",
    )
    return target(exclude(update_wrapper(both, function)))


def detail_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--detail`: how much a human is told of a plan."""
    from reconciler.render.style import DETAILS

    def take(ctx: click.Context, _param: click.Parameter, value: str) -> None:
        ctx.ensure_object(Console).detail_level = value

    option = click.option(
        "--detail",
        type=click.Choice(DETAILS),
        default="normal",
        callback=take,
        expose_value=False,
        help="How much to print: a line for each change, its fields and why, or also its steps and their order.",
    )
    return option(function)


def stream_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json-into FILE`: everything that happens, as JSON lines, beside what people see."""

    def take(ctx: click.Context, _param: click.Parameter, file: Path | None) -> None:
        if file is not None and not ctx.resilient_parsing:
            ctx.ensure_object(Console).record_into(open_private(writing(ctx, file)))

    option = click.option(
        "--json-into",
        type=click.Path(path_type=Path),
        metavar="FILE",
        callback=take,
        expose_value=False,
        help="Also write what happens to FILE, one JSON message a line, while it happens.",
    )
    return option(function)


def format_option(*names: str, screen_only: Sequence[str] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--format NAME[=FILE]`, repeatable. The command is handed a list of `Output`, one of them for standard output.

    Anything but text for people on standard output makes that stream pure and forbids questions.
    `screen_only` formats go to no file.
    """

    def take(ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> list[Output]:
        outputs = [_output(ctx, value, names) for value in values]
        shown = [output for output in outputs if output.file is None]
        if any(output.name in screen_only and output.file for output in outputs):
            raise click.BadParameter(f"here {', '.join(screen_only)} goes to standard output only")
        if len(shown) > 1:
            raise click.BadParameter("only one format can go to standard output; write the others as NAME=FILE")
        if not shown:
            outputs.append(Output("human"))
        ctx.ensure_object(Console).machine = any(output.name != "human" for output in shown)
        return outputs

    return click.option(
        "--format",
        "outputs",
        multiple=True,
        callback=take,
        metavar="|".join(names) + "[=FILE]",
        help="What to print, or to write to FILE. May be given several times.",
    )


def _output(ctx: click.Context, value: str, names: Sequence[str]) -> Output:
    name, separator, file = value.partition("=")
    if name not in names:
        raise click.BadParameter(f"{name!r} is none of {', '.join(names)}")
    if separator and not file:
        raise click.BadParameter(f"the name of the file is missing after {value!r}")
    return Output(name, writing(ctx, Path(file)) if file and file != "-" else None)


def deliver(console: Console, outputs: Sequence[Output], render: Callable[[str, Style], str]) -> None:
    """Write every output: `render` makes the text of a format, in the style of where it goes."""
    from reconciler.render.style import Style

    for output in outputs:
        if output.file is None:
            console.result(render(output.name, console.out_style))
        else:
            text = render(output.name, Style(detail=console.detail_level))
            with naming(output.file), open_private(output.file) as file:
                file.write(text)
            console.detail(f"Wrote {output.name} to {output.file}")


def deliver_json(console: Console, outputs: Sequence[Output], data: Mapping[str, Any]) -> None:
    """Write `data` where JSON was asked for, and nowhere else."""
    from reconciler.render.document import document

    deliver(console, [output for output in outputs if output.name == "json"], lambda _name, _style: document(data))


def waiver_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--waive",
        "waivers",
        multiple=True,
        callback=_waivers,
        metavar="CODE=REASON",
        help="Let one guard pass, for a reason that is kept with the plan.",
    )(function)


def _waivers(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    from reconciler.plan.guards import GUARDS

    waivers: dict[str, str] = {}
    for value in values:
        code, _, reason = value.partition("=")
        if code not in GUARDS:
            raise click.BadParameter(f"there is no guard {code!r}; the guards are {', '.join(GUARDS)}")
        if not reason.strip():
            raise click.BadParameter(f"say why: {code}=REASON")
        if code in waivers:
            raise click.BadParameter(f"{code} is waived twice; one reason is kept")
        waivers[code] = reason.strip()
    return waivers
