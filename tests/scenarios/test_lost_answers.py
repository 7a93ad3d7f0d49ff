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


def test_the_timeouts_of_a_gateway_are_waited_out(demo: Rehearsal, tmp_path: Path) -> None:
    rehearsal = Rehearsal.of(tmp_path / "new", INVENTORIES / "demo.yml")
    slow = {"kind": "gateway", "seconds": 0, "work": 1}
    rehearsal.set("server", f"faults={json.dumps([{**slow, 'method': 'POST', 'path': 'Proxies'}])}")
    made = rehearsal.apply()
    assert made.code == 0, made.out + made.err
    assert made.err.count("the response was lost, but it was created") > 1
    assert rehearsal.plan()["changes"] == []
    demo.replace("throttle: 100 Mbps", "throttle: 20 MB/s")
    demo.set("server", f"faults={json.dumps([{**slow, 'method': 'PUT', 'path': 'Proxies/*'}])}")
    changed = demo.apply()
    assert changed.code == 0, changed.out + changed.err
    assert "the response was lost, but it was changed" in changed.err
    assert demo.plan()["changes"] == []
