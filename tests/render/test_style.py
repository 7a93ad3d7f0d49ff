"""What a stream is given: colour, strokes, and never what a terminal would obey."""

from __future__ import annotations

import io

import pytest

from reconciler.render.style import Style, clean, style_of, wants_colour


@pytest.mark.parametrize(
    ("flag", "environment", "terminal", "expected"),
    [
        pytest.param("auto", {}, True, True, id="a terminal"),
        pytest.param("auto", {}, False, False, id="no terminal"),
        pytest.param("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True, id="the flag wins: always"),
        pytest.param("never", {"FORCE_COLOR": "1"}, True, False, id="the flag wins: never"),
        pytest.param("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False, id="NO_COLOR before FORCE_COLOR"),
        pytest.param("auto", {"NO_COLOR": ""}, True, True, id="an empty NO_COLOR is none"),
        pytest.param("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True, id="FORCE_COLOR before TERM"),
        pytest.param("auto", {"CLICOLOR_FORCE": "1"}, False, True, id="CLICOLOR_FORCE"),
        pytest.param("auto", {"FORCE_COLOR": ""}, False, False, id="an empty FORCE_COLOR is none"),
        pytest.param("auto", {"FORCE_COLOR": "0"}, False, False, id="FORCE_COLOR=0 is none"),
        pytest.param("auto", {"CLICOLOR_FORCE": "0"}, True, True, id="CLICOLOR_FORCE=0 leaves a terminal as it is"),
        pytest.param("auto", {"TERM": "dumb"}, True, False, id="a dumb terminal"),
        pytest.param("auto", {"TERM": "xterm", "CI": "true"}, False, False, id="CI is not a terminal"),
    ],
)
def test_colour_rules(flag: str, environment: dict[str, str], terminal: bool, expected: bool) -> None:
    assert wants_colour(flag, environment, terminal) is expected


@pytest.mark.parametrize(
    ("encoding", "strokes"), [("utf-8", True), ("ascii", False), ("latin-1", False), ("cp437", False)]
)
def test_strokes_only_where_the_encoding_has_them(encoding: str, strokes: bool) -> None:
    with io.TextIOWrapper(io.BytesIO(), encoding=encoding) as stream:
        assert style_of(stream, "auto", {}) == Style(colour=False, unicode=strokes)


def test_paint_without_colour_changes_nothing() -> None:
    assert Style().paint("text", "red", "bold") == "text"
    assert Style(colour=True).paint("text", "red", "bold") == "\x1b[31;1mtext\x1b[0m"
    assert Style(colour=True).paint("", "red") == ""


def test_the_mask_has_an_ascii_form() -> None:
    assert Style(unicode=False).mask == "******"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("Zürich 東京", "Zürich 東京"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
    ],
)
def test_control_characters_become_visible(raw: str, shown: str) -> None:
    assert clean(raw) == shown
