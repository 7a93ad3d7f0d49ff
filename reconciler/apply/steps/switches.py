"""Enables and disables jobs, by the actions of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.objects import fail_if_more
from reconciler.apply.steps.registry import StepFailed, runs, verifies
from reconciler.kinds import KINDS
from reconciler.kinds.put_requests import side_effects
from reconciler.kinds.typed import typed
from reconciler.model.steps import SwitchJob
from reconciler.model.value import UNKNOWN


@runs(SwitchJob)
def switch(context: ApplyContext, step: SwitchJob, report: Reporter) -> str | None:
    """Enable or disable a job, then read it back: nothing else may differ from what the first attempt read."""
    kind = KINDS[step.kind]
    field, path = kind.field("enabled"), context.path_of(kind.name, step.name)
    raw = context.reader.get(path)
    shown = field.from_api(typed(kind, context.reader.rest, raw), context.naming)
    if shown is UNKNOWN:
        raise StepFailed("nothing was sent: the server does not show whether it is enabled")
    with context.first_reads.attempt(step, path, raw) as before:
        if shown != step.enabled:
            context.writer.act(path, "enable" if step.enabled else "disable")
            raw = context.reader.get(path)
        if field.from_api(typed(kind, context.reader.rest, raw), context.naming) != step.enabled:
            still = "disabled" if step.enabled else "enabled"
            raise StepFailed(f"the server accepted it, and the job is still {still}")
        fail_if_more(side_effects(kind, before, raw, {field.api: step.enabled}))
    return None


@verifies(SwitchJob)
def effects_of_switch(context: ApplyContext, step: SwitchJob, before: Mapping[str, Any]) -> list[str]:
    kind = KINDS[step.kind]
    after = context.reader.get(context.path_of(kind.name, step.name))
    return side_effects(kind, before, after, {kind.field("enabled").api: step.enabled})
