"""The files that are shipped for Prometheus, systemd and containers fit what `watch` serves."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
import yaml

from reconciler.package_data import package_data
from reconciler.watching.metrics import exposition
from tests.watching.samples import World, observed, plan_of, update

FOLDER = package_data("playbooks", "watch")


def test_alerts_are_on_metrics_that_there_are(tmp_path: Path) -> None:
    watcher = World(tmp_path).watcher("corp")
    watcher.cycle()
    served = set(re.findall(r"^# TYPE (\S+)", exposition(watcher.states.values()).decode(), re.MULTILINE))
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"]
    named = {name for rule in group["rules"] for name in re.findall(r"vbo_reconcile_\w+", rule["expr"])}
    assert named
    assert named - served == set()


def test_the_dashboard_asks_for_metrics_that_there_are(tmp_path: Path) -> None:
    watcher = World(tmp_path).watcher("corp")
    watcher.cycle()
    served = set(re.findall(r"^# TYPE (\S+)", exposition(watcher.states.values()).decode(), re.MULTILINE))
    dashboard = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [item["query"]["query"] for item in dashboard["templating"]["list"] if item["type"] == "query"]
    named = {name for expr in asked for name in re.findall(r"vbo_reconcile_\w+", expr)}
    assert len(named) >= 10
    assert named - served == set()
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_say(tmp_path: Path) -> None:
    world = World(tmp_path)
    watcher = world.watcher("corp")
    world.answers["corp"] = observed(plan_of([update("proxy.px-1", "throttle")]))
    watcher.cycle()
    text = exposition(watcher.states.values())
    for arguments, given in ((["metrics"], text), (["rules", str(FOLDER / "alerts.yml")], b"")):
        told = subprocess.run(["promtool", "check", *arguments], input=given, capture_output=True, check=False)
        assert (told.returncode, told.stderr) == (0, b""), told.stdout


def test_the_unit_takes_the_exit_code_of_a_stop_for_success() -> None:
    unit = (FOLDER / "vbo-reconcile-watch.service").read_text("utf-8")
    assert "SuccessExitStatus=143\n" in unit
    assert " watch " in unit
