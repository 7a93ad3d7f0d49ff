"""An inventory that is applied to its lab once, through operations; each test gets a copy."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.model.event import Event
from reconciler.operations import ApplyOptions, Runtime, Status, apply
from reconciler.operations.events import Notice
from reconciler.package_data import package_data


@dataclass
class Estate:
    """A folder with an inventory and the state of its lab, and what operations reported of it."""

    folder: Path
    events: list[Notice | Event] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "inventory.yml"

    @property
    def runtime(self) -> Runtime:
        environment = {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state"), "PATH": "/usr/bin:/bin"}
        return Runtime(environment=environment, listen=self.events.append)

    def replace(self, old: str, new: str) -> None:
        """Edit the inventory. `old` occurs in it once."""
        text = self.file.read_text(encoding="utf-8")
        assert text.count(old) == 1
        self.file.write_text(text.replace(old, new), encoding="utf-8")

    @property
    def notices(self) -> list[str]:
        """The names of the notices, without messages and the events of changes."""
        names = [type(event).__name__ for event in self.events]
        wanted = {"InventoryLoaded", "Planned", "Executed", "Verified", "Finished", "Abandoned", "Warned"}
        return [name for name in names if name in wanted]


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """As a first apply leaves it, with the events of that apply."""
    estate = Estate(tmp_path_factory.mktemp("applied"))
    shutil.copy(package_data("inventories", "small.yml"), estate.file)
    result = apply(estate.file, ApplyOptions(lab=True), estate.runtime, approve=lambda _: True)
    assert result.status is Status.OK
    return estate


@pytest.fixture
def estate(applied: Estate, tmp_path: Path) -> Estate:
    shutil.copytree(applied.folder, tmp_path / "estate")
    return Estate(tmp_path / "estate")


@pytest.fixture
def changed(estate: Estate) -> Estate:
    """One field of a proxy differs from the inventory."""
    estate.replace("type: domain,", "type: domain, throttle: 100 Mbps,")
    return estate
