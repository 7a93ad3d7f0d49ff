"""The plan as text. Reads the JSON form of a plan only, so that the text shows nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.render import review, summary
from reconciler.render.diagnostics import diagnostic_text
from reconciler.render.style import Style, clean
from reconciler.render.symbols import ACTIONS, BLOCKED, REPORT, UNKNOWN, Symbol
from reconciler.render.values import change_text, text_of

Data = Mapping[str, Any]


def plan_text(plan: Data, style: Style) -> str:
    """The whole plan; its last line is the summary."""
    blocks = [
        [*summary.head(plan), *_legend(plan, style)],
        *_changes(plan, style),
        *_batches(plan),
        *_unknown(plan, style),
        *_reports(plan, style),
        *_refusals(plan, style),
    ]
    problems = [diagnostic_text(problem, style).splitlines() for problem in summary.problems(plan)]
    tail = [*summary.not_shown(plan), style.paint(summary.verdict(plan), "bold")]
    return "".join(style.plain("\n".join(block)) + "\n\n" for block in [*blocks, *problems]) + _lines(tail)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _order(change: Data) -> tuple[int, str, str]:
    return (ACTIONS[change["action"]].rank, change["address"], change["action"])


def _symbol(change: Data) -> Symbol:
    return BLOCKED if change.get("blocked") else ACTIONS[change["action"]]


def _legend(plan: Data, style: Style) -> Iterator[str]:
    """The symbols that this plan uses."""
    used = {_symbol(change).sign: _symbol(change) for change in sorted(plan["changes"], key=_order)}
    if plan.get("unknown"):
        used[UNKNOWN.sign] = UNKNOWN
    if plan.get("reports"):
        used[REPORT.sign] = REPORT
    if plan.get("refusals"):
        used[BLOCKED.sign] = BLOCKED
    if used:
        yield ""
        yield "Symbols: " + "; ".join(f"{style.paint(item.sign, *item.looks)} {item.meaning}" for item in used.values())


def _changes(plan: Data, style: Style) -> Iterator[list[str]]:
    """All changes; those that the review did not cause first, under a separate title."""
    outside, rest = review.apart(plan)
    parts = zip(review.titles(plan), (outside, rest), strict=True)
    for title, changes in parts:
        if outside and changes:
            yield [style.paint(title, "bold")]
        if style.detail == "brief":
            yield from [[line for change in _in_order(changes) for line in _brief(change, style)]] if changes else []
        else:
            yield from (change_lines(change, style) for change in _in_order(changes))


def _in_order(changes: Iterable[Data]) -> list[Data]:
    return sorted(changes, key=_order)


def _headline(change: Data, style: Style) -> str:
    symbol, action = _symbol(change), ACTIONS[change["action"]]
    return f"{style.paint(f'{symbol.sign:>3}', *symbol.looks)} {action.verb} {style.paint(_of(change), 'bold')}" + (
        f" (severity {change['severity']})" if change.get("severity") else ""
    )


def _brief(change: Data, style: Style) -> Iterator[str]:
    paths = ", ".join(clean(path) for path in review.differing(change))
    yield _headline(change, style) + (f": {paths}" if paths else "")
    if change.get("blocked"):
        yield f"      {style.paint('blocked:', 'red', 'bold')} {clean(change['blocked'])}"


def change_lines(change: Data, style: Style) -> list[str]:
    lines = [_headline(change, style)]
    if change.get("blocked"):
        lines.append(f"      {style.paint('blocked:', 'red', 'bold')} {clean(change['blocked'])}")
    lines += [line for item in change.get("fields", ()) for line in _field(change, item, style)]
    if change.get("cause"):
        lines.append(style.paint(f"      {cause_text(change['cause'])}", "dim"))
    if change.get("disrupts"):
        lines.append(f"      not served during the change: {', '.join(map(clean, change['disrupts']))}")
    return [*lines, *_doing(change)] if style.detail == "full" else lines


def _doing(change: Data) -> Iterator[str]:
    """The steps of a change, its dependencies, and the fingerprint of what was observed."""
    if change["depends_on"]:
        yield f"      waits for: {', '.join(clean(key) for key in sorted(change['depends_on']))}"
    for number, step in enumerate(change["steps"], 1):
        yield f"      step {number}: {clean(step['verb'])} {text_of(step['params'])}"
    if change["precondition"]:
        yield f"      observed as: {clean(change['precondition'])[:12]}"


def _of(item: Data) -> str:
    return clean(item["address"])


def _field(change: Data, item: Data, style: Style) -> Iterator[str]:
    path = clean(item["path"])
    items = review.item_lines(item)
    if items:
        said = " ".join(items[0])
    elif change["action"] == "create":
        said = style.mask if item.get("secret") else text_of(item["after"])
    elif change["action"] == "delete":
        said = style.mask if item.get("secret") else text_of(item["before"])
    else:
        said = _difference(item, style)
    cause = item.get("cause")
    note = cause_short(cause) if cause and cause != change.get("cause") else ""
    severity = item.get("severity", "") if item.get("severity") != change.get("severity") else ""
    notes = [part for part in (severity, note) if part]
    yield f"      {path}: {said}" + (style.paint(f"  ({', '.join(notes)})", "dim") if notes else "")
    margin = " " * (len(path) + 8)
    yield from (f"{margin}{sign} {text}" for sign, text in items[1:])


def _difference(item: Data, style: Style) -> str:
    if item.get("secret"):
        return f"{style.mask} -> {style.mask} (another value)"
    if item.get("unknown"):
        return f"{style.paint('?', 'magenta')} -> {text_of(item['after'])}"
    return change_text(item["before"], item["after"])


_REASONS = {
    "inventory": "differs from the inventory",
    "drift": "changed outside of this inventory",
    "default": "default of vbo-reconcile",
    "chain": "follows from another change",
}


def cause_text(cause: Data) -> str:
    """`why (corp.yml:31:5): …`: the position of the cause, and one sentence."""
    said = clean(cause.get("detail") or "") or _REASONS.get(str(cause["reason"]), str(cause["reason"]))
    place = review.said_at(cause)
    return f"why ({place}): {said}" if place else f"why: {said}"


def cause_short(cause: Data) -> str:
    """The position, or one word if there is none."""
    place = review.place(cause.get("position"))
    if cause["reason"] == "inventory":
        return place or "inventory"
    return ", ".join(part for part in (str(cause["reason"]), place) if part)


def _batches(plan: Data) -> Iterator[list[str]]:
    found = review.batches(plan)
    if found:
        lines = (f"  {number}. {', '.join(map(clean, batch))}" for number, batch in enumerate(found, 1))
        yield [f"{review.batches_title(found)}:", *lines]


def _unknown(plan: Data, style: Style) -> Iterator[list[str]]:
    """Fields that could not be observed, one block for each object and reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for item in plan.get("unknown", ()):
        path = "everything" if item["path"] == "*" else clean(item["path"])
        groups.setdefault((item["address"], item["why"]), []).append(path)
    sign = style.paint(f"{UNKNOWN.sign:>3}", *UNKNOWN.looks)
    lines = [f"{sign} {clean(at)}: {', '.join(sorted(paths))} ({clean(why)})" for (at, why), paths in _sorted(groups)]
    if lines:
        yield lines


