"""The ratchet finds what was put there for it to find, and the house is within its limits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import ratchet

ROOT = Path(__file__).parents[2]


def house(tmp_path: Path, text: str, *, folder: str = "reconciler", name: str = "a.py") -> list[str]:
    """What the ratchet says of a house with one file."""
    for room in ("reconciler", "tests"):
        (tmp_path / room).mkdir()
    (tmp_path / folder / name).write_text(text, encoding="utf-8")
    return ratchet.check(tmp_path)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("x = 1  # type" + ": ignore[assignment]", "type: ignore"),
        ("x = 1  # no" + "qa: E501", "noqa"),
        ("x = 1  #no" + "qa", "noqa"),
        ("x = 1  # pragma: no" + " cover", "no cover"),
        ("pri" + "nt('x')", "print("),
    ],
)
def test_an_exception_to_the_rules_is_found(tmp_path: Path, line: str, word: str) -> None:
    found = house(tmp_path, f"\n{line}\n")
    assert len(found) == 1
    assert word in found[0]
    assert "reconciler/a.py:2" in found[0]


@pytest.mark.parametrize("line", ["pprint(x)", "self.print(x)", "# prints nothing", "# quinoqa"])
def test_what_only_looks_alike_is_not(tmp_path: Path, line: str) -> None:
    assert house(tmp_path, f"{line}\n") == []


def test_exceptions_in_tests_are_not_counted(tmp_path: Path) -> None:
    assert house(tmp_path, "pri" + "nt('x')\n", folder="tests") == []


@pytest.mark.parametrize("folder", ["reconciler", "tests"])
@pytest.mark.parametrize("word", sorted(ratchet.FORBIDDEN))
def test_a_forbidden_word_is_found_everywhere(tmp_path: Path, folder: str, word: str) -> None:
    (problem,) = house(tmp_path, f"x = 1\ncall({word})\n", folder=folder)
    assert problem.startswith(f"{folder}/a.py:2: `{word}`")


def test_a_long_module_a_long_function_and_a_long_median_are_found(tmp_path: Path) -> None:
    body = "".join(f"    x = {number}\n" for number in range(50))
    found = house(tmp_path, f"def long():\n{body}" + "x = 1\n" * 350)
    assert found == [
        "reconciler/a.py: 401 lines, 400 allowed",
        "reconciler/a.py:1: long has 51 lines, 50 allowed",
        "the median module has 401 lines, 120 allowed",
    ]


def test_the_limits_themselves_are_allowed(tmp_path: Path) -> None:
    body = "".join(f"    x = {number}\n" for number in range(49))
    assert house(tmp_path, f"def long():\n{body}" + "x = 1\n" * 70) == []


def test_the_command_tells_where_and_fails(tmp_path: Path) -> None:
    house(tmp_path, "pri" + "nt('x')\n")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.ratchet", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "ratchet: `print(` stands 1 times, 0 allowed: reconciler/a.py:1" in ended.stdout
    assert "1 over the limit" in ended.stdout


@pytest.mark.matrix
def test_this_house_is_within_its_limits() -> None:
    assert ratchet.check(ROOT) == []
