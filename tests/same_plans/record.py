"""Command lines in the lab, and what they print, one folder for each world."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.same_plans.draw import inventory
from tests.same_plans.edit import by_hand, edited
from tests.same_plans.mend import mend

ROOT = Path(__file__).parents[2]
_VOLATILE = re.compile(r'("(?:created|expires)": )"[^"]*"')
_DIGEST = re.compile(r'^( "digest": )"[0-9a-f]{64}"', re.MULTILINE)
_TIME = re.compile(r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?( UTC|Z|\+00:00)?")


@dataclass(frozen=True, slots=True)
class World:
    """`old` is what the lab is built as (None: nothing yet), `new` what is planned."""

    name: str
    new: str
    old: str | None = None
    seed: int | None = None


def drawn(seed: int) -> World:
    draw = Random(seed)
    old = inventory(draw)
    mend(draw, old)
    new = edited(draw, old)
    return World(f"world-{seed:03}", _yaml(new), None if draw.random() < 0.1 else _yaml(old), seed)


def shipped() -> Iterator[World]:
    """The inventories that come with the program: fresh, and as they are after an apply."""
    for file in sorted((ROOT / "inventories").glob("*.yml")):
        text = file.read_text(encoding="utf-8")
        yield World(f"{file.stem}-fresh", text)
        yield World(f"{file.stem}-applied", text, text, len(text))


def record_world(world: World, folder: Path, states: Path | None) -> None:
    """Plan, save, compare offline; then edit the lab by hand, and plan and look for drift again.

    The state of the lab is kept (`state.tar.gz`), so that a later recording begins with it, `states` being the folder
    of that recording: identities are random, and preconditions depend on them.
    """
    place = folder / world.name
    place.mkdir(parents=True)
    work = place / "work"
    work.mkdir()
    (work / "new.yml").write_text(world.new, encoding="utf-8")
    if world.old is not None:
        (work / "old.yml").write_text(world.old, encoding="utf-8")
        _run(place, "diff.json", "diff", "old.yml", "new.yml", "--format", "json")
    kept = None if states is None else states / world.name / "state.tar.gz"
    if kept is None:
        base = () if world.old is None else ("--base", "old.yml")
        _run(place, "rehearsal.txt", "plan", "--lab", *base, "new.yml", "--detail", "full")
        if (work / "state").exists():
            shutil.make_archive(str(place / "state"), "gztar", work, "state")
    elif kept.exists():
        shutil.unpack_archive(kept, work, "gztar")
    _run(
        place, "plan.json", "plan", "--lab", "new.yml", "--format", "json", "--out", "saved.json", "--detailed-exitcode"
    )
    if (work / "saved.json").exists():
        (place / "saved.json").write_text(
            _calm((work / "saved.json").read_text(encoding="utf-8"), work), encoding="utf-8"
        )
    labs = [item for item in (work / "state").glob("vbo-reconcile/lab/*") if (item / "server.json").exists()]
    if world.seed is not None and labs:
        done = by_hand(Random(world.seed + 1_000_000), labs[0])
        (place / "by-hand.txt").write_text("".join(f"{item}\n" for item in done), encoding="utf-8")
        _run(place, "plan-2.json", "plan", "--lab", "new.yml", "--format", "json", "--detailed-exitcode")
        if world.seed % 3 == 0:
            _run(place, "drift.json", "drift", "--lab", "new.yml", "--format", "json")
    shutil.rmtree(work)


def record_cases(folder: Path) -> None:
    """What `validate` says of the cases of the inventory tests."""
    for case in sorted((ROOT / "tests" / "inventory" / "cases").iterdir()):
        place = folder / f"case-{case.name}"
        work = place / "work"
        shutil.copytree(case, work, symlinks=True)
        files = sorted(work.glob("*.yml"))
        if len(files) == 1:
            _run(place, "validate.json", "validate", files[0].name, "--format", "json")
        else:
            _run(place, "validate.json", "validate", ".", "--format", "json")
        shutil.rmtree(work)


def _run(place: Path, name: str, *arguments: str) -> None:
    work = place / "work"
    command = [sys.executable, "-m", "reconciler", *arguments]
    environment = {
        "HOME": str(work),
        "XDG_STATE_HOME": str(work / "state"),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        "GIT_CEILING_DIRECTORIES": str(work.parent),
    }
    ended = subprocess.run(
        command, cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=300
    )
    talk = f"exit code {ended.returncode}\n{ended.stderr.decode()}"
    (place / f"{name}.talk").write_text(_calm(talk, work), encoding="utf-8")
    (place / name).write_text(_calm(ended.stdout.decode(), work), encoding="utf-8")


def _calm(text: str, work: Path) -> str:
    """Without what differs from run to run."""
    text = text.replace(str(work), "FOLDER")
    text = _DIGEST.sub(r'\1"DIGEST"', _VOLATILE.sub(r'\1"TIME"', text))
    return _TIME.sub("TIME", text)


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, default_flow_style=False)
