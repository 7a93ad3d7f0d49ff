"""The ratchet: limits that code loses slowly and never wins back, so a script counts them.

    python -m tests.ratchet [ROOT]

Exceptions are pinned in `ALLOWED`: raising a number is a decision that a reviewer sees. Exit code 1 and the places
where anything is over a limit.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ALLOWED = {"# type: ignore": 0, "# noqa": 0, "pragma: no cover": 0, "print(": 0}
"""How often each may stand in `reconciler/`."""

MODULE_LINES, MEDIAN_LINES, FUNCTION_LINES = 400, 120, 50

# In pieces, so that this file does not contain what it looks for.
FORBIDDEN = {
    "smtp" + "lib": "mail is sent by proxies, never by us",
    "AutoAdd" + "Policy": "host keys are checked",
    "verify=" + "False": "certificates are checked",
    "CERT" + "_NONE": "certificates are checked",
    "shell=" + "True": "commands are lists",
}
"""Words that may stand nowhere in `reconciler/` and `tests/`, with the rule that they would break."""

_PATTERNS = {word: re.compile(r"(?<![\w.])" + re.escape(word).replace(r"\ ", r"\s*")) for word in ALLOWED}


@dataclass(frozen=True, slots=True)
class Module:
    """One file: its path from the root, and its lines."""

    path: str
    lines: tuple[str, ...]


def modules(root: Path, folder: str) -> list[Module]:
    """Every Python file below `folder`, in order."""
    return [
        Module(file.relative_to(root).as_posix(), tuple(file.read_text(encoding="utf-8").splitlines()))
        for file in sorted((root / folder).rglob("*.py"))
    ]


def exceptions(found: Iterable[Module]) -> Iterator[str]:
    """Exceptions to the rules beyond those that are pinned."""
    places: dict[str, list[str]] = {word: [] for word in ALLOWED}
    for module in found:
        for number, line in enumerate(module.lines, 1):
            for word, pattern in _PATTERNS.items():
                if pattern.search(line):
                    places[word].append(f"{module.path}:{number}")
    for word, where in places.items():
        if len(where) > ALLOWED[word]:
            yield f"`{word}` stands {len(where)} times, {ALLOWED[word]} allowed: {', '.join(where)}"


def forbidden(found: Iterable[Module]) -> Iterator[str]:
    for module in found:
        for number, line in enumerate(module.lines, 1):
            for word, rule in FORBIDDEN.items():
                if word in line:
                    yield f"{module.path}:{number}: `{word}`: {rule}"


def sizes(found: Iterable[Module]) -> Iterator[str]:
    lengths = []
    for module in found:
        lengths.append(len(module.lines))
        if len(module.lines) > MODULE_LINES:
            yield f"{module.path}: {len(module.lines)} lines, {MODULE_LINES} allowed"
        yield from _functions(module)
    if lengths and statistics.median(lengths) > MEDIAN_LINES:
        yield f"the median module has {statistics.median(lengths):.0f} lines, {MEDIAN_LINES} allowed"


def _functions(module: Module) -> Iterator[str]:
    for node in ast.walk(ast.parse("\n".join(module.lines))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{module.path}:{node.lineno}: {node.name} has {length} lines, {FUNCTION_LINES} allowed"


def check(root: Path) -> list[str]:
    """Everything that is over a limit below `root`."""
    source, tests = modules(root, "reconciler"), modules(root, "tests")
    return [*exceptions(source), *forbidden([*source, *tests]), *sizes(source)]


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).parent.parent
    found = check(root)
    source = modules(root, "reconciler")
    lengths = [len(module.lines) for module in source] or [0]
    for problem in found:
        sys.stdout.write(f"ratchet: {problem}\n")
    verdict = f"{len(found)} over the limit" if found else "holds"
    sys.stdout.write(
        f"ratchet: {verdict} ({len(source)} modules, median {statistics.median(lengths):.0f} lines, "
        f"longest {max(lengths)})\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
