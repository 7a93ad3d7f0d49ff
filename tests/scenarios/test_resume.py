"""Going on with a run that did part of its plan: just what is left of that plan, and nothing that was wished since."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import Any

import pytest

from reconciler.apply import ApplyContext
from reconciler.lab.fleet import SessionOrder, SessionResult
from reconciler.lab.hosts import sessions
from reconciler.lab.lab import Lab
from reconciler.operations.inventory_loader import read_inventory
from reconciler.operations.paths import lab_folder
from tests.cli.running import Ended
from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

ONE_REFUSAL = '[{"kind": "status", "status": 500, "method": "PUT", "path": "Proxies/*", "times": 1}]'
THROTTLE = "throttle: 100 Mbps"
KEEP = "retention: {keep: 7 years}"
EVERYTHING = "repository: fabrikam, items: all"


def failed_in_part(demo: Rehearsal) -> str:
    """A run that was to change a proxy and the mail settings, and could not change the proxy; its id."""
    demo.replace(THROTTLE, "throttle: 20 MB/s")
    demo.replace("to: [backup-team@corp.example.com]", "to: [night@corp.example.com]")
    demo.set("server", f"faults={ONE_REFUSAL}")
    ended = demo.apply("--format", "json")
    assert ended.code == 3, ended.err
    answer = json.loads(ended.out)
    assert {item["key"]: item["outcome"] for item in answer["outcomes"]} == {
        "update:smtp": "done",
        "update:proxy.px-lon-1": "failed",
    }
    return str(answer["run"])


def test_only_what_the_run_still_wanted_is_done(demo: Rehearsal) -> None:
    run = failed_in_part(demo)
    demo.replace(KEEP, "retention: {keep: 10 years}")
    ended = demo.apply("--resume", run, "--format", "json")
    assert ended.code == 0, ended.err
    answer = json.loads(ended.out)
    assert {item["key"]: item["outcome"] for item in answer["outcomes"]} == {"update:proxy.px-lon-1": "done"}
    assert [key for key in answer["recheck"]["extra"] if key.startswith("update")] == ["update:repository.fabrikam"]
    shown = json.loads(demo.run("runs", "show", answer["run"], "--lab", *inventory(demo), "--format", "json").out)
    assert shown["resumes"] == run
    assert "update:repository.fabrikam" in demo.changes()


def test_what_is_wished_otherwise_since_is_refused(demo: Rehearsal) -> None:
    failed_in_part(demo)
    demo.replace("throttle: 20 MB/s", "throttle: 30 MB/s")
    ended = demo.apply("--resume", "last")
    assert ended.code == 5
    assert "throttle: approved value 20 MB/s, desired value now 30 MB/s" in ended.out


def test_a_run_that_was_no_apply_is_passed_over(demo: Rehearsal) -> None:
    run = failed_in_part(demo)
    ended = demo.run("jobs", "run", "fabrikam-daily", str(demo.file), "--lab", "--format", "json")
    assert ended.code == 0, ended.err
    refused = demo.apply("--resume", json.loads(ended.out)["run"])
    assert (refused.code, "Not the run of an apply" in refused.err) == (1, True)
    answer = json.loads(demo.apply("--resume", "last", "--format", "json").out)
    shown = demo.run("runs", "show", answer["run"], "--lab", *inventory(demo), "--format", "json")
    assert json.loads(shown.out)["resumes"] == run


def test_a_run_of_another_inventory_is_refused(demo: Rehearsal) -> None:
    run = failed_in_part(demo)
    text = demo.file.read_text(encoding="utf-8")
    demo.file.write_text(text.replace("name: demo", "name: other"), encoding="utf-8")
    assert "The journal has no run" in demo.apply("--resume", run).err


DROPPED = {"kind": "drop", "method": "PUT", "path": "Proxies/*"}
EFFECT = {"kind": "effect", "method": "PUT", "path": "Proxies/*", "property": "useInternetProxy", "value": True}


def lost(demo: Rehearsal, *faults: dict[str, Any]) -> Ended:
    """A run whose PUT of a proxy is done, and whose answers are all lost; and the run that resumes it."""
    demo.replace(THROTTLE, "throttle: 20 MB/s")
    demo.set("server", f"faults={json.dumps([DROPPED, *faults])}")
    ended = demo.apply("--format", "json")
    assert ended.code == 3, ended.err
    [failed] = [item for item in json.loads(ended.out)["outcomes"] if item["outcome"] == "failed"]
    assert failed["key"] == "update:proxy.px-lon-1"
    assert "PUT" in failed["detail"], failed["detail"]
    demo.set("server", "faults=[]")
    return demo.apply("--resume", "last", "--format", "json")


def test_what_a_lost_request_changed_besides_fails_the_resumed_change(demo: Rehearsal) -> None:
    ended = lost(demo, {**EFFECT, "times": 1})
    assert ended.code == 3, ended.out + ended.err
    answer = json.loads(ended.out)
    [failed] = [item for item in answer["outcomes"] if item["outcome"] == "failed"]
    assert failed["key"] == "update:proxy.px-lon-1"
    assert failed["detail"] == "more differs than the interrupted run planned: `useInternetProxy`: `false` -> `true`"
    again = demo.apply("--resume", "last", "--format", "json")  # it is reported once
    assert again.code == 0, again.out + again.err
    assert demo.changes() == {}


def test_a_lost_request_that_changed_nothing_besides_is_done_when_it_is_resumed(demo: Rehearsal) -> None:
    ended = lost(demo)
    assert ended.code == 0, ended.out + ended.err
    assert {item["key"]: item["outcome"] for item in json.loads(ended.out)["outcomes"]} == {
        "update:proxy.px-lon-1": "done"
    }
    assert demo.changes() == {}


def inventory(demo: Rehearsal) -> tuple[str, str]:
    return ("--inventory", str(demo.file))


def test_a_job_goes_on_when_the_run_is_interrupted_and_the_next_one_follows_it(
    demo: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, may_end = sessions.Worker.run, threading.Event()

    def slowly(self: sessions.Worker, order: SessionOrder) -> SessionResult:
        assert may_end.wait(60)
        return work(self, order)

    monkeypatch.setattr(sessions.Worker, "run", slowly)
    demo.replace(EVERYTHING, "repository: fabrikam, items: [mailbox]")
    wanted, _ = read_inventory(demo.file, lab=True)
    assert wanted
    folder = lab_folder("demo", {"XDG_STATE_HOME": str(demo.folder / "state")})

    def started() -> list[Any]:
        state = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        return [item for item in state["sessions"].values() if item["id"] not in before]

    def interrupt() -> None:
        while not any(item["status"] == "Running" for item in started()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    before: set[str] = set()
    before = {item["id"] for item in started()}
    with Lab.open(wanted, folder):
        person = threading.Thread(target=interrupt, daemon=True)
        person.start()
        ended = demo.apply()
        person.join(10)
        assert ended.code == 130, ended.out + ended.err
        assert "Still running when the run ended; the next plan shows the results:\n  job.fabrikam-daily" in ended.out
        assert [item["status"] for item in started()] == ["Running"]
        may_end.set()
        again = demo.apply()
        assert again.code == 0, again.out + again.err
        assert "job.fabrikam-daily: an earlier run started it" in again.err
        assert [item["status"] for item in started()] == ["Success"]
        assert demo.changes() == {}


def test_a_job_that_was_not_begun_yet_is_started_by_the_next_run(
    demo: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's session runs, and the run is interrupted while it waits for that."""
    work, may_end, wait = sessions.Worker.run, threading.Event(), ApplyContext.wait

    def slowly(self: sessions.Worker, order: SessionOrder) -> SessionResult:
        assert may_end.wait(60)
        return work(self, order)

    def interrupted(self: ApplyContext, peer: str, what: str, look: Any, **more: Any) -> Any:
        if what == "starting it" and not may_end.is_set():
            os.kill(os.getpid(), signal.SIGINT)
        return wait(self, peer, what, look, **more)

    monkeypatch.setattr(sessions.Worker, "run", slowly)
    monkeypatch.setattr(ApplyContext, "wait", interrupted)
    demo.replace(EVERYTHING, "repository: fabrikam, items: [mailbox]")
    wanted, _ = read_inventory(demo.file, lab=True)
    assert wanted
    folder = lab_folder("demo", {"XDG_STATE_HOME": str(demo.folder / "state")})
    with Lab.open(wanted, folder):
        with by_hand(demo) as hand:
            job = hand.by_name("Jobs", "name", "fabrikam-daily")["id"]
            hand.request("POST", f"Jobs/{job}/start", json={})
        ended = demo.apply("--format", "json")
        assert ended.code == 130, ended.err
        answer = json.loads(ended.out)
        assert {item["key"]: item["outcome"] for item in answer["outcomes"]}["run:job.fabrikam-daily"] == "not started"
        assert answer["in_flight"] == {}
        may_end.set()
        again = demo.apply()
        assert again.code == 0, again.out + again.err
        assert "an earlier run started it" not in again.err
        state = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        ran = [item["status"] for item in state["sessions"].values() if item["jobId"] == job]
        assert ran == ["Success"] * 3  # the one of the demo, a user's, and ours
        assert demo.changes() == {}
