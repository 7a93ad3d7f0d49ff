"""`watch --apply` in the lab: it makes what `policy.auto` allows, and leaves the rest for a person."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.running import Ended
from tests.scenarios.by_hand import Hand, by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix


def watch(world: Rehearsal, *more: str) -> Ended:
    ended = world.run("watch", "--lab", str(world.file), "--once", *more)
    assert ended.code == 0, ended.err
    return ended


def runs(world: Rehearsal) -> list[str]:
    """The operations of the runs in the journal, newest first."""
    listed = world.run("runs", "list", "--lab", "--inventory", str(world.file)).out
    return [line.split()[1] for line in listed.splitlines()[1:]]


def settings(hand: Hand) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of mail, and the descriptions of all jobs."""
    jobs = hand.request("GET", "Jobs").json()
    jobs = jobs if isinstance(jobs, list) else jobs["results"]
    return hand.request("GET", "VboEmailSettings").json(), {item["name"]: item["description"] for item in jobs}


def test_what_is_allowed_is_made_once_and_the_rest_is_left(demo: Rehearsal) -> None:
    demo.replace("policy:\n", "policy:\n  auto: [{actions: [update], addresses: [smtp]}]\n")
    with by_hand(demo) as hand:
        before = settings(hand)
        hand.request("PUT", "VboEmailSettings", json={**before[0], "to": "person@else.example"})
        job = hand.by_name("Jobs", "name", "fabrikam-daily")
        hand.request("PUT", f"Jobs/{job['id']}", json={**job, "description": "by hand"})
    said = watch(demo).err
    assert "opened drift smtp to" in said
    assert "automatic" not in said
    said = watch(demo, "--apply").err
    assert "automatic changes: 1 done" in said
    assert "resolved drift smtp to" in said
    assert set(demo.changes()) == {"update:job.fabrikam-daily"}
    with by_hand(demo) as hand:
        now = settings(hand)
    assert now[0] == before[0]
    assert now[1] == {**before[1], "fabrikam-daily": "by hand"}
    assert "automatic changes" not in watch(demo, "--apply").err
    assert runs(demo) == ["watch", "apply"]
