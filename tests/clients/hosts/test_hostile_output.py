"""Output of a host that was made to hang or to end a run. No clock: the slow form would not end within the time limit
of the whole suite."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.clients import foreign_json, script_output
from reconciler.clients.foreign_json import DEPTH
from reconciler.clients.script_output import OUTPUT_LIMIT, document, interpreting, script_failed
from reconciler.model.errors import BadAnswer

LONG = OUTPUT_LIMIT


@pytest.mark.parametrize(
    "part",
    ["#< CLIXML", "#< CLIXML <Objs", '#< CLIXML<Objs><S S="Error">', "{", " ", '<S S="Error">', "_xD800_", "&#9;"],
)
def test_errors_of_any_length_are_read_in_one_pass(part: str) -> None:
    text = "#< CLIXML\r\n" + part * (LONG // len(part))
    error = script_failed("px-1", "running a.ps1", 1, text.encode(), [])
    assert len(error.reason) <= 600


def test_entities_and_escapes_of_an_error_are_text() -> None:
    escapes = "_xD83D__xDE00_ _xD800_ &#" + "9" * 5000 + "; &lt;"
    text = f'#< CLIXML\r\n<Objs><S S="Error">{escapes}</S></Objs>'
    reason = script_failed("px-1", "running a.ps1", 1, text.encode(), []).reason
    assert reason.startswith("\U0001f600 \ufffd &#999")
    reason.encode()


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "text",
    [
        nested(LONG // 2),
        nested(DEPTH + 2),
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        "[" * LONG,
        "[1e999]",
        "[NaN]",
        "[-Infinity]",
        f"[{'9' * 5000}]",
    ],
    ids=lambda text: f"{text[:8]} {len(text)}",
)
def test_json_that_is_not_safe_to_process_is_the_failure_of_its_host(text: str) -> None:
    with pytest.raises(BadAnswer):
        document("px-1", "running a.sh", text.encode(), [])
    error = script_failed("px-1", "running a.sh", 1, ('{"message":' + text + "}").encode(), [])
    assert len(error.reason) <= 600


def test_nesting_up_to_the_limit_is_an_answer() -> None:
    assert document("px-1", "running a.sh", nested(DEPTH + 1).encode(), []) == json.loads(nested(DEPTH + 1))


@pytest.mark.parametrize(
    "data", [r'{"\ud800":["a\uDFFFb","\ud83d\ude00"]}', rb'{"\ud800":["a\uDFFFb","\ud83d\ude00"]}']
)
def test_halves_of_pairs_are_replaced(data: str | bytes) -> None:
    assert foreign_json.parse(data) == {"\ufffd": ["a\ufffdb", "\U0001f600"]}


@pytest.mark.parametrize("answer", [None, [], "x", 1, {}, {"a": None}, {"a": {"b": 1}}])
def test_an_answer_of_another_shape_is_the_failure_of_its_host(answer: Any) -> None:
    with pytest.raises(BadAnswer) as caught, interpreting("px-1", "a.sh"):
        assert answer["a"]["b"]["c"]
    assert (caught.value.peer, caught.value.what) == ("px-1", "reading the answer of a.sh")


def test_what_a_script_may_print_is_bounded_before_it_is_parsed() -> None:
    assert script_output.OUTPUT_LIMIT <= 4 << 20
