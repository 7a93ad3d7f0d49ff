"""Options of a rollout: sizes of batches, failures that are allowed, and changes at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import click

_TRANSPORTS = {"rest": "the REST API", "ssh": "SSH", "winrm": "WinRM"}


def batch_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--batch`: the sizes of batches; empty for the default."""
    return click.option(
        "--batch",
        default="",
        callback=_sizes,
        show_default="1,25%,100%",
        metavar="SIZES",
        help="Disrupt this many proxies at a time, as numbers or percentages: 1,25%,100% is one, then a quarter, then "
        "the rest. Organizations keep enough working proxies in any case.",
    )(function)


def server_batch_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--server-batch`: the sizes of batches of servers; empty for all at once."""
    return click.option(
        "--server-batch",
        default="",
        callback=_sizes,
        show_default="all at once",
        metavar="SIZES",
        help="Of a fleet, apply this many servers at a time, as numbers or percentages. A batch that fails stops the "
        "next one.",
    )(function)


def _sizes(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from reconciler.plan.batches import sizes

    try:
        if value:
            sizes(value, 1)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not of the form 1,25%,100%") from error
    return value


def rollout_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command is called with a `rollout`."""
    from reconciler.operations.execution import CHANGES_AT_A_TIME, RolloutOptions

    def collected(*args: Any, max_failures: int | None, fail_fast: bool, **more: Any) -> Any:
        concurrency = {name: more.pop(f"max_{name}") for name in _TRANSPORTS}
        return function(*args, rollout=RolloutOptions(1 if fail_fast else max_failures, concurrency), **more)

    wrapped = update_wrapper(collected, function)
    for name, text in reversed(_TRANSPORTS.items()):
        wrapped = click.option(
            f"--max-{name}",
            type=click.IntRange(1, 256),
            default=CHANGES_AT_A_TIME[name],
            show_default=True,
            metavar="N",
            help=f"Make up to N changes at a time through {text}.",
        )(wrapped)
    fail_fast = click.option("--fail-fast", is_flag=True, help="Stop after the first failure.")
    max_failures = click.option(
        "--max-failures",
        type=click.IntRange(min=1),
        metavar="N",
        help="Stop after N failures, and start later batches until then. By default a failure holds back the changes "
        "that depend on it and all later batches.",
    )
    return max_failures(fail_fast(wrapped))
