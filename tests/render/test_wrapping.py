"""Lines for a terminal: broken between words, and never where a command would be cut."""

from __future__ import annotations

import re

import pytest

from reconciler.model.diagnostic import Diagnostic
from reconciler.render.diagnostics import diagnostics_text
from reconciler.render.style import Style
from reconciler.render.tables import columns as table
from reconciler.render.wrapping import columns_of, shortened, wrapped

LONG = "one of the words in this sentence must not be cut, however narrow the terminal of the reader is, at its end"
COMMAND = "  vbo-reconcile apply a/rather/long/path/to/inventory.yml --target proxy.px-lon-1 --target proxy.px-lon-2"


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("width", [40, 61, 80])
@pytest.mark.parametrize("indent", ["", "  ", "      "])
def test_words_stay_whole(width: int, indent: str) -> None:
    lines = wrapped(indent + LONG, width).split("\n")
    assert max(map(len, lines)) <= width
    assert " ".join(line.strip() for line in lines) == LONG
    assert all(line.startswith(indent) for line in lines)


def test_a_terminal_that_is_wide_enough_and_no_terminal_change_nothing() -> None:
    assert wrapped(LONG, 200) == wrapped(LONG, 0) == LONG


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    lines = wrapped("  \u6771\u4eac" * 20, 40).split("\n")
    assert max(map(columns_of, lines)) <= 40
    assert wrapped("  " + "e\u0301 " * 19, 40) == "  " + "e\u0301 " * 19
    assert columns_of("\U0001f680\ufe0f") == 2
    assert columns_of(shortened("\u6771\u4eac " * 9, 21)) <= 21


def test_a_painted_line_is_indented_as_a_plain_one() -> None:
    style = Style(colour=True)
    assert plain(wrapped(style.paint(f"      {LONG}", "dim"), 40)) == wrapped(f"      {LONG}", 40)


def test_columns_of_a_table_are_aligned_where_names_are_wide() -> None:
    first, second = table([["\u6771\u4eac", "a"], ["px-10", "b"]])
    assert columns_of(first) == columns_of(second)


def test_commands_and_what_has_no_blanks_stay_whole() -> None:
    assert wrapped(COMMAND, 80) == COMMAND
    assert wrapped("      " + "x" * 100, 80) == "      " + "x" * 100


@pytest.mark.parametrize("colour", [False, True])
def test_a_diagnostic_keeps_its_rule(colour: bool) -> None:
    text = diagnostics_text([Diagnostic("a", LONG, LONG, f"{LONG}\n{COMMAND}")], Style(colour=colour))
    lines = [plain(line) for line in wrapped(text, 60).rstrip("\n").split("\n")]
    assert all(line.startswith("│") for line in lines)
    assert [line for line in lines if len(line) > 60] == [f"│ {COMMAND}"]


def test_what_is_shortened_ends_after_a_word() -> None:
    assert shortened("waiting for px-1, px-2 and 1 more", 24) == "waiting for px-1, px-2 …"
    assert shortened("waiting for px-1, px-2 and 1 more", 21) == "waiting for px-1 …"
    assert shortened("short", 20) == "short"
