"""A check-up as a page: what failed first, each with its fix, then what passed, by subject. Reads the JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.render import summary
from reconciler.render.doctor import verdict
from reconciler.render.html.changes import address
from reconciler.render.html.frame import MANY, framed, section, tile
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
        cards = [_passed(subject, items) for subject, items in passed.items()]
        if len(cards) > FOLDED:
            title = tag("summary", tag("span", f"{len(cards):,} objects", class_="what"))
            cards = [tag("details", title, tag("div", *cards, class_="body"), class_="card passed")]
        yield section("Passed", sum(map(len, passed.values())), *cards)


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


def _passed(subject: str, items: Sequence[Data]) -> Html:
    """What passed of one subject, folded to a line."""
    state, sign, _, _ = _LEVELS["ok"]
    checks = f"{len(items)} checks" if len(items) > 1 else items[0]["check"]
    head = (tag("span", sign, class_=f"badge s-{state}"), tag("span", address(subject), class_="what"))
    rows = (tag("tr", tag("th", item["check"], scope="row"), tag("td", item["found"])) for item in items)
    table = tag("table", tag("tbody", *rows))
    body = tag("div", table, class_="body")
    return tag(
        "details", tag("summary", *head, tag("span", checks, class_="size")), body, class_=f"card passed s-{state}"
    )
