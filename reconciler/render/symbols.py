"""The symbols of a plan, those of OpenTofu (`+ ~ - -/+`), and `^ > ? ! i`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symbol:
    """`sign` and `meaning` are for the legend, `verb` for a line, `counted` for the summary. Low `rank` comes first."""

    sign: str
    meaning: str
    looks: tuple[str, ...]
    verb: str = ""
    counted: str = ""
    rank: int = 0


ACTIONS = {
    "delete": Symbol("-", "delete", ("red",), "delete", "to delete", 0),
    "replace": Symbol("-/+", "replace (delete first)", ("red",), "replace", "to replace", 0),
    "takeover": Symbol(
        "^", "take over from another server", ("magenta", "bold"), "take over", "to take over from another server", 0
    ),
    "update": Symbol("~", "change", ("yellow",), "change", "to change", 1),
    "upgrade": Symbol("~", "change", ("yellow",), "upgrade", "to upgrade", 1),
    "adopt": Symbol("&", "adopt (mark as managed by this inventory)", ("cyan",), "adopt", "to adopt", 1),
    "create": Symbol("+", "create", ("green",), "create", "to create", 2),
    "run": Symbol(">", "run", ("cyan",), "run", "to run", 3),
}
UNKNOWN = Symbol("?", "not observable", ("magenta",))
BLOCKED = Symbol("!", "blocked", ("red", "bold"))
REPORT = Symbol("i", "report, nothing will change", ("dim",))
