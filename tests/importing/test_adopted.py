"""What was imported can be adopted: then it has the mark of the inventory, and its plan has no changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.inventory import load
from reconciler.model.event import Outcome
from reconciler.plan.adoption import adopting
from tests.importing.adoption import assert_adopted
from tests.importing.hand_made import build
from tests.importing.run import NAME, importing
from tests.importing.small import all_of, small_server
from tests.promises.run import applied, failures, planned

pytestmark = pytest.mark.matrix


def test_adopt_then_plan_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with build().session() as session, importing(session, out) as run:
        assert run().plan.changes == ()
        assert_adopted(session, out)


def test_a_value_that_the_server_refuses_is_declared_then_adopted(tmp_path: Path) -> None:
    server, out = small_server(8), tmp_path / "out"
    all_of(server, "jobs", "job-0")[0]["schedulePolicy"] |= {"retryEnabled": True, "retryNumber": 0}
    with server.session() as session, importing(session, out) as run:
        run()
        inventory, _ = load(out / f"{NAME}.yml", look_at_files=False)
        assert inventory is not None
        what = planned(session, inventory)
        result = applied(session, what, adopting(what.plan, inventory, what.live))
        (end,) = [end for end in result.outcomes.values() if end.outcome is Outcome.FAILED]
        assert "declare the field and apply; then adopt again" in end.hint
        text = (out / f"{NAME}.yml").read_text()
        name = end.key.partition(".")[2]
        declared = text.replace(f"{name}: {{", f"{name}: {{schedule: {{retry: {{attempts: 3}}}}, ")
        assert declared != text
        (out / f"{NAME}.yml").write_text(declared)
        inventory, _ = load(out / f"{NAME}.yml", look_at_files=False)
        assert inventory is not None
        assert failures(applied(session, planned(session, inventory))) == []
        assert_adopted(session, out)
