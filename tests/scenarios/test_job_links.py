"""Servers up to v7 whose jobs do not link to their organization."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix


@pytest.mark.parametrize("rest", ["v5", "v6", "v7"])
@pytest.mark.parametrize("links", ["true", "false"])
def test_jobs_are_found_with_and_without_links(tmp_path: Path, rest: str, links: str) -> None:
    rehearsal = Rehearsal.of(tmp_path, INVENTORIES / "v7.yml")
    rehearsal.replace("rest: v7", f"rest: {rest}")
    drops = [{"kind": "drop", "method": "POST", "path": "Organizations/*/Jobs"}]
    rehearsal.set("server", f"job_links={links}")
    rehearsal.set("server", f"faults={json.dumps(drops)}")
    ended = rehearsal.apply()
    assert ended.code == 0, ended.out + ended.err
    assert ended.err.count("the response was lost, but it was created") == 2
    rehearsal.set("server", "faults=[]")
    plan = rehearsal.plan()
    assert (plan["changes"], plan["problems"], plan["code"]) == ([], [], 0)
    rehearsal.replace("  fabrikam-daily:\n", "  fabrikam-nightly:\n    formerly: fabrikam-daily\n")
    assert rehearsal.changes()["update:job.fabrikam-nightly"] == {"name": ["fabrikam-daily", "fabrikam-nightly"]}
    rehearsal.converges()


@pytest.mark.parametrize("rest", ["v5", "v7"])
def test_a_job_whose_organization_nobody_names_is_left_alone(tmp_path: Path, rest: str) -> None:
    rehearsal = Rehearsal.of(tmp_path, INVENTORIES / "v7.yml")
    rehearsal.replace("rest: v7", f"rest: {rest}")
    rehearsal.converges()
    refused = [{"kind": "status", "status": 500, "method": "GET", "path": "Organizations/*/Jobs"}]
    rehearsal.set("server", "job_links=false")
    rehearsal.set("server", f"faults={json.dumps(refused)}")
    plan = rehearsal.plan()
    assert [change for change in plan["changes"] if not change["blocked"]] == []
    assert "the server does not show the name and its organization of job" in json.dumps(plan).lower()
