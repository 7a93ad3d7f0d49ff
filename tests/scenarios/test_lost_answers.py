"""The work was done and its answer was lost: what was created is found, and nothing is created twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix

CREATES = ("Proxies", "ProxyPools", "BackupRepositories", "Jobs")


def test_creations_whose_answers_are_lost_are_read_back(tmp_path: Path) -> None:
    rehearsal = Rehearsal.of(tmp_path, INVENTORIES / "demo.yml")
    drops = [{"kind": "drop", "method": "POST", "path": path, "times": 2} for path in CREATES]
    rehearsal.set("server", f"faults={json.dumps(drops)}")
    ended = rehearsal.apply()
    assert ended.code == 0, ended.out + ended.err
    assert ended.err.count("the response was lost, but it was created") == 2 * len(CREATES) - 1  # there is one pool
    assert rehearsal.plan()["changes"] == []


def test_changes_whose_answers_are_lost_are_made_again(demo: Rehearsal) -> None:
    demo.replace("throttle: 100 Mbps", "throttle: 20 MB/s")
    drops = [{"kind": "drop", "method": "PUT", "path": "Proxies/*", "times": 2}]
    demo.set("server", f"faults={json.dumps(drops)}")
    ended = demo.apply()
    assert ended.code == 0, ended.out + ended.err
    assert ended.err.count("proxy.px-lon-1: retrying: ") == 2
    assert demo.plan()["changes"] == []
