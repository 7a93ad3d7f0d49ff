"""The end of an apply as Markdown, for the page of a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.model.event import ChangeEnded, Outcome
from reconciler.render.markdown.escape import code, fenced, prose, short
from reconciler.render.results import verdict
from reconciler.render.style import clean
from reconciler.render.symbols import ACTIONS

SENTENCE = 300
MOST = 200
"""Rows that are shown; failures come first."""

_ORDER = (Outcome.FAILED, Outcome.SKIPPED, Outcome.NOT_STARTED, Outcome.DONE)


def results_markdown(ends: Iterable[ChangeEnded]) -> str:
    """The counts, a table with failures first, and the last log lines of failures."""
    ordered = sorted(ends, key=lambda end: _ORDER.index(end.outcome))
    lines = [f"### {verdict(ordered)}", "", "| | Change | Seconds | Result |", "|---|---|--:|---|"]
    lines += [_row(end) for end in ordered[:MOST]]
    if len(ordered) > MOST:
        lines += ["", f"_{len(ordered) - MOST} more changes are not listed here._"]
    return "\n".join([*lines, "", *(line for end in ordered for line in _log(end))]) + "\n"


def _row(end: ChangeEnded) -> str:
    verb = ACTIONS[end.action].verb if end.action in ACTIONS else clean(end.action)
    said = prose(short(" ".join(part for part in (end.detail, end.hint) if part), SENTENCE))
    return f"| {end.outcome.value} | {verb} {code(short(end.address, 120))} | {end.seconds:.1f} | {said} |"


def _log(end: ChangeEnded) -> Iterator[str]:
    if end.outcome is Outcome.FAILED and end.log:
        yield f"<details><summary>{prose(end.address)}</summary>\n"
        yield fenced("text", [short(clean(line), SENTENCE) for line in end.log[-20:]])
        yield "\n</details>\n"
