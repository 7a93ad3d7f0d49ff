"""A check-up as a page: what failed first, each with its fix, then what passed, by subject. Reads the JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.address import kind_of
from reconciler.model.address import name_of as after_kind
from reconciler.render import summary
from reconciler.render.doctor import verdict
from reconciler.render.html.changes import address
from reconciler.render.html.frame import MANY, framed, section, tile
from reconciler.render.html.graph import plural
from reconciler.render.html.members import FEW, common, members
from reconciler.render.html.notes import NAMED, fix_of, subjects_of
from reconciler.render.html.tags import Html, name_of, prose, tag

Data = Mapping[str, Any]

FOLDED = 24
"""Subjects from which on what passed is one line at first."""
_LEVELS = {
    "error": ("problem", "!", "failed", "t-bad"),
    "warning": ("update", "~", "with a warning", "t-warn"),
    "unknown": ("unknown", "?", "unknown", ""),
    "ok": ("create", "=", "passed", "t-good"),
}
"""By level: the state whose colours it has, a sign, words, and the tone of a headline or note."""
_TITLES = {"error": "Failed", "warning": "Warnings", "unknown": "Unknown"}


def checkup_html(checkup: Data) -> str:
    """The whole page."""
    headline, tone = _headline(checkup)
    return framed(
        f"{headline}: check-up of {checkup['inventory']}",
        _header(checkup, headline, tone),
        tag("main", *_sections(checkup["checks"]), class_="many" if len(checkup["checks"]) > MANY else None),
    )


def _headline(checkup: Data) -> tuple[str, str]:
    counts = checkup["counts"]
    if failed := counts["error"]:
        return (f"{failed} checks failed" if failed > 1 else "1 check failed"), "t-bad"
    if counts["warning"] or counts["unknown"]:
        return "Nothing failed, not everything is fit or known", "t-warn"
    return "Everything is reached, and fit", "t-good"


def _header(checkup: Data, headline: str, tone: str) -> Html:
    tiles = [tile(state, sign, checkup["counts"][level], words) for level, (state, sign, words, _) in _LEVELS.items()]
    return tag(
        "header",
        tag("p", "Check-up of ", name_of(checkup["inventory"]), class_="kicker"),
        tag("h1", headline, class_=tone),
        tag("p", verdict(checkup), class_="verdict"),
        tag("p", summary.LAB, class_="lab") if checkup["lab"] else "",
        tag("ul", *tiles, class_="counts"),
        tag("dl", tag("div", tag("dt", "Server"), tag("dd", name_of(checkup["server"]))), class_="facts"),
    )


def _sections(checks: Sequence[Data]) -> Iterator[Html]:
    for level, title in _TITLES.items():
        found = [item for item in checks if item["level"] == level]
        if found:
            yield section(title, len(found), *(_note(level, *about) for about in _alike(found)))
    passed: dict[str, list[Data]] = {}
    for item in checks:
        if item["level"] == "ok":
            passed.setdefault(item["subject"], []).append(item)
    if passed:
        yield section("Passed", sum(map(len, passed.values())), *_cards(passed))


def _cards(passed: Mapping[str, Sequence[Data]]) -> Iterator[Html]:
    """One card for each subject; of many subjects one for all that passed the same checks."""
    alike: dict[object, list[str]] = {}
    for subject, items in passed.items():
        checks = tuple(item["check"] for item in items)
        alike.setdefault((kind_of(subject), checks) if len(passed) > FOLDED else subject, []).append(subject)
    for subjects in alike.values():
        if len(subjects) > FEW:
            yield _passed_by_all(subjects, passed)
        else:
            yield from (_passed(subject, passed[subject]) for subject in subjects)


def _alike(found: Sequence[Data]) -> Iterator[tuple[list[str], str, str, tuple[str, ...]]]:
    """(subjects, what was found, fix, checks): what has one reason is one note."""
    checks: dict[tuple[str, str, str], list[str]] = {}
    for item in found:
        checks.setdefault((item["subject"], item["found"], item["fix"]), []).append(item["check"])
    subjects: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (subject, reason, fix), names in checks.items():
        subjects.setdefault((reason, fix, tuple(names)), []).append(subject)
    for (reason, fix, all_checks), alike in subjects.items():
        yield alike, reason, fix, all_checks


def _note(level: str, subjects: Sequence[str], reason: str, fix: str, checks: Sequence[str]) -> Html:
    state, sign, _, tone = _LEVELS[level]
    names = tag("span", ", ".join(checks), class_="quiet")
    if len(subjects) <= NAMED:
        said = [tag("h3", subjects_of(subjects), " ", names), tag("p", prose(reason))]
    else:
        said = [tag("h3", names), tag("p", prose(reason)), subjects_of(subjects)]
    said += fix_of(fix) if fix else []
    badge = tag("span", sign, class_=f"badge s-{state}")
    return tag("article", badge, tag("div", *said), class_=f"note {tone}".strip())


def _passed_by_all(subjects: Sequence[str], passed: Mapping[str, Sequence[Data]]) -> Html:
    """What passed of subjects that have the same checks: what was found of all, and a table of what differs."""
    first = passed[subjects[0]]
    rows = [{item["check"]: prose(item["found"]) for item in passed[subject]} for subject in subjects]
    counted = f"{len(subjects):,} {plural(kind_of(subjects[0]))}"
    names = [name_of(after_kind(subject) or subject) for subject in subjects]
    everyone = members(counted, names, rows, [None] * len(rows), kind=kind_of(subjects[0]))
    return _card(tag("bdi", counted), [item["check"] for item in first], _found(common(rows)), everyone)


def _passed(subject: str, items: Sequence[Data]) -> Html:
    """What passed of one subject, folded to a line."""
    return _card(
        address(subject),
        [item["check"] for item in items],
        _found({item["check"]: prose(item["found"]) for item in items}),
    )


def _card(title: Html, checks: Sequence[str], *content: Html) -> Html:
    state, sign, _, _ = _LEVELS["ok"]
    size = f"{len(checks)} checks" if len(checks) > 1 else checks[0]
    head = (tag("span", sign, class_=f"badge s-{state}"), tag("span", title, class_="what"))
    body = tag("div", *content, class_="body")
    return tag(
        "details", tag("summary", *head, tag("span", size, class_="size")), body, class_=f"card passed s-{state}"
    )


def _found(found: Mapping[str, Html]) -> Html:
    """A table of what was found by each check."""
    rows = (tag("tr", tag("th", check, scope="row"), tag("td", said)) for check, said in found.items())
    return tag("table", tag("tbody", *rows), class_="found") if found else Html("")
