"""A rehearsal: an inventory in its own folder, its lab, and command lines against both."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.running import Ended, call

INVENTORIES = Path(__file__).parents[2] / "inventories"


@dataclass
class Rehearsal:
    """`folder` holds the inventory and the state; `environment` is what commands see."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    inventory: Path = Path("inventory.yml")

    @classmethod
    def of(cls, folder: Path, inventory: Path) -> Rehearsal:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(inventory, folder / "inventory.yml")
        return cls(folder)

    @property
    def file(self) -> Path:
        return self.folder / self.inventory

    def run(self, *arguments: str) -> Ended:
        home = {
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "TERM": "dumb",
            "PATH": "/usr/bin:/bin",
        }
        return call(*arguments, environment={**home, **self.environment})

    def apply(self, *more: str) -> Ended:
        return self.run("apply", "--lab", str(self.file), "--auto-approve", *more)

    def plan(self) -> dict[str, Any]:
        """The plan as JSON, with `code` as the exit code of `plan --detailed-exitcode`."""
        ended = self.run("plan", "--lab", str(self.file), "--detailed-exitcode", "--format", "json")
        assert ended.out, ended.err
        plan: dict[str, Any] = json.loads(ended.out)
        return {**plan, "code": ended.code}

    def changes(self) -> dict[str, dict[str, Any]]:
        """What a plan would change: `{key: {path: [before, after]}}`."""
        return {
            change["key"]: {item["path"]: [item["before"], item["after"]] for item in change["fields"]}
            for change in self.plan()["changes"]
        }

    def set(self, target: str, *switches: str) -> None:
        ended = self.run("lab", "set", "--inventory", str(self.file), target, *switches)
        assert ended.code == 0, ended.err

    def replace(self, old: str, new: str) -> None:
        """Edit the inventory: `old` must stand in it once."""
        text = self.file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the inventory"
        self.file.write_text(text.replace(old, new), encoding="utf-8")

    def converges(self) -> None:
        """Apply, and see that nothing is left to do."""
        ended = self.apply()
        assert ended.code == 0, ended.out + ended.err
        after = self.plan()
        assert (after["changes"], after["code"]) == ([], 0)
