"""Notifying a webhook of the end of a run. A webhook that does not answer is a warning and no failure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.errors import ReconcileError, RemoteError
from reconciler.operations.events import Warned

if TYPE_CHECKING:
    from reconciler.apply import Result
    from reconciler.model.plan import Plan
    from reconciler.model.secret import Secret
    from reconciler.operations.locked_run import LockedRun
    from reconciler.operations.runtime import Runtime
    from reconciler.operations.session import Session
    from reconciler.operations.status import Status


def notify(url: str, session: Session, message: dict[str, Any], runtime: Runtime) -> None:
    """POST `message` to `url`, which may be a secret reference. Nothing is sent from the lab."""
    if session.lab is not None:
        runtime.report("The webhook is not notified of runs in the lab.")
        return
    from reconciler.clients.http.webhook import post

    try:
        post(_address(url, session), message, root=session.access.root)
    except ReconcileError as error:
        runtime.listen(Warned(_not_sent(error)))


def run_message(run: LockedRun, plan: Plan, result: Result, status: Status) -> dict[str, Any]:
    """What a webhook is sent. Holds no secrets: names, counts, and the reasons of failures."""
    from reconciler.operations.locked_run import run_state

    counts = Counter(end.outcome.value for end in result.outcomes.values())
    return {
        "format_version": "1.0",
        "run": run.run,
        "operation": run.lock.holder.operation,
        "inventory": plan.inventory,
        "server": plan.server.host,
        "lab": plan.lab,
        "who": str(run.who),
        "state": run_state(result).value,
        "exit_code": int(status),
        "counts": dict(sorted(counts.items())),
        "failed": [
            {"address": end.address, "action": end.action, "detail": end.detail}
            for end in result.outcomes.values()
            if end.outcome.value == "failed"
        ],
        "in_flight": sorted(result.in_flight),
    }


def _address(url: str, session: Session) -> Secret:
    from reconciler.model.secret import Secret, SecretRef

    if not url.startswith("secret://"):
        return Secret(url)
    try:
        reference = SecretRef.parse(url)
    except ValueError as error:
        raise ReconcileError(str(error)) from error
    return session.context.secret(reference)


def _not_sent(error: ReconcileError) -> Diagnostic:
    detail = f"The run is not affected. {error}"
    fix = error.hint if isinstance(error, RemoteError) else ""
    return Diagnostic("webhook-failed", "The webhook was not notified", detail, fix, severity=Severity.WARNING)
