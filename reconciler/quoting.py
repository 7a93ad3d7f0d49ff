"""Command lines that are printed to be pasted, in the quotes of the usual shell of this system."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Final

from reconciler.user_folders import is_windows

_PLAIN: Final = re.compile(r"[\w.:/\\+=-][\w.:/\\+=%@-]*", re.ASCII)
"""Words that PowerShell takes as they are."""


def shell_line(words: Iterable[str]) -> str:
    """`words` as a line for the shell: for PowerShell on Windows, else for sh."""
    return " ".join(map(_in_powershell, words)) if is_windows() else shlex.join(words)


def pasted(words: Iterable[str]) -> str:
    """`shell_line` for a program whose path may have to be quoted, which PowerShell would print in place of a call."""
    line = shell_line(words)
    return f"& {line}" if is_windows() and line.startswith("'") else line


def _in_powershell(word: str) -> str:
    """Between single quotes nothing has a meaning but a quote, which is doubled."""
    if _PLAIN.fullmatch(word):
        return word
    return "'" + re.sub("(['‘’‚‛])", r"\1\1", word) + "'"
