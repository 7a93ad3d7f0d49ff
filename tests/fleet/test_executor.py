"""The cluster that a fleet names for its inventories, and how the command line names another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

FLEET = """\
version: 1
fleet: {name: corp}
inventories: {london: london.yml}
defaults: {executor: "dask://localhost/of-the-fleet"}
"""


@pytest.mark.parametrize("command", [["plan"], ["drift"], ["doctor"], ["watch", "--once"]])
def test_hosts_are_read_through_the_cluster_of_the_fleet(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "london.yml").write_text((INVENTORIES / "small.yml").read_text("utf-8"), "utf-8")
    (tmp_path / "fleet.yml").write_text(FLEET, "utf-8")
    fleet = Rehearsal(tmp_path, inventory=Path("fleet.yml"))
    ended = fleet.run(*command, "--lab", str(fleet.file))
    assert "'dask://localhost/of-the-fleet' is not the address of a scheduler" in ended.err
    ended = fleet.run(*command, "--lab", str(fleet.file), "--executor", "dask://localhost/given")
    assert "'dask://localhost/given' is not the address of a scheduler" in ended.err
    assert "of-the-fleet" not in ended.err
