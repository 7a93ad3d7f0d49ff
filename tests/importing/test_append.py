"""Entries are added at the end of their section; not a byte of the rest changes."""

from __future__ import annotations

import pytest
import yaml

from reconciler.importing.append import NotInserted, insert

TEXT = """\
# mine
version: 1
proxies:
    a: {host: a}   # the first
    b:
        host: b

    # the last comment

jobs:
  x: {name: 'x'}   \n"""


def test_at_the_end_of_a_section_with_its_indentation() -> None:
    assert insert(TEXT, "proxies", ["  c: {host: c}"]) == TEXT.replace(
        "        host: b\n", "        host: b\n    c: {host: c}\n"
    )


def test_in_the_last_section() -> None:
    assert insert(TEXT, "jobs", ["  y: {name: y}"]) == TEXT + "  y: {name: y}\n"


def test_a_section_that_is_not_there() -> None:
    assert insert(TEXT, "pools", ["  p: {}"]) == f"{TEXT}\npools:\n  p: {{}}\n"


def test_an_empty_section() -> None:
    assert insert("version: 1\njobs:\n# end\n", "jobs", ["  y: {}"]) == "version: 1\njobs:\n  y: {}\n# end\n"


def test_lines_end_as_in_the_file() -> None:
    assert (
        insert("version: 1\r\njobs:\r\n  x: {}", "jobs", ["  y: {}"]) == "version: 1\r\njobs:\r\n  x: {}\r\n  y: {}\r\n"
    )


@pytest.mark.parametrize(
    "last",
    [
        "x: |\n    text\n    # text",
        "x: >-\n    text",
        "x:\n  - a\n  - *one",
        "x: *one",
        "x: [a,\n    b]",
        'x: "a\n    b"',
    ],
)
def test_after_values_of_several_lines(last: str) -> None:
    text = f"one: &one {{a: 1}}\njobs:\n  {last}\nsmtp: {{}}\n"
    made = yaml.safe_load(insert(text, "jobs", ["  y: {}"]))
    before = yaml.safe_load(text)
    assert made == {**before, "jobs": {**before["jobs"], "y": {}}}


@pytest.mark.parametrize("section", ["{x: {}}", "[]", "text"])
def test_a_section_that_takes_no_line(section: str) -> None:
    with pytest.raises(NotInserted, match="jobs"):
        insert(f"jobs: {section}\n", "jobs", ["  y: {}"])
