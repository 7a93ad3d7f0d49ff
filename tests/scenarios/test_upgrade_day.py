"""The day after the server was upgraded: proxies, then repositories, then jobs, in one apply; what is left is named.

`VBO_UPGRADE_DAY=full` takes a fleet of 30 proxies, with 40 repositories and 60 jobs or more.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.rehearsal import Rehearsal
from tests.scenarios.upgrade_day import BUILDS, DEAD, LARGE, SMALL, WAIVED, Fleet, after_the_upgrade, jobs_at_work

pytestmark = pytest.mark.matrix

FULL = os.environ.get("VBO_UPGRADE_DAY") == "full"


def fleet(version: int) -> Fleet:
    return (LARGE if FULL else SMALL)[version]


def left(plan: dict[str, Any]) -> dict[str, str]:
    return {change["key"]: change["blocked"] for change in plan["changes"]}


def named(plan: dict[str, Any]) -> set[str]:
    """What is not current, and said to be so."""
    return {item["address"] for key in ("unknown", "problems", "reports") for item in plan[key]}


@pytest.mark.parametrize("version", [7, 8])
def test_one_apply_ends_with_everything_current_and_names_what_is_left(tmp_path: Path, version: int) -> None:
    made = after_the_upgrade(tmp_path / "world", version, fleet(version))
    with jobs_at_work(made):
        ended = made.apply(*WAIVED)
    after = made.plan()
    assert all(blocked for blocked in left(after).values()), (ended.out, left(after))
    assert all(DEAD in key for key in left(after))
    assert f"proxy.{DEAD}" in named(after) | {key.partition(":")[2] for key in left(after)}
    lost = json.loads(made.run("lab", "status", str(made.file), "--format", "json").out)["coverage"]["lost"]
    several = [f"pool-{number}" for number, active in enumerate(fleet(version).pools) if active > 1]
    assert {item["organization"].partition(".")[0] for item in lost}.isdisjoint(several)
    listed = json.loads(made.run("jobs", "list", str(made.file), "--lab", "--format", "json").out)["jobs"]
    names = [job["name"] for job in listed if not job["name"].startswith(DEAD)]
    again = made.run("jobs", "run", *names, str(made.file), "--lab")  # the next session of each
    assert again.code == 0, again.out


@pytest.mark.parametrize("version", [7, 8])
def test_a_proxy_that_may_sleep_is_no_error_and_is_upgraded_when_it_is_on(tmp_path: Path, version: int) -> None:
    old, new = BUILDS[version]
    made, asleep = Rehearsal(tmp_path / "world"), "px-lnx-0-0" if version == 8 else "px-1"
    made.folder.mkdir()
    made.file.write_text(Fleet(2, pools=(1,) if version == 8 else (), asleep=1, dead=False).yaml(), encoding="utf-8")
    made.plan()
    made.set("server", f"build={old}")
    made.converges()
    made.set(asleep, "power=off")
    quiet = made.plan()
    assert (quiet["code"], quiet["changes"]) == (0, [])
    assert (f"proxy.{asleep}", "asleep") in [(item["address"], item["code"]) for item in quiet["reports"]]
    assert made.run("drift", "--lab", str(made.file)).code == 0
    made.set("server", f"build={new}")
    ended = made.apply(*WAIVED)
    assert ended.code == 0, ended.out
    assert f"Asleep and left unchanged: {asleep}." in ended.out
    waits = {item["address"] for item in made.plan()["reports"] if item["code"] == "waits-for-asleep"}
    behind = "pool-0" if version == 8 else asleep
    assert waits == {f"repository.store-{behind}", f"job.{behind}-0"}
    assert (made.plan()["code"], made.plan()["changes"]) == (0, [])
    made.set(asleep, "power=on")
    assert f"upgrade:proxy.{asleep}" in made.changes() or version == 7
    made.apply(*WAIVED)
    after = made.plan()
    assert (after["code"], after["changes"]) == (0, [])
    assert not [item for item in after["reports"] if item["code"] == "asleep"]
