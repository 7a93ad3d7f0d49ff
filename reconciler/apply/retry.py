"""Doing a step again after a failure that may pass: only one that can be done twice without harm, and never one whose
work may be under way still."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, TypeVar

from reconciler.apply.context import ApplyContext, Tell
from reconciler.clients.vbo.retry_policy import RetryPolicy
from reconciler.model.errors import DeadlineExceeded, RemoteError

Told = TypeVar("Told")

REPEATABLE: Final = frozenset(
    {
        "update",  # PUT of the whole object, read anew each time
        "delete",  # looks first; what is gone is no failure
        "host.change",  # scripts ask before they change
        "certificate.set",  # the same certificate again
        "maintenance.on",  # look first
        "maintenance.off",
        "package.upload",  # compared by digest, and not sent again where it is there
    }
)
"""Steps that look before they act, or set what is so already. Not in it: what starts or creates something. A creation
reads back what became of it (`steps.objects.create`); starting a job looks whether it runs (`steps.jobs`)."""

WINDOW: Final = 60.0
"""Seconds after the beginning of a step in which it may be begun again; three attempts in all."""


def patiently(
    site: ApplyContext,
    verb: str,
    attempt: Callable[[], Told],
    tell: Tell,
    *,
    jitter: Callable[[], float] = random.random,
) -> Told:
    """What `attempt` gives. It is made again, after a pause, where `verb` allows that and the failure may pass; not
    after a deadline, since then the peer may still be at it. Raises the error of the last attempt."""
    if verb not in REPEATABLE:
        return attempt()
    failed: list[RemoteError] = []

    def once() -> Told:
        if failed:
            tell(f"trying again: {failed[-1]}")
        try:
            return attempt()
        except DeadlineExceeded as error:
            raise _Final(error) from error
        except RemoteError as error:
            failed.append(error)
            raise

    try:
        return RetryPolicy(WINDOW, clock=site.clock, sleep=site.sleep, jitter=jitter).run(once)
    except _Final as final:
        raise final.error from final.error.__cause__


class _Final(Exception):
    """Carries an error past those that would try again."""

    def __init__(self, error: RemoteError) -> None:
        super().__init__(str(error))
        self.error = error
