"""What was imported can be adopted: then it has the mark of the inventory, and its plan has no changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importing.adoption import assert_adopted
from tests.importing.hand_made import build
from tests.importing.run import importing

pytestmark = pytest.mark.matrix


def test_adopt_then_plan_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with build().session() as session, importing(session, out) as run:
        assert run().plan.changes == ()
        assert_adopted(session, out)
