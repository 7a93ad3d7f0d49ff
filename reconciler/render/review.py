"""What all reviews have in common: the order of risk, drift and declared changes, the headline, and the alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model.secret import MASK
from reconciler.plan.guards import GUARDS, POLICY
from reconciler.render import summary
from reconciler.render.style import clean
from reconciler.render.symbols import ACTIONS, BLOCKED, Symbol
from reconciler.render.values import text_of

Data = Mapping[str, Any]

RISKS = ("delete", "replace", "takeover", "blocked", "upgrade", "update", "adopt", "create", "run")
"""The order of risk. A blocked change ranks as blocked, whatever its action."""

_WEIGHT = {name: weight for weight, name in enumerate(RISKS)}


def risk(change: Data) -> str:
    """`blocked`, or the action."""
    return "blocked" if change.get("blocked") else str(change["action"])


def symbol(change: Data) -> Symbol:
    return BLOCKED if change.get("blocked") else ACTIONS[change["action"]]


def by_risk(changes: Iterable[Data]) -> list[Data]:
    return sorted(changes, key=lambda item: (_WEIGHT[risk(item)], item["address"], item["action"]))


def from_outside(change: Data) -> bool:
    """Whether the review did not cause the change. If its base is known, `introduced` decides; else whether the change,
    or one of its fields, is drift."""
    if "introduced" in change:
        return not change["introduced"]
    causes = [change.get("cause"), *(item.get("cause") for item in change.get("fields", ()))]
    return any(cause and cause["reason"] == "drift" for cause in causes)


def apart(plan: Data) -> tuple[list[Data], list[Data]]:
    """The changes that the review did not cause, and all others; both sorted by risk."""
    ordered = by_risk(plan["changes"])
    return [item for item in ordered if from_outside(item)], [item for item in ordered if not from_outside(item)]


def titles(plan: Data) -> tuple[str, str]:
    """The titles of the two parts of `apart`."""
    if plan.get("mode") == "drift":
        return "Drift: the live state changed", "Different from the inventory"
    if plan.get("base"):
        return f"Not caused by what changed since {clean(plan['base']['revision'])}", "Caused by this review"
    return "Not caused by the inventory: the live state changed", "Changes by the inventory"


def tally(changes: Iterable[Data]) -> str:
    """`3 to delete, 1 blocked, 12 to create`, in order of risk."""
    found = Counter(risk(change) for change in changes)
    words = {name: action.counted for name, action in ACTIONS.items()} | {"blocked": "blocked"}
    return ", ".join(f"{found[name]} {words[name]}" for name in RISKS if found[name])


_NOT_OURS = "not-ours"
_FEW = 1


def undeclared(plan: Data) -> list[Data]:
    """The reports of objects that are not declared here, if they are more than a reader wants to see one by one."""
    found = [item for item in plan.get("reports", ()) if item["code"] == _NOT_OURS]
    return found if len(found) > _FEW else []


def without(reports: Iterable[Data], folded: Sequence[Data]) -> Iterator[Data]:
    """The reports that are not folded into one line."""
    return (item for item in reports if not folded or item["code"] != _NOT_OURS)


def undeclared_text(found: Sequence[Data]) -> str:
    return f"{len(found)} objects on the server are not declared"


def ways_past(plan: Data) -> dict[str, tuple[str, str]]:
    """By guard that refuses: the option that lets it pass, and the key of the inventory that it obeys, if any. What a
    plan file calls a guard and is none has no option."""
    codes = dict.fromkeys(item["code"] for item in unwaived(plan))
    return {code: (f"--waive {code}='REASON'", POLICY.get(code, "")) for code in codes if code in GUARDS}


def unwaived(plan: Data) -> list[Data]:
    """The refusals that are not waived."""
    return [item for item in plan.get("refusals", ()) if not item.get("waiver")]


@dataclass(frozen=True, slots=True)
class Headline:
    """The state of the whole plan in a few words. `tone` is `bad`, `warn`, `change` or `good`."""

    text: str
    tone: str


def headline(plan: Data) -> Headline:
    refused = unwaived(plan)
    blocked = sum(1 for change in plan["changes"] if change.get("blocked"))
    errors = sum(1 for item in summary.problems(plan) if item.get("severity") == "error")
    if refused:
        return Headline(f"Refused by {_some(len(refused), 'guard')}", "bad")
    if blocked and blocked == len(plan["changes"]):
        return Headline("No change can be applied now", "bad")
    if blocked or errors:
        parts = [f"{_some(blocked, 'change')} blocked"] if blocked else []
        parts += [_some(errors, "problem")] if errors else []
        return Headline(" and ".join(parts), "warn")
    if plan["changes"]:
        return Headline(_some(len(plan["changes"]), "change"), "change")
    return Headline(summary.nothing(plan), "warn" if summary.is_partial(plan) else "good")


def verdict(plan: Data) -> str:
    """The summary of the terminal, without what the headline contains."""
    text = summary.verdict(plan)
    nothing = summary.nothing(plan)
    return text.removeprefix(nothing).lstrip(".; ") if headline(plan).text == nothing else text


_READING = ("GET", "HEAD", "LOGIN", "LOGOUT")


def batches(plan: Data) -> list[list[str]]:
    """Addresses of what disrupts proxies, batch by batch; empty if there are no batches."""
    address = {change["key"]: change["address"] for change in plan["changes"]}
    found = plan.get("batches", ())
    return [[address.get(key, key) for key in batch] for batch in found] if sum(map(len, found)) > 1 else []


def batches_title(batches: Sequence[Sequence[str]]) -> str:
    said = "1 batch" if len(batches) == 1 else f"{len(batches)} batches, one after the other"
    return f"Proxies are disrupted in {said}"


def requests_text(plan: Data) -> str:
    """`42 GET, 1 LOGIN, none that writes`: counted. Empty if there were no requests."""
    asked = [f"{count} {verb}" for verb, count in sorted(plan.get("requests", {}).items()) if count]
    writes = any(count and verb not in _READING for verb, count in plan.get("requests", {}).items())
    return ", ".join([*asked, "SOME OF WHICH WRITE" if writes else "none that writes"]) if asked else ""


def origin_text(plan: Data) -> str:
    """The commit that a plan file was made from; empty if it is not known."""
    git, base = plan.get("git") or {}, plan.get("base")
    commit = clean(str(git.get("commit") or ""))[:12]
    since = f", since {clean(base['revision'])} ({clean(base['commit'])[:12]})" if base else ""
    return (f"{commit} with local changes" if commit and git.get("dirty") else commit) + since


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def before_text(item: Data) -> str:
    """The value of a field before, on one line; empty if there is nothing to show."""
    if item.get("unknown"):
        return "(not observable)"
    if item.get("secret"):
        return MASK if item["before"] is not None else ""
    return "" if item["before"] is None else text_of(item["before"])


def after_text(item: Data) -> str:
    """The value of a field after. Of a secret only what the plan has masked is shown."""
    if item["after"] is None:
        return ""
    if item.get("secret"):
        return clean(str(item["after"])) if MASK in str(item["after"]) else MASK
    return text_of(item["after"])


_SIGNS = {"added": "+", "changed": "~", "removed": "-"}


def item_lines(item: Data) -> list[tuple[str, str]]:
    """The items of a field that are changed one by one, each with its sign; empty for other fields."""
    return [(sign, clean(text)) for key, sign in _SIGNS.items() if key in item for text in item[key]]


_REASONS = {
    "inventory": "differs from the inventory",
    "drift": "changed outside of the inventory",
    "default": "a default of vbo-reconcile",
    "chain": "follows from another change",
}


def why(cause: Data) -> str:
    """A cause in one sentence, without its position."""
    return clean(cause["detail"]) or _REASONS.get(cause["reason"], clean(cause["reason"]))


def differing(change: Data) -> list[str]:
    """The paths to show in a table: only of an update, since other actions have all fields."""
    whole = change["action"] in ("create", "delete")
    return [] if whole else [item["path"] for item in change["fields"]]


def fields_text(change: Data) -> str:
    """`4 fields`; empty if there is none."""
    return _some(len(change["fields"]), "field") if change["fields"] else ""


def said_at(cause: Data) -> str:
    """`corp.yml:31:5`, followed by the commit that last changed this line, if it is known."""
    where = place(cause.get("position"))
    return f"{where}, {clean(cause['commit'])[:9]}" if where and cause.get("commit") else where


def place(position: Data | None) -> str:
    return f"{clean(position['file'])}:{position['line']}:{position['column']}" if position else ""


def where_said(change: Data) -> Data:
    """The cause with a position: that of the change, else of its first field that has one; else that of the change."""
    causes = [change["cause"], *(item.get("cause") for item in change.get("fields", ()))]
    return next((cause for cause in causes if cause and cause.get("position")), change["cause"])
