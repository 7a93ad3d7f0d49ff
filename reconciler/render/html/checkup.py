"""A check-up as a page: what failed first, each with its fix, then what passed, by subject. Reads the JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.render import summary
from reconciler.render.doctor import verdict
from reconciler.render.html.changes import address
from reconciler.render.html.frame import framed, section, tile
from reconciler.render.html.tags import Html, name_of, tag

Data = Mapping[str, Any]

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
        tag("main", *_sections(checkup["checks"])),
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
            yield section(title, len(found), *(_note(item) for item in found))
    passed: dict[str, list[Data]] = {}
    for item in checks:
        if item["level"] == "ok":
            passed.setdefault(item["subject"], []).append(item)
    if passed:
        yield section("Passed", sum(map(len, passed.values())), _table(passed))


def _note(item: Data) -> Html:
    state, sign, _, tone = _LEVELS[item["level"]]
    said = [tag("h3", address(item["subject"]), " ", tag("span", item["check"], class_="quiet"))]
    said.append(tag("p", item["found"]))
    said += [tag("p", line, class_="quiet") for line in item["fix"].splitlines()]
    badge = tag("span", sign, class_=f"badge s-{state}")
    return tag("article", badge, tag("div", *said), class_=f"note {tone}".strip())


def _table(passed: Mapping[str, Sequence[Data]]) -> Html:
    head = tag("tr", *(tag("th", title, scope="col") for title in ("", "Subject", "Checks", "Found")))
    rows = [_row(subject, number, item) for subject, items in passed.items() for number, item in enumerate(items)]
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="changes")


def _row(subject: str, number: int, item: Data) -> Html:
    state, sign, _, _ = _LEVELS["ok"]
    return tag(
        "tr",
        tag("td", tag("span", sign, class_=f"badge s-{state}"), class_="sign"),
        tag("th", address(subject) if number == 0 else "", scope="row"),
        tag("td", item["check"], class_="paths"),
        tag("td", item["found"], class_="why"),
    )
