"""A check-up as text: failed checks first, each with its fix, and passed ones in a line for each subject.

Reads the JSON form of a check-up only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.render.style import Style, clean
from reconciler.render.summary import LAB
from reconciler.render.tables import columns

Data = Mapping[str, Any]

_LOOKS = {"error": ("red", "bold"), "warning": ("yellow",), "unknown": ("magenta",), "ok": ("green",)}


def checkup_text(checkup: Data, style: Style, *, everything: bool = False) -> str:
    """The whole check-up; its last line is the verdict. `everything` shows what passed checks found, too."""
    lines = [f"Check-up of {clean(checkup['inventory'])} for {clean(checkup['server'])}"]
    if checkup["lab"]:
        lines.append(LAB)
    problems = [item for item in checkup["checks"] if item["level"] != "ok"]
    passed = [item for item in checkup["checks"] if item["level"] == "ok"]
    if problems:
        lines += ["", *_table(problems, style)]
    if passed:
        lines += ["", *(_table(passed, style) if everything else _short(passed, style))]
    lines += ["", style.paint(verdict(checkup), "bold")]
    return "".join(f"{style.plain(line)}\n" for line in lines)


def _table(checks: Sequence[Data], style: Style) -> Iterator[str]:
    rows = [(item["level"], item["subject"], item["check"], item["found"]) for item in checks]
    for item, line in zip(checks, columns(rows), strict=True):
        level = item["level"]
        yield line.replace(level, style.paint(level, *_LOOKS[level]), 1)
        yield from (f"      {clean(part)}" for part in item["fix"].splitlines())


def _short(checks: Sequence[Data], style: Style) -> Iterator[str]:
    """One line for each subject, with the names of its checks."""
    subjects: dict[str, list[str]] = {}
    for item in checks:
        subjects.setdefault(item["subject"], []).append(item["check"])
    rows = [("ok", subject, ", ".join(names)) for subject, names in subjects.items()]
    for line in columns(rows):
        yield line.replace("ok", style.paint("ok", *_LOOKS["ok"]), 1)


def verdict(checkup: Data) -> str:
    """`Check-up: 2 failed, 31 passed.`"""
    counts = checkup["counts"]
    words = {"error": "failed", "warning": "with warnings", "unknown": "unknown", "ok": "passed"}
    said = ", ".join(f"{counts[level]} {word}" for level, word in words.items() if counts[level])
    return f"Check-up: {said or 'nothing to check'}."
