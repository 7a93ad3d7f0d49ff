"""What plain scalars become, and what stays text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.document import parse, resolve, tagged
from reconciler.inventory.source import Source

VALUES: dict[str, Any] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "False": False,
    "0": 0,
    "-7": -7,
    "+7": 7,
    "9193": 9193,
    "1.5": 1.5,
    "1.0": 1,
    "1e3": 1000,
    ".5": 0.5,
}
TEXTS = (
    *("yes", "no", "on", "off", "y", "n", "22:00", "1:30:00", "2026-01-31", "0123", "0x1f", "0o17", "1_000"),
    *("-", "+", ".", "1.2.3", "8.5.0.1014", ".inf", ".nan", "1e999", "9" * 40, "secret://env/P", "50%"),
)


@pytest.mark.parametrize(("text", "value"), VALUES.items(), ids=VALUES)
def test_resolves(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", TEXTS)
def test_stays_text(text: str) -> None:
    assert resolve(text) == text


def _read(text: str) -> tuple[Any, list[str]]:
    report = Diagnostics()
    source = Source("a.yml", Path("a.yml"), text.encode())
    data = parse(source, report.marks.add(source), report)
    return data, [item.code for item in report.diagnostics()]


def test_quotes_and_tags_decide() -> None:
    text = "{a: '9193', b: !!str 9193, c: !!int '5', d: \"true\", e: ! 7, f: !!float 1, 12: x, true: y}"
    data, codes = _read(text)
    assert data == {"a": "9193", "b": "9193", "c": 5, "d": "true", "e": "7", "f": 1, "12": "x", "true": "y"}
    assert codes == []


def test_aliases_share_what_they_name() -> None:
    data, codes = _read("a: &x {p: [1, 2]}\nb: *x\nc: &s text\nd: *s\ne: [*s, *x]\n")
    assert codes == []
    assert data["b"] is data["a"]
    assert data["d"] == "text"
    assert data["e"] == ["text", {"p": [1, 2]}]


def test_an_anchor_may_be_defined_again() -> None:
    assert _read("a: &x 1\nb: *x\nc: &x 2\nd: *x\n")[0] == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_the_first_of_two_keys_stays() -> None:
    data, codes = _read("a: 1\nb: {c: 1, c: {d: 2}, c: 3}\na: [x]\ne: 5\n")
    assert data == {"a": 1, "b": {"c": 1}, "e": 5}
    assert codes == ["duplicate-key"] * 3


def test_many_aliases_are_cheap_and_bounded() -> None:
    data, codes = _read("a: &x [1, 2, 3]\nb: [" + ", ".join(["*x"] * 20_000) + "]\n")
    assert codes == []
    assert len(data["b"]) == 20_000
    assert _read("a: &x [1, 2, 3]\nb: [" + ", ".join(["*x"] * 30_000) + "]\n")[1] == ["alias"]


def test_a_file_full_of_refused_keys_is_given_up() -> None:
    data, codes = _read("a: 1\n" + "".join(f"k{n}: 1\nk{n}: 2\n" for n in range(50_000)))
    assert data is None
    assert 200 <= len(codes) <= 201
    assert set(codes) == {"duplicate-key"}


TAGGED = {
    ("bool", "true"): True,
    ("bool", "FALSE"): False,
    ("int", "7"): 7,
    ("int", "-7"): -7,
    ("float", "1.5"): 1.5,
    ("float", "7"): 7,
    ("float", "-7"): -7,
    ("null", "~"): None,
    ("null", ""): None,
    ("str", "7"): "7",
    ("str", "true"): "true",
}


@pytest.mark.parametrize("tag", ["bool", "int", "float", "null", "str"])
@pytest.mark.parametrize("text", ["true", "FALSE", "7", "-7", "1.5", "~", "", "word"])
def test_a_tag_takes_values_of_its_type_alone(tag: str, text: str) -> None:
    name = f"tag:yaml.org,2002:{tag}"
    if tag == "str":
        assert tagged(name, text) == text
    elif (tag, text) in TAGGED:
        value = tagged(name, text)
        assert (value, type(value)) == (TAGGED[tag, text], type(TAGGED[tag, text]))
    else:
        with pytest.raises(ValueError, match=f"the tag says !!{tag}, and the value is something else"):
            tagged(name, text)


@pytest.mark.parametrize("tag", ["tag:yaml.org,2002:binary", "!own", "tag:yaml.org,2002:timestamp"])
def test_a_tag_that_is_not_read(tag: str) -> None:
    with pytest.raises(ValueError, match="only the tags"):
        tagged(tag, "x")


def test_a_line_shows_no_control_character() -> None:
    source = Source("a.yml", Path("a.yml"), b"a: \x07\tb\x1b\nc")
    assert (source.line(0), source.line(0, 1), source.line(9)) == ("a: \ufffd\tb\ufffd", "a", "")
