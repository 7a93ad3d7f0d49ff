"""The files that are shipped for Prometheus, systemd and containers fit what `watch` serves."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from reconciler.package_data import package_data
from reconciler.watching.metrics import exposition
from tests.watching.samples import World

FOLDER = package_data("playbooks", "watch")


def test_alerts_are_on_metrics_that_there_are(tmp_path: Path) -> None:
    watcher = World(tmp_path).watcher("corp")
    watcher.cycle()
    served = set(re.findall(r"^# TYPE (\S+)", exposition(watcher.states.values()).decode(), re.MULTILINE))
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"]
    named = {name for rule in group["rules"] for name in re.findall(r"vbo_reconcile_\w+", rule["expr"])}
    assert named
    assert named - served == set()


def test_the_unit_takes_the_exit_code_of_a_stop_for_success() -> None:
    unit = (FOLDER / "vbo-reconcile-watch.service").read_text("utf-8")
    assert "SuccessExitStatus=143\n" in unit
    assert " watch " in unit
