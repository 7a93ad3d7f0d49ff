"""The client is killed while it waits for a creation that a gateway gave up on, and the server works on."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps import objects
from reconciler.apply.steps.registry import RUN
from reconciler.model.steps import CreateObject
from tests.matrices import killing
from tests.matrices.random_kills import applied, ended, forked, lab_apart
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix
SLOW = [{"kind": "gateway", "method": "POST", "path": "Proxies", "times": 1, "seconds": 0, "work": 12}]
ONE_BY_ONE = ("--parallelism", "1")
"""The proxy whose creation the gateway gave up on is the first one of both applies."""


def killed_while_it_waits(folder: Path) -> int:
    from reconciler.apply.steps.lost_answers import Outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outcome, "after", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        return applied(folder, ONE_BY_ONE)


def too_late_to_plan_it(folder: Path) -> int:
    """The next apply plans the creation, and sends it when the server has done it."""

    def later(context: ApplyContext, step: CreateObject, report: Reporter) -> str | None:
        while step.kind == "proxy" and len(context.reader.list("Proxies")) < 2:  # the default proxy alone
            time.sleep(0.1)
        return objects.create(context, step, report)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RUN, CreateObject.verb, later)
        return applied(folder, ONE_BY_ONE)


def test_the_next_apply_waits_for_it(tmp_path: Path) -> None:
    world = Rehearsal.of(tmp_path / "world", INVENTORIES / "demo.yml")
    killing.fork(lambda: world.set("server", f"faults={json.dumps(SLOW)}"))
    with lab_apart(world.folder):
        first = ended(forked(lambda: killed_while_it_waits(world.folder)))
        code = ended(forked(lambda: too_late_to_plan_it(world.folder)))
        left = killing.fork(lambda: world.plan()["changes"])
    said = (world.folder / "said.log").read_text(encoding="utf-8")
    assert (first, code, left) == (-signal.SIGKILL, 0, []), said
    assert "an earlier apply created it" in said
