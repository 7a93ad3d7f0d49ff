"""The page besides changes: guards, problems, reports, and what could not be observed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.render import review
from reconciler.render.html.changes import address
from reconciler.render.html.tags import Html, join, prose, tag

Data = Mapping[str, Any]

NAMED = 3
"""Subjects of one note that are named; of more their number."""


def guards(plan: Data) -> Iterator[Html]:
    """Refusals first, then what was waived."""
    ways = review.ways_past(plan)
    for item in sorted(plan["refusals"], key=lambda refusal: (bool(refusal["waiver"]), refusal["code"])):
        waived = bool(item["waiver"])
        title = tag("h3", tag("code", item["code"]), " waived" if waived else " refuses this plan")
        about = [tag("p", prose(item["detail"]))]
        if item["addresses"]:
            about.append(tag("p", join(map(address, item["addresses"]), ", "), class_="names"))
        if waived:
            about.append(tag("p", "Reason given: ", item["waiver"], class_="quiet"))
        elif item["code"] in ways:
            about.append(_way_past(*ways[item["code"]]))
        yield _note("waived" if waived else "bad", "i" if waived else "!", title, *about)


def _way_past(option: str, key: str) -> Html:
    instead = join([", or change ", tag("code", key), " in the inventory"]) if key else ""
    return tag("p", "To let it pass, say why: ", tag("code", option), instead, ".", class_="quiet")


def problems(found: Sequence[Data]) -> Iterator[Html]:
    for item in sorted(found, key=lambda problem: (problem["severity"] != "error", problem["address"])):
        bad = item["severity"] == "error"
        where = review.place(item["position"])
        head = tag(
            "p",
            address(item["address"]) if item["address"] else "",
            " ",
            tag("span", where, class_="place"),
            class_="names",
        )
        title = tag("h3", item["summary"], tag("span", " error" if bad else " warning", class_="quiet"))
        source = [tag("pre", item["source"].strip("\r\n"))] if item["source"] else []
        fix = fix_of(item["fix"]) if item["fix"] else []
        yield _note("bad" if bad else "warn", "!", title, head, tag("p", prose(item["detail"])), *source, *fix)


def fix_of(text: str) -> list[Html]:
    """What to do; a line that is indented is a command to copy."""
    parts = []
    for number, line in enumerate(text.splitlines()):
        if line.startswith("  "):
            parts.append(tag("pre", line.strip()))
        elif line.strip():
            parts.append(tag("p", tag("strong", "Fix: ") if number == 0 else "", prose(line)))
    return parts


def _note(tone: str, sign: str, *content: Html) -> Html:
    mark = tag("span", sign, class_=f"badge t-{tone}")
    return tag("article", mark, tag("div", *content), class_=f"note t-{tone}")


def batches(found: Sequence[Sequence[str]]) -> Html:
    return tag("ol", *(_batch(number, names) for number, names in enumerate(found, 1)), class_="lines")


def _batch(number: int, names: Sequence[str]) -> Html:
    return tag("li", tag("span", str(number), class_="badge"), tag("span", join(map(address, names), ", ")))


def reports(plan: Data) -> Html:
    folded = review.undeclared(plan)
    alike: dict[tuple[str, str, str], list[Data]] = {}
    for item in _sorted_reports(review.without(plan["reports"], folded)):
        alike.setdefault((item["code"], item["detail"], item.get("fix") or ""), []).append(item)
    lines = [_report(*items) for items in alike.values()]
    if folded:
        inner = tag("ul", *map(_report, _sorted_reports(folded)), class_="lines")
        title = tag("summary", review.undeclared_text(folded))
        lines.append(tag("li", tag("span", "i", class_="badge"), tag("details", title, inner)))
    return tag("ul", *lines, class_="lines")


def _sorted_reports(found: Iterable[Data]) -> list[Data]:
    return sorted(found, key=lambda item: (item["address"], item["code"], item["detail"]))


def _report(item: Data, *more: Data) -> Html:
    """One report, or several that say the same of different objects."""
    where = "" if more else review.place(item["position"])
    subjects = subjects_of([one["address"] for one in (item, *more)])
    fix = f". {' '.join(item['fix'].split())}" if item.get("fix") else ""
    said = (subjects, ": ", prose(item["detail"]), prose(fix), " ", tag("span", where, class_="place"))
    return tag("li", tag("span", "i", class_="badge"), tag("span", *said))


def unknown(plan: Data) -> Html:
    groups: dict[tuple[str, str], list[str]] = {}
    for item in plan["unknown"]:
        groups.setdefault((item["address"], item["why"]), []).append(item["path"])
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (where, why), paths in sorted(groups.items()):
        alike.setdefault((why, tuple(sorted(paths))), []).append(where)
    return tag("ul", *(_hidden(subjects, why, paths) for (why, paths), subjects in alike.items()), class_="lines")


def subjects_of(subjects: Sequence[str], word: str = "objects") -> Html:
    """The addresses that something holds for: many as a count that can be opened."""
    names = join(map(address, subjects), ", ")
    if len(subjects) <= NAMED:
        return names
    return tag("details", tag("summary", f"{len(subjects):,} {word}"), tag("p", names, class_="names"), class_="which")


def _hidden(subjects: Sequence[str], why: str, paths: Sequence[str]) -> Html:
    fields = join((tag("code", path) if path != "*" else "everything" for path in paths), ", ")
    said = tag("span", fields, " ", tag("span", why, class_="quiet"), ": ", subjects_of(subjects))
    return tag("li", tag("span", "?", class_="badge s-unknown"), said)
