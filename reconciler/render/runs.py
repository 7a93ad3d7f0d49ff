"""Runs and locks of the journal, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from reconciler.journal import ChangeRecord, ChangeState, Holder, RunRecord, RunState
from reconciler.render.style import Style, clean
from reconciler.render.symbols import ACTIONS
from reconciler.render.tables import columns

_LOOKS = {
    ChangeState.DONE: ("green",),
    ChangeState.FAILED: ("red", "bold"),
    ChangeState.IN_FLIGHT: ("magenta", "bold"),
    ChangeState.SKIPPED: ("yellow",),
    ChangeState.NOT_STARTED: ("dim",),
}
_UNFINISHED = (RunState.INTERRUPTED, RunState.KILLED, RunState.FAILED, RunState.PARTIAL)
"""Runs that `apply --resume` can resume."""


def run_json(run: RunRecord, refusals: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A run with its changes and steps. `refusals` are those of its plan; waived ones are shown."""
    return {
        **_plain(asdict(run)),
        "seconds": run.seconds,
        "waivers": [{"code": item["code"], "reason": item["waiver"]} for item in refusals if item.get("waiver")],
    }


def holder_json(holder: Holder) -> dict[str, Any]:
    return {**_plain(asdict(holder)), "expired": holder.expired}


def runs_text(runs: Sequence[RunRecord], style: Style) -> str:
    """One line a run, newest first."""
    if not runs:
        return "The journal has no runs.\n"
    rows = [("RUN", "OPERATION", "STATE", "STARTED", "TOOK", "CHANGES", "INVENTORY", "SERVER", "WHO")]
    rows += [
        (
            run.id,
            run.operation,
            run.state.value,
            _moment(run.started),
            _seconds(run.seconds),
            _counts(run),
            run.inventory,
            run.server + (" (lab)" if run.lab else ""),
            _who(run),
        )
        for run in runs
    ]
    return "".join(f"{style.plain(line)}\n" for line in columns(rows, indent=""))


def run_text(run: RunRecord, refusals: Iterable[Mapping[str, Any]], style: Style) -> str:
    """Every change of a run: how it ended, its steps with their times, and errors."""
    head = [
        ("operation", run.operation),
        ("inventory", run.inventory),
        ("server", run.server + (" (emulated by the lab)" if run.lab else "")),
        ("who", _who(run)),
        ("commit", run.commit),
        ("plan", run.plan_digest),
        ("started", f"{_moment(run.started)} UTC"),
        ("took", _seconds(run.seconds)),
        ("resumes", run.resumes),
        *(("waived", f"{item['code']}: {item['waiver']}") for item in refusals if item.get("waiver")),
    ]
    lines = [f"Run {run.id}: {style.paint(run.state.value, 'bold')}", *columns([row for row in head if row[1]]), ""]
    for change in run.changes:
        lines += _change(change, style)
    lines += ["", f"{_counts(run)}."]
    if (
        run.operation == "apply"
        and run.state in _UNFINISHED
        and any(change.state is not ChangeState.DONE for change in run.changes)
    ):
        lines += ["To resume it:", f"  vbo-reconcile apply PATH --resume {run.id}"]
    return "".join(f"{style.plain(line)}\n" for line in lines)


def locks_text(holders: Sequence[Holder], style: Style) -> str:
    if not holders:
        return "No lock is held.\n"
    rows = [("LOCK", "SERVER", "OWNER", "OPERATION", "RUN", "SINCE", "LEASE")]
    rows += [
        (
            holder.id,
            holder.name,
            holder.owner,
            holder.operation,
            holder.run or "-",
            _moment(holder.created),
            "expired" if holder.expired else f"{holder.remaining:.0f} s left",
        )
        for holder in holders
    ]
    return "".join(f"{style.plain(line)}\n" for line in columns(rows, indent=""))


def _change(change: ChangeRecord, style: Style) -> Iterator[str]:
    verb = ACTIONS[change.action].verb if change.action in ACTIONS else change.action
    state = style.paint(f"{change.state.value:<11}", *_LOOKS[change.state])
    took = f"  {_seconds(change.seconds)}" if change.state in (ChangeState.DONE, ChangeState.FAILED) else ""
    first, *more = [clean(line) for line in change.detail.splitlines()] or [""]
    yield f"  {state}  {verb} {clean(change.address)}{took}" + (f"  {first}" if first else "")
    for step in change.steps:
        if step.ended is not None:
            yield f"                 {clean(step.text)}  {_seconds(step.seconds)}"
        elif change.state is ChangeState.IN_FLIGHT:
            yield f"                 {clean(step.text)}  begun {_moment(step.started)}; how it ended is not known"
        else:
            yield f"                 {clean(step.text)}  did not end well"
    yield from (f"                 {line}" for line in (*more, *map(clean, change.log)))
    if change.hint:
        yield f"                 Fix: {clean(change.hint)}"


def _counts(run: RunRecord) -> str:
    """`12 done, 1 failed`: states with changes."""
    return ", ".join(f"{run.counts[state]} {state.value}" for state in _LOOKS if run.counts.get(state)) or "none"


def _who(run: RunRecord) -> str:
    more = ", ".join(part for part in (run.actor, run.job) if part)
    return f"{run.user}@{run.host}" + (f" ({more})" if more else "")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _plain(value: Any) -> Any:
    """Moments as ISO 8601, the rest as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
