"""Adopting what was imported."""

from __future__ import annotations

from pathlib import Path

from reconciler.clients.vbo import Session
from reconciler.inventory import load
from reconciler.kinds import KINDS
from reconciler.model.address import Address
from reconciler.model.plan import Action
from reconciler.plan.adoption import adopting
from tests.importing.run import NAME
from tests.promises.run import applied, failures, planned


def assert_adopted(session: Session, folder: Path) -> None:
    """Adopt what was imported into a folder: then nothing is planned, and all of it has the mark."""
    inventory, _ = load(folder / f"{NAME}.yml", look_at_files=False)
    assert inventory is not None
    what = planned(session, inventory)
    plan = adopting(what.plan, inventory, what.live)
    assert {change.action for change in plan.changes} <= {Action.ADOPT}
    assert failures(applied(session, what, plan)) == []
    after = planned(session, inventory)
    assert [(item.address, item.fields) for item in after.plan.changes] == []
    marked = [after.live.resources[Address(change.address)] for change in plan.changes]
    assert {item.owner for item in marked if KINDS[item.kind].is_marked} <= {NAME}
