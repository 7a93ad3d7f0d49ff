"""Verifies what an interrupted run sent and did not read back."""

from __future__ import annotations

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.objects import few
from reconciler.apply.steps.registry import VERIFY, StepFailed, runs
from reconciler.model.errors import Missing, UnknownName
from reconciler.model.steps import VerifyInterrupted


@runs(VerifyInterrupted)
def verify(context: ApplyContext, step: VerifyInterrupted, report: Reporter) -> str | None:
    """Read the object again: nothing but what the step of the interrupted run changes may differ from what it read."""
    before = context.first_reads.of_interrupted(step.read)
    if before is None:
        return "an earlier attempt verified it"
    sent = step.sent
    try:
        effects = VERIFY[sent.verb](context, sent, before)
    except (Missing, UnknownName) as error:
        context.first_reads.drop(step.read)
        raise StepFailed("it does not exist any more, or what it refers to does not") from error
    context.first_reads.drop(step.read)
    if effects:
        raise StepFailed(f"more differs than the interrupted run planned: {few(effects)}")
    return None
