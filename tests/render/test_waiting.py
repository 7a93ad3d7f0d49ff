"""What is waited for, and when it is said."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from threading import Event

import pytest

from reconciler.model.waiting import Awaited, Waiting, reading
from reconciler.render.style import Style
from reconciler.render.waiting import LogLine, TerminalLine, WaitingDisplay, waiting_text


@pytest.mark.parametrize(
    ("pending", "text"),
    [
        ((), "Reading vbo and 5 hosts"),
        (("px-5",), "Reading vbo and 5 hosts: 5 of 6 answered, waiting for px-5"),
        (
            ("the server", "px-1", "px-2"),
            "Reading vbo and 5 hosts: 3 of 6 answered, waiting for the server, px-1, px-2",
        ),
        (
            ("px-1", "px-2", "px-3", "px-4", "px-5"),
            "Reading vbo and 5 hosts: 1 of 6 answered, waiting for px-1, px-2, px-3 and 2 more",
        ),
    ],
)
def test_who_has_not_answered_is_named(pending: tuple[str, ...], text: str) -> None:
    assert waiting_text(Waiting("Reading vbo and 5 hosts", pending, 6)) == text


def test_of_thousands_a_few_are_named_and_all_are_counted() -> None:
    reports: list[Waiting] = []
    with Awaited("Reading", [f"px-{number}" for number in range(5000)], reports.append) as awaited:
        for number in range(1, 4000):
            awaited.answered(f"px-{number}")
    assert max(len(report.pending) for report in reports) < 100
    assert waiting_text(reports[-1]) == (
        "Reading: 3999 of 5000 answered, waiting for px-0, px-4000, px-4001 and 998 more"
    )


def test_names_of_others_cannot_move_the_cursor() -> None:
    assert "\x1b" not in waiting_text(Waiting("Reading \x1b[2Jvbo", ("px\x1b[1A",), 2))


def test_a_server_without_hosts_is_not_counted() -> None:
    assert reading("vbo", []) == ("Reading vbo", ())
    assert reading("vbo", ["px-1"]) == ("Reading vbo and 1 host", ("the server", "px-1"))


def test_each_answer_is_told_until_nobody_asks_any_more() -> None:
    reports: list[Waiting] = []
    with Awaited("Reading", ["a", "b"], reports.append) as awaited:
        awaited.answered("a")
        awaited.answered("a stranger")
    awaited.answered("b")
    assert [item.pending for item in reports] == [("a", "b"), ("b",), ("b",)]
    assert {item.total for item in reports} == {2}


class Painter:
    """Paints as soon as it may, and remembers what."""

    def __init__(self, again: float = 0.0) -> None:
        self.after = 0.0
        self.again = again
        self.painted: list[str] = []
        self.erased = 0
        self.came = Event()

    def paint(self, text: Callable[[], str]) -> None:
        self.painted.append(text())
        self.came.set()

    def erase(self) -> None:
        self.erased += 1


def test_a_wait_is_painted_and_erased() -> None:
    painter = Painter()
    times = iter([10.0, 22.4])
    display = WaitingDisplay(painter, clock=lambda: next(times))
    display.show(Waiting("Connecting to vbo"))
    assert painter.came.wait(30)
    display.show(Waiting(""))
    assert painter.painted == [" 12 s  Connecting to vbo"]
    assert painter.erased == 1


def test_a_wait_that_is_over_is_not_painted() -> None:
    painter = Painter()
    painter.after = 60.0
    display = WaitingDisplay(painter)
    display.show(Waiting("Connecting to vbo"))
    display.show(Waiting(""))
    display.make_way()
    assert (painter.painted, painter.erased) == ([], 0)


def test_other_output_is_not_mixed_with_the_line() -> None:
    painter = Painter()
    display = WaitingDisplay(painter, clock=lambda: 0.0)
    display.show(Waiting("Reading vbo"))
    assert painter.came.wait(30)
    painter.came.clear()
    display.make_way()
    assert painter.erased == 1
    assert painter.came.wait(30)  # the wait goes on
    display.show(Waiting(""))
    assert painter.erased == 2


def test_a_program_that_waits_for_nothing_works() -> None:
    painter = Painter()
    display = WaitingDisplay(painter, clock=lambda: 0.0)
    display.begin()
    assert painter.came.wait(30)
    display.show(Waiting("Reading vbo"))
    assert display.text() == "  0 s  Reading vbo"
    display.show(Waiting(""))
    assert display.text() == "  0 s  Working"
    assert painter.erased == 0  # the line stays, and changes
    display.finish()
    assert (painter.painted, painter.erased) == (["  0 s  Starting"], 1)


def test_short_waits_do_not_put_off_the_line_of_a_program_that_works() -> None:
    painter = Painter()
    painter.after = 60.0
    display = WaitingDisplay(painter, clock=lambda: 0.0)
    display.begin()
    for what in ("Reading the journal", "", "Connecting to vbo", ""):
        display.show(Waiting(what))
    assert painter.came.wait(30)
    assert painter.painted == ["  0 s  Working"]
    display.finish()


def test_a_program_that_serves_waits_for_what_it_says() -> None:
    display = WaitingDisplay(Painter(), clock=lambda: 0.0)
    display.begin()
    display.finish()
    display.show(Waiting("Reading vbo"))
    assert display.text() == "  0 s  Reading vbo"
    display.show(Waiting(""))
    assert display.text() == ""


def test_nothing_is_painted_while_a_question_is_asked() -> None:
    painter = Painter()
    display = WaitingDisplay(painter, clock=lambda: 0.0)
    display.show(Waiting("Reading vbo"))
    assert painter.came.wait(30)
    display.hold()
    painter.came.clear()
    display.make_way()
    display.show(Waiting(""))
    display.show(Waiting("Writing"))
    assert (painter.painted, painter.erased) == (["  0 s  Reading vbo"], 1)
    display.release()
    assert painter.came.wait(30)
    assert painter.painted[1:] == ["  0 s  Writing"]
    display.show(Waiting(""))


class Stream(io.StringIO):
    """Says when the line was drawn again."""

    def __init__(self) -> None:
        super().__init__()
        self.turned = Event()

    def write(self, text: str) -> int:
        if self.getvalue():
            self.turned.set()
        return super().write(text)


def test_the_line_of_a_terminal_turns_and_leaves_nothing() -> None:
    stream = Stream()
    line = TerminalLine(stream, Style(unicode=False))
    texts = iter(["  0 s  Reading vbo", "  1 s  Done"])
    line.paint(lambda: next(texts, "  1 s  Done"))
    assert stream.turned.wait(30)
    line.erase()
    first, second, *_ = [part for part in stream.getvalue().split("\r") if part]
    assert re.fullmatch(r"[|/\\-]   0 s  Reading vbo", first)
    assert re.fullmatch(r"[|/\\-]   1 s  Done       ", second)  # covers the longer one
    assert stream.getvalue().endswith(f"\r{' ' * 13}\r")


def test_the_line_of_a_terminal_is_never_wider_than_it() -> None:
    stream = Stream()
    line = TerminalLine(stream, Style())
    line.paint(lambda: "waiting for " + ", ".join(f"px-{number}" for number in range(40)))
    line.erase()
    drawn = stream.getvalue().split("\r")[1]
    assert len(drawn) < 80
    assert drawn.endswith(" …")


def test_a_log_gets_whole_lines_again_and_again() -> None:
    lines: list[str] = []
    several = Event()

    def write(line: str) -> None:
        lines.append(line)
        if len(lines) == 3:
            several.set()

    painter = LogLine(write)
    painter.after = painter.again = 0.001
    display = WaitingDisplay(painter, clock=lambda: 0.0)
    display.show(Waiting("Reading vbo"))
    assert several.wait(30)
    display.show(Waiting(""))
    assert set(lines) == {"0 s  Reading vbo\n"}
