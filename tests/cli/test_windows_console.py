"""Colours on the consoles of Windows, with the calls of its kernel made up."""

from __future__ import annotations

import ast
import ctypes
import re
from pathlib import Path
from typing import Any

import pytest

import reconciler
from reconciler.cli import boundary
from reconciler.cli.windows_console import enable_colours

OUT, ERR = -11, -12
_WRITING = re.compile(r"\b(?:write_text|open|fdopen)\(")


class Kernel:
    """`modes` are those of the consoles, by stream: what is not in it is a file. An old one takes no new mode."""

    def __init__(self, modes: dict[int, int], *, is_old: bool = False) -> None:
        self.modes = modes
        self._is_old = is_old

    def GetStdHandle(self, stream: int) -> int:  # noqa: N802
        return stream

    def GetConsoleMode(self, handle: int, mode: Any) -> int:  # noqa: N802
        mode._obj.value = self.modes.get(handle, 0)
        return int(handle in self.modes)

    def SetConsoleMode(self, handle: int, mode: int) -> int:  # noqa: N802
        if not self._is_old:
            self.modes[handle] = mode
        return int(not self._is_old)


def test_consoles_interpret_escapes_from_then_on() -> None:
    kernel = Kernel({OUT: 0b0011, ERR: 0b0111})
    assert enable_colours(kernel)
    assert kernel.modes == {OUT: 0b0111, ERR: 0b0111}


def test_a_file_is_no_console() -> None:
    kernel = Kernel({})
    assert enable_colours(kernel)
    assert kernel.modes == {}


@pytest.mark.parametrize(("is_old", "colour"), [(False, "auto"), (True, "never")])
def test_an_old_console_gets_no_colours(monkeypatch: pytest.MonkeyPatch, is_old: bool, colour: str) -> None:
    monkeypatch.setattr(boundary, "is_windows", lambda: True)
    monkeypatch.setattr(ctypes, "windll", Windows(Kernel({OUT: 3}, is_old=is_old)), raising=False)
    assert boundary._usual_colour() == colour


class Windows:
    def __init__(self, kernel: Kernel) -> None:
        self.kernel32 = kernel


def test_texts_are_written_in_one_encoding_and_with_the_same_ends_of_lines() -> None:
    """Files that others read have the same bytes on Windows: `open_private` makes them, and what is written elsewhere
    is temporary, for the eyes of one person, or the page of a pipeline."""
    found = set()
    for file in Path(reconciler.__file__).parent.rglob("*.py"):
        if "lab" in file.parts:
            continue
        source = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if _WRITING.search(source) else ():
            if isinstance(node, ast.Call) and _writes_text(node):
                words = {word.arg: word.value for word in node.keywords}
                assert "encoding" in words, f"{file.name}:{node.lineno}"
                if "newline" not in words:
                    found.add(file.name)
    assert found == {"crash.py", "first_inventory.py", "import_source.py", "plan_output.py"}


def _writes_text(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    modes = [word.value for word in call.args if isinstance(word, ast.Constant)]
    return name == "write_text" or (name in ("open", "fdopen") and any(mode in ("w", "a", "x") for mode in modes))
