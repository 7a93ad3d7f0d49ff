"""What libyaml says about broken YAML, in words for people who do not write parsers."""

from __future__ import annotations

from typing import Any, NamedTuple

from yaml.error import YAMLError

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.source import Source
from reconciler.inventory.source_map import FILE_SHIFT, LINE_SHIFT, Place


class _Case(NamedTuple):
    """`problem` and `context` are parts of libyaml's words; `{line}` in `detail` is where the context began."""

    problem: str
    detail: str
    fix: str
    context: str = ""
    at_context: bool = False


_ENDS = "The file ends, and what begins here is not complete."
_QUOTES = "Put the whole value in quotes: \"…\" or '…'."
_CASES = (
    _Case(
        "unexpected end of stream",
        "A quote is opened here and never closed.",
        "Close it, or put the other kind of quotes around a text that holds this one.",
        "quoted scalar",
        at_context=True,
    ),
    _Case(
        "unexpected document indicator",
        "A quote is opened here and never closed.",
        "Close it, or put the other kind of quotes around a text that holds this one.",
        "quoted scalar",
        at_context=True,
    ),
    _Case(
        "mapping values are not allowed",
        "Here is a colon, and no key can stand in this place.",
        f"{_QUOTES} If it is meant as a key, compare its indentation with the lines around it.",
    ),
    _Case(
        "did not find expected ',' or ']'",
        "The list that was opened with [ in line {line} is not closed, or lacks a comma.",
        "Close it with ], and put a comma between its items.",
    ),
    _Case(
        "did not find expected ',' or '}'",
        "The map that was opened with {{ in line {line} is not closed, or lacks a comma.",
        "Close it with }, and put a comma between its pairs.",
    ),
    _Case(
        "did not find expected node content",
        "A value is expected here.",
        "Look for a comma too many, or for a bracket that is not closed.",
    ),
    _Case(
        "did not find expected key",
        "This line does not belong to the map that begins in line {line}.",
        "Indent all keys of a map equally, and close quotes and brackets above.",
    ),
    _Case(
        "did not find expected '-' indicator",
        "This line does not belong to the list that begins in line {line}.",
        "Begin every item of a list with a hyphen, and indent the items equally.",
    ),
    _Case(
        "could not find expected ':'",
        "The text that begins in line {line} looks like a key, and no colon follows it.",
        "Write `key: value`, with a space after the colon.",
        at_context=True,
    ),
    _Case(
        "found unknown escape character",
        'Inside "…" a backslash begins an escape sequence, and this is not a valid one.',
        "Use single quotes for Windows paths and names: 'D:\\VBO'.",
    ),
    _Case(
        "did not find expected hexdecimal number",
        'Inside "…" a backslash begins an escape sequence, and this is not a valid one.',
        "Use single quotes for Windows paths and names: 'D:\\VBO'.",
    ),
    _Case(
        "undefined tag handle",
        "A ! at the beginning of a value makes it a tag, and this tag is not defined.",
        _QUOTES,
    ),
    _Case(
        "did not find expected the '<document start>'",
        "There is text after the end of the document.",
        "Keep everything in one map, and close quotes and brackets above.",
    ),
    _Case(
        "did not find expected <document start>",
        "There is text after the end of the document.",
        "Keep everything in one map, and close quotes and brackets above.",
    ),
    _Case(
        "found a tab character",
        "A tab is used for indentation; YAML allows only spaces.",
        "Replace tabs with spaces.",
    ),
)


def explain(error: YAMLError, source: Source, number: int, report: Diagnostics) -> None:
    """Report what made libyaml stop."""
    problem = str(getattr(error, "problem", None) or "the file cannot be parsed")
    context = str(getattr(error, "context", None) or "")
    at, began = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    detail, fix, mark = _unknown_start(source, at) if "cannot start any token" in problem else ("", "", at)
    if at is not None and began is not None and source.ends_at(at.line) and context.startswith("while parsing a flow"):
        detail, fix, mark = _ENDS, "Look for a bracket that is not closed.", began
    if not detail:
        detail, fix, mark = _known(problem, context, at, began)
    place = number << FILE_SHIFT | (_place(mark) if mark is not None else 0)
    report.add("syntax", detail, fix=fix, place=place)


def _known(problem: str, context: str, at: Any, began: Any) -> tuple[str, str, Any]:
    for case in _CASES:
        if case.problem in problem and case.context in context:
            line = (began or at).line + 1 if (began or at) is not None else 1
            return case.detail.format(line=line), case.fix, began if case.at_context and began else at
    said = ", ".join(part for part in (context, problem) if part)
    return f"The YAML parser reports: {said}.", "", at


def _unknown_start(source: Source, mark: Any) -> tuple[str, str, Any]:
    """A character that no value can begin with."""
    line = source.line(mark.line) if mark is not None else ""
    character = line[mark.column] if mark is not None and mark.column < len(line) else ""
    if character == "\t":
        return "A tab is used for indentation; YAML allows only spaces.", "Replace tabs with spaces.", mark
    if character:
        return f"A value cannot begin with {character}", _QUOTES, mark
    return "", "", mark


def _place(mark: Any) -> Place:
    place: Place = mark.line << LINE_SHIFT | mark.column
    return place
