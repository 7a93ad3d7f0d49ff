"""Telling others that a run has ended: `--notify-url`. A webhook that does not answer is a warning and no failure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.console import Console
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.errors import ReconcileError, RemoteError

if TYPE_CHECKING:
    from reconciler.apply import Result
    from reconciler.cli.turn import LockedRun
    from reconciler.model.plan import Plan
    from reconciler.model.secret import Secret
    from reconciler.operations.session import Session

notify_option = click.option(
    "--notify-url",
    metavar="URL",
    help="POST a JSON message to this webhook when the run has ended: https://…, or secret://… for where it is kept.",
)


def notify(console: Console, url: str | None, world: Session, message: dict[str, Any]) -> None:
    """Send `message` where a webhook is named. A rehearsal reaches nobody, so in the lab it is not sent."""
    if not url:
        return
    if world.lab is not None:
        console.say("The webhook is not told of what happens in the lab.")
        return
    from reconciler.clients.http.webhook import post

    try:
        post(_address(url, world), message, root=world.access.root)
    except ReconcileError as error:
        console.problems([_not_told(error)])


def message_of(turn: LockedRun, plan: Plan, result: Result, code: int) -> dict[str, Any]:
    """What a webhook is told. Holds no secrets: names, counts, and the reasons of failures."""
    from reconciler.cli.turn import state_of

    counts = Counter(end.outcome.value for end in result.outcomes.values())
    return {
        "format_version": "1.0",
        "run": turn.run,
        "operation": turn.lock.holder.operation,
        "inventory": plan.inventory,
        "server": plan.server.host,
        "lab": plan.lab,
        "who": str(turn.who),
        "state": state_of(result).value,
        "exit_code": code,
        "counts": dict(sorted(counts.items())),
        "failed": [
            {"address": end.address, "action": end.action, "detail": end.detail}
            for end in result.outcomes.values()
            if end.outcome.value == "failed"
        ],
        "in_flight": sorted(result.in_flight),
    }


def _address(url: str, world: Session) -> Secret:
    from reconciler.model.secret import Secret, SecretRef

    if not url.startswith("secret://"):
        return Secret(url)
    try:
        reference = SecretRef.parse(url)
    except ValueError as error:
        raise ReconcileError(str(error)) from error
    return world.resolver.resolve(reference)


def _not_told(error: ReconcileError) -> Diagnostic:
    detail = f"The run is as it is, but nobody was told of it: {error}"
    fix = error.hint if isinstance(error, RemoteError) else ""
    return Diagnostic("not-told", "The webhook was not told", detail, fix, severity=Severity.WARNING)
