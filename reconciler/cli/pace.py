"""How fast an apply goes: batches, failures that are borne, and how much happens at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Any

import click

_AT_A_TIME = {"rest": 8, "ssh": 16, "winrm": 16}


@dataclass(frozen=True, slots=True)
class Pace:
    """`lanes` are changes at a time by what they talk to. `max_failures` None: whatever does not wait for a failure
    goes on, but for later batches."""

    max_failures: int | None = None
    lanes: Mapping[str, int] = field(default_factory=lambda: dict(_AT_A_TIME))


PACE = Pace()


def batch_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--batch`: the sizes of batches; empty where nothing was said."""
    return click.option(
        "--batch",
        default="",
        callback=_sizes,
        metavar="SIZES",
        help="How many proxies at a time are disrupted, as numbers or percents; by default 1,25%,100%: one first, then "
        "a quarter of them, then the rest. Never so many that an organization is short of working ones.",
    )(function)


def _sizes(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from reconciler.plan.batches import sizes

    try:
        if value:
            sizes(value, 1)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not of the form 1,25%,100%") from error
    return value


def pace_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command is handed a `pace`."""

    def paced(*args: Any, max_failures: int | None, fail_fast: bool, **more: Any) -> Any:
        lanes = {name: more.pop(f"max_{name}") for name in _AT_A_TIME}
        return function(*args, pace=Pace(1 if fail_fast else max_failures, lanes), **more)

    wrapped = update_wrapper(paced, function)
    for name, number in reversed(_AT_A_TIME.items()):
        wrapped = click.option(
            f"--max-{name}",
            type=click.IntRange(1, 256),
            default=number,
            show_default=True,
            metavar="N",
            help=f"How many changes at a time may use {_WORDS[name]}.",
        )(wrapped)
    fail_fast = click.option("--fail-fast", is_flag=True, help="Start nothing else after the first failure.")
    max_failures = click.option(
        "--max-failures",
        type=click.IntRange(min=1),
        metavar="N",
        help="Start nothing else after N failures, and go on with the batches until then. By default a failure holds "
        "back what waits for it, and the batches after its own.",
    )
    return max_failures(fail_fast(wrapped))


_WORDS = {"rest": "the REST API", "ssh": "SSH", "winrm": "WinRM"}
