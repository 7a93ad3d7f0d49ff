"""What libyaml says about broken YAML, in words for people who do not write parsers."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from yaml.error import YAMLError

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.source import Source
from reconciler.inventory.source_map import FILE_SHIFT, Place


class _Case(NamedTuple):
    """`problem` and `context` are parts of libyaml's words; `{line}` in `detail` is where the context began."""

    problem: str
    detail: str
    fix: str
    context: str = ""
    at_context: bool = False


_GLUED = re.compile(r"(?P<key>\s*[A-Za-z_][\w-]*):(?P<value>(?!//)[^\s:{}\[\]]+)\s*$")

_ENDS = "The file ends, and what begins here is not complete."
_OPEN = "The file ends here, and a bracket is not closed."
_CLOSE = "Close it: ] ends a list, } ends a map."
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
        "did not find expected alphabetic or numeric character",
        "An * at the beginning of a value makes it an alias of YAML, and no name of one follows.",
        "Put it in quotes: '*'. In a list of names write each name: it takes no patterns.",
        "while scanning an alias",
    ),
    _Case(
        "did not find expected alphabetic or numeric character",
        "An & at the beginning of a value makes it an anchor of YAML, and no name of one follows.",
        _QUOTES,
        "while scanning an anchor",
    ),
    _Case(
        "block sequence entries are not allowed",
        "Here is a hyphen, and no list can begin in this place.",
        "Write each item on a line of its own, or the list in brackets: [a, b]",
    ),
    _Case(
        "did not find expected comment or line break",
        "A | or > at the beginning of a value begins a text of several lines.",
        _QUOTES,
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
    if "mapping values are not allowed" in problem and at is not None and (glued := _glued(source, at.line)):
        report.add("syntax", glued[1], fix=glued[2], place=number << FILE_SHIFT | glued[0])
        return
    if at is not None and began is not None and source.ends_at(at.line) and context.startswith("while parsing a flow"):
        if context == "while parsing a flow node":  # nothing has begun after the last bracket or comma
            report.add("syntax", _OPEN, fix=_CLOSE, place=number << FILE_SHIFT | source.last_character)
            return
        detail, fix, mark = _ENDS, "Look for a bracket that is not closed.", began
    if not detail:
        detail, fix, mark = _known(problem, context, at, began)
    place = number << FILE_SHIFT | (mark.index if mark is not None else 0)
    report.add("syntax", detail, fix=fix, place=place)


def _glued(source: Source, line: int) -> tuple[Place, str, str] | None:
    """The line above if no space follows its colon, so that it is text and not a key: its place in the
    file, and what to write."""
    above = next((number for number in range(line - 1, -1, -1) if source.line(number).strip()), None)
    found = _GLUED.match(source.line(above)) if above is not None else None
    if above is None or found is None:
        return None
    return (
        source.start_of(above) + found.end("key"),
        "A space is missing after this colon, so the line is not a key.",
        f"Write: {found['key'].strip()}: {found['value']}",
    )


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
