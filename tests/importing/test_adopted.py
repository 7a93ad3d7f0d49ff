"""What was imported can be adopted: then it has the mark of the inventory, and its plan has no changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.inventory import load
from reconciler.plan.adoption import adopting
from tests.importing.hand_made import build
from tests.importing.run import NAME, importing
from tests.promises.run import applied, failures, planned

pytestmark = pytest.mark.matrix


def test_adopt_then_plan_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with build().session() as session, importing(session, out) as run:
        run()
        inventory, _ = load(out / f"{NAME}.yml", look_at_files=False)
        assert inventory is not None
        what = planned(session, inventory)
        plan = adopting(what.plan, inventory, what.live)
        assert {change.action.value for change in plan.changes} == {"adopt"}
        assert failures(applied(session, what, plan)) == []
        after = planned(session, inventory)
        assert after.plan.changes == ()
        owners = {
            item.owner for where, item in after.live.resources.items() if where in {c.address for c in plan.changes}
        }
        assert owners == {NAME}
