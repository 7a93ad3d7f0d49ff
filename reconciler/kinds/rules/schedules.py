"""Rules of when jobs run."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.field import UNMANAGED
from reconciler.kinds.rules.declared import Declared, Finding, Where
from reconciler.model.sentences import quoted


def without_schedule(declared: Declared) -> Iterator[Finding]:
    for name, _ in declared.saying("jobs", without=("schedule",)):
        detail = f"Job {quoted(name)} has no schedule: a new job never starts, an existing one keeps its schedule."
        fix = 'Add for example `schedule: {daily: "22:00"}`, or `schedule: manual`; here or under `defaults`.'
        yield Finding(Where("jobs", name), detail, fix)


def without_interval(declared: Declared) -> Iterator[Finding]:
    """The start within the hour and the periodic window belong to jobs that run every so often."""
    for name, values in declared.section("jobs").items():
        if "schedule.offset" not in values and "schedule.periodic_window" not in values:
            continue
        when = values.get("schedule")
        every = when.get("every") if isinstance(when, dict) else None
        if when in (None, UNMANAGED, {UNMANAGED: True}):
            continue
        for field, needed in (("schedule.offset", "so many hours"), ("schedule.periodic_window", "so often")):
            fits = every is not None and (field != "schedule.offset" or "hour" in every)
            if field in values and values[field] not in ("off", "0 minutes") and not fits:
                detail = f"{quoted(field)} of job {quoted(name)} has no effect: the job does not run every {needed}."
                yield Finding(Where("jobs", name, field), detail, "Remove it, or write for example `every: 4 hours`.")
