"""Diagnostics as blocks."""

from __future__ import annotations

import pytest

from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.position import Position
from reconciler.render.diagnostics import WIDTH, diagnostics_text
from reconciler.render.style import Style
from reconciler.render.wrapping import columns_of

REFERENCE = Diagnostic(
    code="unknown-reference",
    summary="Unknown reference",
    detail="px-lon-1 names the credential 'corp-admn', which is not declared.",
    fix="Did you mean corp-admin?",
    position=Position("sites/london.yml", 9, 34),
    address="proxy.px-lon-1",
    source="  px-lon-1: {host: x, credentials: corp-admn}",
)


def test_a_block_has_everything() -> None:
    assert diagnostics_text([REFERENCE], Style()) == (
        "│ Error: Unknown reference\n"
        "│   sites/london.yml:9:34 (proxy.px-lon-1)\n"
        "│\n"
        "│   9 │   px-lon-1: {host: x, credentials: corp-admn}\n"
        "│     │                                  ^\n"
        "│\n"
        "│ px-lon-1 names the credential 'corp-admn', which is not declared.\n"
        "│\n"
        "│ Fix: Did you mean corp-admin?\n"
    )


def test_a_stream_without_strokes_gets_ascii() -> None:
    text = diagnostics_text([REFERENCE], Style(unicode=False))
    assert text.isascii()
    assert text.startswith("| Error: Unknown reference\n")
    assert "|   9 |   px-lon-1" in text


def test_little_to_say_is_said_briefly() -> None:
    bare = Diagnostic("code", "It is so", "This is how it is.", severity=Severity.WARNING)
    assert diagnostics_text([bare], Style()) == "│ Warning: It is so\n│ This is how it is.\n"


def test_commands_to_copy_keep_their_own_line() -> None:
    answer = Diagnostic("code", "No", "Because.", "Run this:\n  vbo-reconcile lab reset")
    assert diagnostics_text([answer], Style()).endswith("│ Fix: Run this:\n│   vbo-reconcile lab reset\n")


def test_other_places_are_named() -> None:
    answer = Diagnostic("twice", "Declared twice", "Both say so.", related=(Position("b.yml", 4, 2),))
    assert "│ see also b.yml:4:2\n" in diagnostics_text([answer], Style())


def test_findings_stand_in_the_order_of_the_file() -> None:
    late = Diagnostic("a", "Late", "x", position=Position("a.yml", 20, 1))
    early = Diagnostic("z", "Early", "x", position=Position("a.yml", 3, 9))
    text = diagnostics_text([late, early], Style())
    assert text.index("Early") < text.index("Late")
    assert "\n\n│ Error: Late" in text


@pytest.mark.parametrize(
    ("source", "column", "caret"),
    [
        pytest.param("key: value", 1, 0, id="at the start"),
        pytest.param("key: value", 6, 5, id="in the middle"),
        pytest.param("key", 99, 3, id="beyond the end"),
        pytest.param("\tkey: value", 2, 1, id="after a tab"),
        pytest.param("名前: value", 5, 6, id="after wide characters"),
        pytest.param("e\u0301: value", 3, 1, id="after a combining character"),
        pytest.param("a\x1b[31mb", 3, 5, id="after a control character that is shown as an escape"),
    ],
)
def test_the_caret_stands_below_its_column(source: str, column: int, caret: int) -> None:
    answer = Diagnostic("code", "Wrong", "x", position=Position("a.yml", 1, column), source=source)
    line = next(line for line in diagnostics_text([answer], Style()).splitlines() if line.endswith("^"))
    assert line == "│     │ " + " " * caret + "^"


@pytest.mark.parametrize("column", [1, 2_500_000, 5_000_000])
def test_a_very_long_line_is_cut_around_the_caret(column: int) -> None:
    source = "a" * (column - 1) + "X" + "b" * (5_000_000 - column)
    answer = Diagnostic("code", "Wrong", "x", position=Position("a.yml", 1, column), source=source)
    text, caret = _pair(diagnostics_text([answer], Style()))
    assert len(text) < WIDTH + 20
    assert text[caret.index("^")] == "X"


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("letter", ["a", "\u6771"])
def test_a_source_line_is_cut_to_the_terminal(columns: int, letter: str) -> None:
    source = letter * 60 + "X" + letter * 60
    answer = Diagnostic("code", "Wrong", "x", position=Position("a.yml", 1234, 61), source=source)
    text, caret = _pair(diagnostics_text([answer], Style(columns=columns)))
    assert columns_of(text) <= columns
    assert "X" in text
    assert columns_of(text.partition("X")[0]) == caret.index("^")


def _pair(text: str) -> tuple[str, str]:
    lines = text.splitlines()
    at = next(index for index, line in enumerate(lines) if line.endswith("^"))
    return lines[at - 1], lines[at]


def test_nothing_that_a_terminal_obeys_gets_through() -> None:
    answer = Diagnostic("code", "a\x1b[2Jb", "c\x07d\x9b31m", "e\u202ef", address="x\ny")
    text = diagnostics_text([answer], Style())
    assert not any(char in text for char in "\x1b\x07\x9b\u202e")
    assert "│   x\\ny\n" in text


def test_many_diagnostics_are_counted() -> None:
    """Thousands are too many to read: the first errors stand in their order, then how many there are."""
    warnings = [Diagnostic("w", "Old", "old", severity=Severity.WARNING, position=Position("a.yml", 1))] * 5
    errors = [Diagnostic("e", f"No {number}", "x", position=Position("a.yml", 10 + number)) for number in range(3_000)]
    text = diagnostics_text([*warnings, *errors], Style())
    assert text.count("Error:") == 100
    assert "No 99\n" in text
    assert "No 100\n" not in text
    assert text.endswith("\n2,905 more errors and warnings are not shown; `--format json` lists all of them.\n")
    assert "more errors" not in diagnostics_text([*warnings, *errors[:95]], Style())