def _sorted(groups: Mapping[tuple[str, str], list[str]]) -> Sequence[tuple[tuple[str, str], list[str]]]:
    return sorted(groups.items())


def _reports(plan: Data, style: Style) -> Iterator[list[str]]:
    lines = []
    folded = review.undeclared(plan) if style.detail != "full" else []
    shown = review.without(plan.get("reports", ()), folded)
    for item in sorted(shown, key=lambda report: (report["address"], report["code"])):
        place = review.place(item.get("position"))
        said = f"{REPORT.sign:>3} {_of(item)}: {clean(item['detail'])}" + (f" ({place})" if place else "")
        lines.append(style.paint(said, *REPORT.looks))
        lines += [f"      {clean(line)}" for line in item.get("fix", "").splitlines()]
    if folded:
        said = f"{REPORT.sign:>3} {review.undeclared_text(folded)}: --detail full lists them"
        lines.append(style.paint(said, *REPORT.looks))
    if lines:
        yield lines


def _refusals(plan: Data, style: Style) -> Iterator[list[str]]:
    """Guards that do not hold: refused, or waived with a reason."""
    lines = []
    for item in plan.get("refusals", ()):
        word = f"waived: {clean(item['waiver'])}" if item.get("waiver") else "refused"
        sign = style.paint(f"{BLOCKED.sign:>3}", *BLOCKED.looks)
        lines.append(f"{sign} {clean(item['code'])} ({word}): {clean(item['detail'])}")
    if ways := review.ways_past(plan):
        lines.append("    To let one of these pass, say why:" if len(ways) > 1 else "    To let it pass, say why:")
        lines += [f"      {option}" + (f"  (or change {key})" if key else "") for option, key in ways.values()]
    if lines:
        yield lines
