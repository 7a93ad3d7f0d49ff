"""The end of an apply: how every change ended, the results of jobs, and the mails that proxies sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reconciler.model.address import name_of
from reconciler.model.event import ChangeEnded, Outcome
from reconciler.model.plan import ChangeKey, Report
from reconciler.plan.asleep import ASLEEP
from reconciler.render.style import Style, clean
from reconciler.render.symbols import ACTIONS
from reconciler.render.tables import columns

_LOOKS = {
    Outcome.DONE: ("green",),
    Outcome.FAILED: ("red", "bold"),
    Outcome.SKIPPED: ("yellow",),
    Outcome.NOT_STARTED: ("dim",),
}
_ORDER = (Outcome.DONE, Outcome.NOT_STARTED, Outcome.SKIPPED, Outcome.FAILED)


def results_text(ends: Iterable[ChangeEnded], style: Style, in_flight: int = 0) -> str:
    """Changes with failures last, then jobs, then a line of counts."""
    ordered = sorted(ends, key=lambda end: _ORDER.index(end.outcome))
    runs = [end for end in ordered if end.action == "run"]
    changes = [end for end in ordered if end.action != "run"]
    lines: list[str] = []
    if changes:
        lines += ["Changes", *_table(changes, style), ""]
    if runs:
        lines += ["Jobs", *_table(runs, style, jobs=True), ""]
    lines.append(style.paint(verdict(ordered, in_flight), "bold"))
    return "".join(f"{style.plain(line)}\n" for line in lines)


def in_flight_text(steps: Mapping[ChangeKey, str], style: Style) -> str:
    """The changes that were running when the run ended: their results are unknown."""
    if not steps:
        return ""
    lines = ["Still running when the run ended; the next plan shows the results:"]
    lines += columns([(key.address, steps[key]) for key in sorted(steps)])
    return "\n" + "".join(f"{style.plain(line)}\n" for line in lines)


def unhealthy_text(problems: Mapping[ChangeKey, str], style: Style) -> str:
    """Changes that were made, and whose proxies were unhealthy after their batch."""
    lines = ["Failed verification after apply:"]
    lines += columns([(key.address, problems[key]) for key in sorted(problems)])
    return "".join(f"{style.plain(line)}\n" for line in lines)


def asleep_text(reports: Iterable[Report]) -> str:
    """The proxies that were left as they are because their hosts are off on purpose."""
    names = [clean(name_of(report.address)) for report in reports if report.code == ASLEEP]
    return f"Asleep and left unchanged: {', '.join(names)}. Plan again when they are on.\n" if names else ""


def verdict(ends: Sequence[ChangeEnded], in_flight: int = 0) -> str:
    """`Applied: 14 done, 1 failed, 0 skipped, 0 not started.` Those `in_flight` are counted as the journal does it."""
    counts = Counter(end.outcome for end in ends)
    said = ", ".join(
        f"{counts[outcome]} {outcome.value}"
        for outcome in (Outcome.DONE, Outcome.FAILED, Outcome.SKIPPED, Outcome.NOT_STARTED)
    )
    return f"Applied: {said}, {in_flight} in flight." if in_flight else f"Applied: {said}."


def results_json(ends: Iterable[ChangeEnded]) -> list[dict[str, Any]]:
    """`due` is for the journal: the next plan says what it means."""
    plain = [{**asdict(end), "outcome": end.outcome.value, "log": list(end.log)} for end in ends]
    return [{name: value for name, value in end.items() if name != "due"} for end in plain]


def _table(ends: Sequence[ChangeEnded], style: Style, *, jobs: bool = False) -> list[str]:
    rows = [
        (
            end.outcome.value,
            name_of(end.address) if jobs else _said(end),
            _seconds(end.seconds),
            _first_line(end.detail),
        )
        for end in ends
    ]
    lines: list[str] = []
    for end, line in zip(ends, columns(rows), strict=True):
        word = end.outcome.value
        lines.append(line.replace(word, style.paint(word, *_LOOKS[end.outcome]), 1))
        if end.outcome is Outcome.FAILED:
            lines += [f"      {clean(entry)}" for entry in (*_other_lines(end.detail), *end.log)]
            lines += [f"      Fix: {clean(end.hint)}"] if end.hint else []
    return lines


def _said(end: ChangeEnded) -> str:
    return f"{ACTIONS[end.action].verb} {end.address}" if end.action in ACTIONS else end.address


def _first_line(detail: str) -> str:
    return detail.splitlines()[0] if detail else ""


def _other_lines(detail: str) -> list[str]:
    return detail.splitlines()[1:]


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s"


def mails_text(mails: Sequence[Mapping[str, Any]], style: Style) -> str:
    """Mails that the lab's mail server received: `proxy`, `from`, `to` (a list) and `subject` of each."""
    if not mails:
        return ""
    rows = [("PROXY", "FROM", "TO", "SUBJECT")]
    rows += [(str(m["proxy"]), str(m["from"]), ", ".join(m["to"]), str(m["subject"])) for m in mails]
    lines = ["Mails that the proxies sent", *columns(rows)]
    return "".join(f"{style.plain(line)}\n" for line in lines)
