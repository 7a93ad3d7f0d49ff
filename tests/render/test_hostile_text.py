"""Text of others in every output: no control characters, nothing that a pipeline takes for a command."""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.console import Console
from reconciler.cli.options import Output, deliver
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.position import Position
from reconciler.model.value import json_text
from reconciler.plan.saved import to_bytes
from reconciler.render import FORMATS, renderer
from reconciler.render.annotations import diagnostics_annotations
from reconciler.render.stream import Stream
from reconciler.render.style import clean, for_log

CASES = Path(__file__).parent / "cases"
EVIL = (
    "\n::add-mask::x\r\n  ::set-output name=a::b\n\t::error::c\u2028::d ##[group]e ##vso[task.setvariable variable=f]g "
    "###[h] ##teamcity[i] \x1b[2J\x9b31m\u202ej\u2066\ufeff\x00\x85::k"
)
WORDS = {"action", "mode", "severity", "level", "verb", "format_version", "at", "kind", "reason"}
"""Keys of words that are the program's own: an unknown one is an error, not an output."""


def commands(text: str) -> list[str]:
    """What a pipeline or a terminal would obey."""
    lines = [line for line in re.split(r"[\r\n\x85\u2028\u2029]", text) if line.lstrip().startswith("::")]
    inside = re.findall(r"##[A-Za-z]*\[", text)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return [
        *lines,
        *inside,
        *(char for char in shown if unicodedata.category(char) in ("Cc", "Cf") and char not in "\n\t"),
    ]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in WORDS:
                yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from paths(item, (*path, number))
    elif isinstance(value, str):
        yield path


def changed(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    found = copy.deepcopy(document)
    place: Any = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = EVIL + str(place[path[-1]])
    return found


def printed(name: str, document: Mapping[str, Any]) -> str:
    out = StringIO()
    console = Console(out, StringIO(), environment={})
    deliver(console, [Output(name)], lambda form, style: renderer(form)(document, style))
    return out.getvalue()


@pytest.mark.matrix
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "annotations"])
@pytest.mark.parametrize("case", ["every-action", "values"])
def test_no_string_of_a_plan_is_obeyed(case: str, name: str) -> None:
    document = json.loads((CASES / f"{case}.json").read_text("utf-8"))
    tried = 0
    for path in paths(document):
        try:
            text = printed(name, changed(document, path))
        except (KeyError, ValueError):
            continue  # a word of the program that its schema does not let in
        tried += 1
        assert commands(text) == [], f"{path} in {name}"
    assert tried > 30


@pytest.mark.parametrize("case", ["every-action", "values"])
def test_annotations_hold_no_other_commands(case: str) -> None:
    document = json.loads((CASES / f"{case}.json").read_text("utf-8"))
    for path in paths(document):
        try:
            text = printed("annotations", changed(document, path))
        except (KeyError, ValueError):
            continue
        ours = [re.fullmatch(r"::(?:error|warning|notice) [^:]*::[^\r\n]*", line) for line in text.splitlines()]
        assert all(ours), f"{path}: {text}"


def test_annotations_of_an_inventory() -> None:
    item = Diagnostic("x", EVIL, EVIL, EVIL, position=Position(EVIL, 1, 1), address=EVIL)
    (line,) = diagnostics_annotations([item], "folder").splitlines()
    assert line.count("::") >= 2
    assert re.fullmatch(r"::error [^:]*::[^\r\n]*", line)
    assert not [char for char in line if not char.isprintable()]


def test_what_is_saved_and_streamed_has_the_same_values_and_no_commands() -> None:
    document = {EVIL: [EVIL, {"a": EVIL}]}
    stream = StringIO()
    Stream(stream, lambda: datetime(2026, 1, 1, tzinfo=UTC)).put("x", document)
    event = stream.getvalue().splitlines()[-1]
    for text in (to_bytes(document).decode(), json_text(document), json_text(document, indent=2), event):
        assert commands(text) == []
        assert json.loads(text)[EVIL] == document[EVIL]


def test_everything_that_is_printed_goes_the_same_way() -> None:
    out, err = StringIO(), StringIO()
    console = Console(out, err, StringIO("no\n"), environment={}, verbose=True)
    console.result(EVIL)
    console.report(EVIL)
    console.detail(EVIL)
    console.progress(EVIL)
    console.problems([Diagnostic("x", EVIL, EVIL, EVIL, position=Position(EVIL, 1, 1), source=EVIL, address=EVIL)])
    assert not console.ask(EVIL)
    assert commands(out.getvalue()) == commands(err.getvalue()) == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\n\tb\n", "a\n\tb\n"),
        ("\x1b[31;1mred\x1b[0m", "\x1b[31;1mred\x1b[0m"),
        ("address ::1, host::name\n", "address ::1, host::name\n"),
        ("::add-mask::x", ": :add-mask::x"),
        ("a\n \x1b[1m ::error::x", "a\n \x1b[1m : :error::x"),
        ("::::", ": :::"),
        ("##[group]a ## [b] #[c] ###vso[d]", "# #[group]a ## [b] #[c] ## #vso[d]"),
        ("a\rb\x1b[2J\x9bc", "a\\rb\\x1b[2J\\x9bc"),
        ("Zürich 東京", "Zürich 東京"),
    ],
)
def test_outputs_for_a_log(raw: str, shown: str) -> None:
    assert for_log(raw) == shown
    assert for_log(shown) == shown


def test_a_piece_is_one_line() -> None:
    assert len(clean(EVIL).splitlines()) == 1
