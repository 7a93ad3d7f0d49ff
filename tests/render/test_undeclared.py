"""`import --diff`: the text says what the data says, all of it and nothing else."""

from __future__ import annotations

from typing import Any

from reconciler.render.undeclared import undeclared_text

FOUND: dict[str, Any] = {
    "server": "vbo01",
    "undeclared": [
        {"address": "job.Mail", "name": "Mail", "owner": ""},
        {"address": "proxy.px-1", "name": "px-1.example.com", "owner": "other"},
    ],
    "differing": [
        {"address": "proxy.px-2", "path": "threads", "server": 64, "declared": 32},
        {"address": "proxy.px-2", "path": "throttle", "server": "off", "declared": "100 Mbps"},
    ],
    "missing": ["job.gone"],
}


def test_everything_is_said() -> None:
    assert undeclared_text(FOUND).splitlines() == [
        "  job.Mail",
        "  proxy.px-1  (px-1.example.com)  owned by other",
        "2 objects on vbo01 not declared.",
        "Different on vbo01:",
        "  proxy.px-2",
        "    threads: 64, declared is 32",
        "    throttle: off, declared is 100 Mbps",
        "Declared, and not on vbo01:",
        "  job.gone",
    ]


def test_nothing_is_said_of_nothing() -> None:
    nothing = {**FOUND, "undeclared": [], "differing": [], "missing": []}
    assert undeclared_text(nothing) == "0 objects on vbo01 not declared.\n"


def test_names_of_a_server_do_not_reach_the_terminal_as_they_are() -> None:
    one = {"address": "job.\x1b[2J", "name": "\x1b[2J", "owner": ""}
    assert "\x1b" not in undeclared_text({**FOUND, "undeclared": [one]})
