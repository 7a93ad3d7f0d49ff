"""The end of an apply."""

from __future__ import annotations

from typing import Any

from reconciler.model.event import ChangeEnded, Outcome
from reconciler.model.plan import ChangeKey
from reconciler.render.results import mails_text, results_json, results_text, verdict
from reconciler.render.style import Style

ENDS = (
    ChangeEnded(
        ChangeKey.parse("create:proxy.px-2"),
        "proxy.px-2",
        "create",
        Outcome.FAILED,
        3.14,
        "vbo01: POST Proxies: .NET is missing\nsecond line",
        hint="Install it.",
        log=("one", "two\x1b[2J"),
    ),
    ChangeEnded(ChangeKey.parse("create:pool.cloud"), "pool.cloud", "create", Outcome.DONE, 0.21),
    ChangeEnded(
        ChangeKey.parse("update:repository.r"), "repository.r", "update", Outcome.SKIPPED, detail="proxy.px-2 failed"
    ),
    ChangeEnded(
        ChangeKey.parse("run:job.daily"), "job.daily", "run", Outcome.DONE, 12.0, "Success, 120 objects, by px-1"
    ),
    ChangeEnded(
        ChangeKey.parse("delete:job.old"), "job.old", "delete", Outcome.NOT_STARTED, detail="the run was interrupted"
    ),
)

MAILS: list[dict[str, Any]] = [
    {"proxy": "px-1", "from": "vbo@example.com", "to": ["a@example.com", "b@example.com"], "subject": "[Success] daily"}
]


def test_what_failed_stands_last_with_its_reason_and_mend() -> None:
    assert results_text(ENDS, Style()) == (
        "Changes\n"
        "  done         create pool.cloud    0.2 s\n"
        "  not started  delete job.old       0.0 s  the run was interrupted\n"
        "  skipped      change repository.r  0.0 s  proxy.px-2 failed\n"
        "  failed       create proxy.px-2    3.1 s  vbo01: POST Proxies: .NET is missing\n"
        "      second line\n"
        "      one\n"
        "      two\\x1b[2J\n"
        "      Fix: Install it.\n"
        "\n"
        "Jobs\n"
        "  done  daily  12.0 s  Success, 120 objects, by px-1\n"
        "\n"
        "Applied: 2 done, 1 failed, 1 skipped, 1 not started.\n"
    )


def test_counts_come_from_the_results() -> None:
    assert verdict(()) == "Applied: 0 done, 0 failed, 0 skipped, 0 not started."


def test_mails_say_who_sent_what_to_whom() -> None:
    assert mails_text(MAILS, Style()) == (
        "Mails that the proxies sent\n"
        "  PROXY  FROM             TO                            SUBJECT\n"
        "  px-1   vbo@example.com  a@example.com, b@example.com  [Success] daily\n"
    )
    assert mails_text([], Style()) == ""


def test_the_same_for_programs() -> None:
    assert results_json(ENDS[1:2]) == [
        {
            "key": ChangeKey.parse("create:pool.cloud"),
            "address": "pool.cloud",
            "action": "create",
            "outcome": "done",
            "seconds": 0.21,
            "detail": "",
            "hint": "",
            "log": [],
        }
    ]
