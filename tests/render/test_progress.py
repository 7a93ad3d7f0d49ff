"""Progress: the same events as lines and as a live screen."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from reconciler.model.event import ChangeEnded, ChangeStarted, Event, Outcome, Progress, StepDone, StepStarted, Stopping
from reconciler.model.plan import ChangeKey
from reconciler.render import live
from reconciler.render.live import Screen
from reconciler.render.progress import Lines
from reconciler.render.style import Style

WAITING = (
    "Nothing else is started: the run was interrupted."
    " Waiting for 1 running change to finish (Ctrl-C again stops now).\n"
)

KEY = ChangeKey.parse("create:proxy.px-1")
STORY: list[Event] = [
    ChangeStarted(KEY, "proxy.px-1", "create"),
    StepStarted(KEY, 0, "create proxy px-1"),
    Progress(KEY, "installing\x1b[2J"),
    StepDone(KEY, 0, "create proxy px-1", 3.14),
    ChangeEnded(KEY, "proxy.px-1", "create", Outcome.DONE, 3.2),
    ChangeEnded(ChangeKey("run", "job.daily"), "job.daily", "run", Outcome.SKIPPED, 0.0, "proxy.px-2 failed"),
]


def test_lines_tell_the_story_once() -> None:
    answer: list[str] = []
    with Lines(answer.append, Style(), 12) as lines:
        for event in STORY:
            lines(event)
    assert answer == [
        "  proxy.px-1: create proxy px-1 ...\n",
        "  proxy.px-1: installing\\x1b[2J\n",
        "  proxy.px-1: create proxy px-1 done (3.1 s)\n",
        "[ 1/12] done     create proxy.px-1 (3.2 s)\n",
        "[ 2/12] skipped  run job.daily: proxy.px-2 failed\n",
    ]


def test_lines_from_many_threads_stay_whole() -> None:
    answer: list[str] = []
    lines = Lines(answer.append, Style(), 200)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lines, [STORY[4]] * 200))
    assert sorted(int(line[1:4]) for line in answer) == list(range(1, 201))


def drawn(screen: Screen) -> str:
    """One frame as plain text."""
    paper = io.StringIO()
    Console(file=paper, width=100, no_color=True).print(screen.frame())
    return paper.getvalue()


def ticks() -> Iterator[float]:
    second = 0.0
    while True:
        yield second
        second += 1.5


def test_the_screen_shows_what_runs_and_for_how_long() -> None:
    times = ticks()
    paper = io.StringIO()
    screen = Screen(paper, Style(), 2, clock=lambda: next(times))
    with screen:
        pass
    for event in STORY[:3]:
        screen(event)
    frame = drawn(screen)
    assert "create proxy.px-1" in frame
    assert "installing\\x1b[2J" in frame
    assert "1.5 s  create proxy.px-1" in frame
    assert "0 of 2 ended, 1 waiting\n" in frame
    for event in STORY[3:]:
        screen(event)
    assert "create proxy.px-1" not in drawn(screen)
    assert "2 of 2 ended, 0 waiting\n" in drawn(screen)
    assert "done     create proxy.px-1 (3.2 s)" in paper.getvalue()


def test_the_screen_says_why_nothing_else_is_started() -> None:
    paper = io.StringIO()
    screen = Screen(paper, Style(), 3)
    screen(ChangeStarted(ChangeKey("create", "proxy.a"), "proxy.a", "create"))
    screen(Stopping("the run was interrupted", 1, interrupted=True))
    assert "0 of 3 ended, 2 waiting  stopping: the run was interrupted\n" in drawn(screen)
    said = WAITING
    assert said in paper.getvalue()


def test_a_screen_full_of_changes_counts_the_rest() -> None:
    screen = Screen(io.StringIO(), Style(unicode=False), 500)
    for number in range(100):
        screen(ChangeStarted(ChangeKey("create", f"proxy.{number}"), f"proxy.{number}", "create"))
    assert "more running" in drawn(screen)
    assert drawn(screen).isascii()


def test_a_long_line_is_broken_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "width_of", lambda _stream: 80)
    paper = io.StringIO()
    with Screen(paper, Style(), 2) as screen:
        screen(Stopping("the run was interrupted", 1, interrupted=True))
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", paper.getvalue()).replace("\r", "\n").splitlines()
    assert "  to finish (Ctrl-C again stops now)." in lines
