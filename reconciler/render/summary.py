"""The sentences around a plan: its subject, what is not shown, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.address import name_of
from reconciler.render.style import clean
from reconciler.render.symbols import ACTIONS

Data = Mapping[str, Any]

LAB = "This is the lab: an emulation on this machine. No real server or host is reached."
OFFLINE = "Two inventories compared: the old one is taken as fully applied, and no server or host was asked."
_ALWAYS = ("create", "update", "delete", "run")
_IF_ANY = ("replace", "takeover", "upgrade", "adopt")
_NAMED = 5
"""How many of the hosts that need one secret are named."""
_READING = ("GET", "HEAD", "LOGIN", "LOGOUT")


@dataclass(frozen=True, slots=True)
class Mode:
    """The title of a kind of document, and the verdict if it is empty."""

    name: str
    nothing: str


MODES = {
    "plan": Mode("Plan", "No changes"),
    "diff": Mode("Difference", "No difference"),
    "drift": Mode("Drift", "No drift"),
}


def mode_of(plan: Data) -> Mode:
    return MODES[plan.get("mode", "plan")]


def head(plan: Data) -> Iterator[str]:
    """What the plan is for, how the live state was observed, and whether it is the lab."""
    server = plan["server"]
    build = f", build {clean(str(server['build']))}" if server.get("build") else ""
    about = f"{mode_of(plan).name} of {clean(plan['inventory']['name'])} for {clean(server['host'])}"
    yield f"{about} (REST {server['rest']}{build})"
    if plan.get("mode") == "diff":
        yield OFFLINE
    if plan.get("base"):
        base = plan["base"]
        yield f"Compared with {clean(base['revision'])} ({clean(base['commit'])[:12]})."
    if plan.get("lab"):
        yield LAB
    if plan.get("requests"):
        yield f"Observed with {_requests(plan['requests'])}."


def _requests(requests: Mapping[str, int]) -> str:
    """`42 GET and 1 LOGIN requests, none that writes`: as counted."""
    said = [f"{count} {verb}" for verb, count in sorted(requests.items()) if verb in _READING and count]
    writes = [f"{count} {verb}" for verb, count in sorted(requests.items()) if verb not in _READING and count]
    text = " and ".join(said) + " requests" if said else "no requests"
    return f"{text}, {'BUT ALSO ' + ', '.join(writes) if writes else 'none that writes'}"


def counts(plan: Data) -> dict[str, int]:
    """Changes by action, and `blocked`, counted from the changes themselves."""
    found = dict.fromkeys(ACTIONS, 0)
    for change in plan["changes"]:
        found[change["action"]] += 1
    return found | {"blocked": sum(1 for change in plan["changes"] if change.get("blocked"))}


def not_shown(plan: Data) -> Iterator[str]:
    if plan["changes"] and plan.get("unchanged"):
        yield f"Not shown: {_objects(plan['unchanged'])} in sync."


def verdict(plan: Data) -> str:
    """The last line: `Plan: 2 to create, 1 to change, 0 to delete, 1 to run; 1 not observable.`, or `No changes. …`"""
    aside = _aside(plan)
    if not plan["changes"] and is_partial(plan):
        return "; ".join([nothing(plan), *aside]) + "."
    if not plan["changes"]:
        in_sync = f"{_objects(plan.get('unchanged', 0))} in sync"
        return f"{nothing(plan)}. {'; '.join([in_sync, *aside])}."
    found = counts(plan)
    parts = [f"{found[name]} {ACTIONS[name].counted}" for name in _ALWAYS]
    parts += [f"{found[name]} {ACTIONS[name].counted}" for name in _IF_ANY if found[name]]
    return "; ".join([f"{mode_of(plan).name}: {', '.join(parts)}", *aside]) + "."


def problems(plan: Data) -> list[Data]:
    """The problems of a plan. A secret that is not available is one, however many hosts need it."""
    found: dict[tuple[str, str], list[Data]] = {}
    for place, item in enumerate(plan.get("problems", ())):
        key = (item["code"], item["detail"]) if item["code"] == "secret" else ("", str(place))
        found.setdefault(key, []).append(item)
    return [_together(items) for items in found.values()]


def _together(items: list[Data]) -> Data:
    if len(items) == 1:
        return items[0]
    names = [name_of(item["address"]) for item in items]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    needed = f"{len(names)} hosts need it: {', '.join(names[:_NAMED])}{more}."
    return {**items[0], "detail": f"{items[0]['detail']}\n{needed}"}


def is_partial(plan: Data) -> bool:
    """Whether changes are needed that this plan does not have."""
    return bool(plan.get("not_selected") or plan.get("not_approved"))


def nothing(plan: Data) -> str:
    """The state of a plan without changes. What was left out is not part of it, and is never passed over."""
    if plan.get("not_approved"):
        return "Nothing of the approved plan can be applied"
    return "Nothing differs in what was selected" if plan.get("not_selected") else mode_of(plan).nothing


def _left_out(plan: Data) -> list[str]:
    """`16 changes were not selected`: counted."""
    words = (("not_selected", "not selected"), ("not_approved", "stale or not approved"))
    sizes = [(len(plan.get(key, ())), word) for key, word in words]
    return [f"{size} change was {word}" if size == 1 else f"{size} changes were {word}" for size, word in sizes if size]


def _aside(plan: Data) -> list[str]:
    errors = sum(1 for problem in problems(plan) if problem.get("severity", "error") == "error")
    sizes = (
        (counts(plan)["blocked"], "of them blocked"),
        (sum(1 for item in plan.get("refusals", ()) if not item.get("waiver")), "refused by a guard"),
        (sum(1 for item in plan.get("reports", ()) if item["code"] == "known-drift"), "known and accepted"),
        (len(plan.get("unknown", ())), "not observable"),
        (errors, "could not be observed because of an error" if errors == 1 else "errors while observing"),
    )
    return [*_left_out(plan), *(f"{size} {word}" for size, word in sizes if size)]


def _objects(count: int) -> str:
    return f"{count} object" if count == 1 else f"{count} objects"
