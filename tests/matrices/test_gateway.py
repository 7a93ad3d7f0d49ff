"""The client is killed while it waits for a creation that a gateway gave up on, and the server works on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.matrices import killing
from tests.matrices.random_kills import applied, ended, forked, lab_apart
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix
SLOW = [{"kind": "gateway", "method": "POST", "path": "Proxies", "times": 1, "seconds": 0, "work": 5}]


def killed_while_it_waits(folder: Path) -> int:
    from reconciler.apply.steps.lost_answers import Outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outcome, "after", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        return applied(folder, ())


def test_the_next_apply_waits_for_it(tmp_path: Path) -> None:
    world = Rehearsal.of(tmp_path / "world", INVENTORIES / "demo.yml")
    killing.fork(lambda: world.set("server", f"faults={json.dumps(SLOW)}"))
    with lab_apart(world.folder):
        first = ended(forked(lambda: killed_while_it_waits(world.folder)))
        code = ended(forked(lambda: applied(world.folder, ())))
        left = killing.fork(lambda: world.plan()["changes"])
    said = (world.folder / "said.log").read_text(encoding="utf-8")
    assert (first, code, left) == (-signal.SIGKILL, 0, []), said
    assert "an earlier apply created it" in said
