"""Two recordings side by side: what differs in structure, and apart from that in texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TEXTS = ("blocked", "detail", "fix", "label", "message", "reason", "summary", "text", "title", "why")
"""Members that hold sentences for people."""
_NOTHING = "(nothing)"
_RANDOM = ("rehearsal.txt", "rehearsal.txt.talk")


@dataclass
class Differences:
    """`structure` by place; `texts` by what was and is said, counted."""

    worlds: int = 0
    files: int = 0
    structure: list[str] = field(default_factory=list)
    texts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def report(self, limit: int = 40) -> str:
        lines = [f"{self.worlds} worlds, {self.files} files compared"]
        lines.append(f"structure: {len(self.structure)} differences")
        lines += [f"  {item}" for item in self.structure[:limit]]
        lines.append(f"texts: {len(self.texts)} different ones in {self.texts.total()} places")
        for (key, old, new), count in self.texts.most_common(limit):
            lines += [f"  {count} x {key}", f"    - {old}", f"    + {new}"]
        return "\n".join(lines)


def compare(before: Path, after: Path) -> Differences:
    """Every world of `after` with the one of that name in `before`."""
    found = Differences()
    for world in sorted(item for item in after.iterdir() if item.is_dir()):
        if not (before / world.name).is_dir():
            found.structure.append(f"{world.name}: not in {before}")
            continue
        found.worlds += 1
        names = {item.name for side in (before / world.name, world) for item in side.iterdir() if item.is_file()}
        for name in sorted(names - {"state.tar.gz", *_RANDOM}):
            found.files += 1
            _compare_files(before / world.name / name, world / name, f"{world.name}/{name}", found)
    return found


def _compare_files(before: Path, after: Path, where: str, found: Differences) -> None:
    texts = [item.read_text(encoding="utf-8") if item.exists() else None for item in (before, after)]
    if texts[0] == texts[1]:
        return
    old, new = texts
    if old is None or new is None:
        found.structure.append(f"{where}: only in {'the second' if old is None else 'the first'}")
    elif before.suffix == ".json" and old and new:
        known = len(found.structure), found.texts.total()
        for path, was, now, text in differences(json.loads(old), json.loads(new)):
            _note(found, f"{where} {path}", was, now, text=text)
        if (len(found.structure), found.texts.total()) == known:
            found.structure.append(f"{where}: written differently (order, spaces), the same data")
    else:
        _compare_lines(old, new, where, found)


def _compare_lines(old: str, new: str, where: str, found: Differences) -> None:
    """Talk: texts, but for the exit code."""
    was, now = old.splitlines(), new.splitlines()
    if was[:1] != now[:1]:
        found.structure.append(f"{where}: {was[:1]} -> {now[:1]}")
    gone, come = (
        list((Counter(was[1:]) - Counter(now[1:])).elements()),
        list((Counter(now[1:]) - Counter(was[1:])).elements()),
    )
    for index in range(max(len(gone), len(come))):
        pair = (gone[index] if index < len(gone) else _NOTHING, come[index] if index < len(come) else _NOTHING)
        found.texts["talk", *pair] += 1


def _note(found: Differences, where: str, was: str, now: str, *, text: bool) -> None:
    if text:
        found.texts[where.rpartition(".")[2], was, now] += 1
    else:
        found.structure.append(f"{where}: {was} -> {now}")


def differences(old: Any, new: Any, path: str = "$", key: str = "") -> Iterator[tuple[str, str, str, bool]]:
    """Path, before, after, and whether it is a sentence."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from differences(old.get(name, _NOTHING), new.get(name, _NOTHING), f"{path}.{name}", name)
        if list(old) != list(new) and sorted(old) == sorted(new):
            yield path, str(list(old)), str(list(new)), False
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{path}[{index}]", key)
    elif old != new:
        both = isinstance(old, str) and isinstance(new, str)
        named = key in TEXTS and both and bool(old) == bool(new)
        yield path, json.dumps(old)[:300], json.dumps(new)[:300], named
