"""The commands that outputs print, made complete: each means the same world as the command line that prints it.

Texts name commands by their verbs, with PATH for the inventory: the code that writes them does not know how this
program was called. Here they get the path, `--lab` and what else says where things are.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.quoting import shell_line
from reconciler.user_folders import is_windows

_COMMAND: Final = re.compile(
    r"^(?P<before> +|.*\b[Ss]ee(?: also)?: )vbo-reconcile (?P<rest>[a-z].*)$",
    re.MULTILINE,
)
_READS: Final = ("apply", "diff", "doctor", "drift", "explain", "graph", "jobs", "plan", "smtp", "validate")
"""Commands that read an inventory."""
_OFFLINE: Final = ("diff", "graph", "validate")
_AT_A_TIME: Final = ("apply", "doctor", "drift", "plan")
"""Commands that have --parallelism."""
_PACE: Final = ("require_complete", "max_failures", "fail_fast", "max_rest", "max_ssh", "max_winrm", "lock_wait")
"""Options of `apply` that an apply which continues or repeats another one has, too."""
_JOURNAL: Final = ("lock", "runs")
"""Commands that read the journal: that of the lab, if they are given its inventory."""


@dataclass(slots=True)
class World:
    """What a command line said of where things are. `path` is its inventory and `plan` its plan file, None without
    one; `chosen` are the options by which it selects changes, `pace` those that limit how they are made."""

    path: Path | None = None
    plan: Path | None = None
    chosen: tuple[str, ...] = ()
    pace: tuple[str, ...] = ()
    parallelism: tuple[str, ...] = ()
    lab: bool = False
    lab_run_scripts: bool = False
    include_root: Path | None = None
    trust: Path | None = None
    executor: str = ""

    @property
    def folder(self) -> str:
        """The folder of the inventory, with a slash at its end, as seen from the working directory. Empty if it is the
        working directory or not below it."""
        if self.path is None:
            return ""
        try:
            below = os.path.relpath(self.path if self.path.is_dir() else self.path.parent)
        except (OSError, ValueError):  # no working directory any more; another drive
            return ""
        return "" if below == os.curdir or below.startswith(os.pardir) else f"{Path(below).as_posix()}/"

    def learn(self, said: Mapping[str, Any], typed: Collection[str] = ()) -> None:
        """Take what the parameters of a command say; `typed` are those of the command line itself."""
        path, inventory = said.get("path"), said.get("inventory")
        self.lab = bool(said.get("lab"))
        if "inventory" in said and isinstance(path, Path):
            from reconciler.operations.plan_file import is_plan, recorded_inventory

            if is_plan(path):
                self.plan, path = path, _from_here(recorded_inventory(path))
        self.path = inventory if isinstance(inventory, Path) else path if isinstance(path, Path) else None
        self.chosen = (
            *(word for target in said.get("targets", ()) for word in ("--target", target)),
            *(word for target in said.get("addresses", ()) for word in ("--target", target)),
            *(word for target in said.get("excludes", ()) for word in ("--exclude", target)),
            *(f"--{name.replace('_', '-')}" for name in ("adopt", "no_run") if said.get(name)),
            *(("--batch", said["batch"]) if said.get("batch") else ()),
            *(word for item in (said.get("waivers") or {}).items() for word in ("--waive", "=".join(item))),
        )

        self.parallelism = ("--parallelism", str(said["parallelism"])) if "parallelism" in typed else ()
        self.pace = tuple(word for name in _PACE if name in typed for word in _option(name, said[name]))

    def completed(self, text: str) -> str:
        """`text`, in which each command on a separate line is completed."""
        return _COMMAND.sub(lambda found: f"{found['before']}vbo-reconcile {self._complete(found['rest'])}", text)

    def _complete(self, command: str) -> str:
        try:
            words = shlex.split(command)
        except ValueError:
            return command
        if words[0] in _READS:
            return shell_line(self._with_inventory(words))
        if words[0] in _JOURNAL and self.lab and "--lab" not in words:
            named = ["--inventory", str(self.path)] if self.path is not None else []
            return shell_line([*words, "--lab", *named])
        return shell_line(words) if is_windows() else command

    def _with_inventory(self, words: list[str]) -> list[str]:
        given = "PATH" in words
        path = str(self.path) if self.path is not None else "PATH"
        words = [path if word in ("PATH", "INVENTORY") else word for word in words]
        if self.plan is not None and words[0] in ("apply", "plan"):
            words = [str(self.plan) if word == "FILE" else word for word in words]
        options = ["--lab"] if self.lab and words[0] not in _OFFLINE and "--lab" not in words else []
        options += ["--lab-run-scripts"] if options and self.lab_run_scripts else []
        options += ["--include-root", str(self.include_root)] if self.include_root is not None else []
        options += ["--trust", str(self.trust)] if self.trust is not None and words[0] not in _OFFLINE else []
        options += self.chosen if given and words[0] == "apply" and "--resume" not in words else ()
        options += self.pace if given and words[0] == "apply" else ()
        options += self.parallelism if words[0] in _AT_A_TIME else ()
        options += ["--executor", self.executor] if self.executor and words[0] in _AT_A_TIME else []
        return [*words, *options]


def _from_here(path: Path | None) -> Path | None:
    """A path below the working folder, as a person writes it."""
    with suppress(OSError):  # no working folder any more
        return path.relative_to(Path.cwd()) if path is not None and path.is_relative_to(Path.cwd()) else path
    return path


def _option(name: str, value: object) -> tuple[str, ...]:
    option = f"--{name.replace('_', '-')}"
    return (option,) if value is True else (option, f"{value:g}" if isinstance(value, float) else str(value))
