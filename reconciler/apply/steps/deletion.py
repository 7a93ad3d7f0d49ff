"""Deletes objects of the server: by id, and only if they still have the mark of the owner and are not in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.deployment import remove_body
from reconciler.apply.steps.lost_answers import Outcome, earlier_work
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.kinds import KINDS
from reconciler.kinds.codec import owner_of
from reconciler.kinds.states import proxy_state
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Missing, Refused, Unavailable
from reconciler.model.steps import DeleteObject


@runs(DeleteObject)
def delete(context: ApplyContext, step: DeleteObject, report: Reporter) -> str | None:
    """Delete by id, if the mark of the owner is still the one that the plan saw. An object that does not exist any more
    is not an error, so that the step is idempotent."""
    kind = step.kind
    path = f"{KINDS[kind].collection}/{step.id}"
    raw = _read(context, path)
    if raw is None:
        return "it did not exist any more"
    if KINDS[kind].is_marked and owner_of(raw) != step.owner:
        mark = f"belongs to {owner_of(raw)} now" if owner_of(raw) else "does not carry the mark of this inventory now"
        raise StepFailed(f"{kind} {step.name} {mark}; it was not deleted")
    outcome = Outcome(context, report, long=kind == "proxy")

    def look() -> bool | None:
        return _read(context, path) is None or None

    try:
        if kind == "proxy":
            _remove_proxy(context, path, raw, step)
        else:
            context.writer.delete(path)
    except (BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable) as error:
        if not outcome.after(error, look):
            raise
        report("the response was lost, but it is deleted")
    except Refused as error:
        earlier = earlier_work(error, "delete") if step.begun else None
        if earlier is None or not outcome.after(earlier[0], look, most=earlier[1]):
            raise
        report("an earlier apply deleted it")
    return None


def _read(context: ApplyContext, path: str) -> Mapping[str, Any] | None:
    try:
        return dict(context.reader.get(path))
    except Missing:
        return None


def _remove_proxy(context: ApplyContext, path: str, raw: Mapping[str, Any], step: DeleteObject) -> None:
    """Force is for a proxy that the server cannot reach. It also overrides that the proxy is in use (facts, 2.6), so
    that is checked first, and force is omitted unless the server still reports the proxy as offline."""
    proxy = proxy_state(raw, context.reader.rest)
    force = bool(step.force) and proxy.is_offline
    on_it = [str(item.get("name")) for item in context.reader.list("BackupRepositories") if _is_on(item, step.id)]
    if on_it:
        raise StepFailed(f"repositories use it now: {', '.join(sorted(on_it))}; it was not deleted")
    login = "" if force else step.credentials or ""  # a host that is not reachable needs no login
    body = remove_body(context, step.name, proxy.host or "", login, linux=proxy.is_linux, force=force)
    context.writer.act(path, "Remove", body, long=True)


def _is_on(repository: Mapping[str, Any], proxy: str) -> bool:
    return str(repository.get("proxyId") or "").lower() == proxy.lower()
