"""What is set up by hand can be declared as it is, and then plans nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.importing.adoption import assert_adopted
from tests.importing.run import contents, findings, importing
from tests.promises.world import Draw, servers

FEW: Final = 6
MANY: Final = int(os.environ.get("WORLDS", "12"))
VERSIONS: Final = (5, 6, 7, 8)

OMITTED: Final = {
    ("proxy", "type"): "REST v5 shows none",
    ("proxy", "threads"): "a proxy that is offline shows none",
    ("proxy", "throttle"): "a proxy that is offline shows none",
    ("job", "items"): "an item shows no name",
    ("job", "exclude"): "an item shows no name",
    ("smtp", "security"): "a password in the clear is warned of",
}
"""By kind and field, what an import does not say of a server, and why. The rest it says."""


def holds(rest: int, draw: Draw, folder: Path) -> set[tuple[str, str]]:
    """Import a drawn server. What was left out."""
    world = servers(rest, draw)
    with world.server.session() as session, importing(session, folder) as run:
        made = run()
        assert [(item.address, item.fields) for item in made.plan.changes] == []
        assert [problem.detail for problem in made.plan.problems] == []
        assert findings(folder) == []
        before = contents(folder)
        run()
        assert contents(folder) == before
        assert_adopted(session, folder)
    omitted = {(item.address.partition(".")[0], item.field) for item in made.facts.in_part}
    assert omitted <= OMITTED.keys()
    reasons = {item.reason for item in made.facts.omitted}
    assert all(REASONS.search(reason) for reason in reasons), reasons
    return omitted


REASONS: Final = re.compile(
    "which is not imported|nothing is selected|is listed twice|back up the whole of|in `exclude`"
)
"""Why an import leaves out an object."""


def examples(rest: int, number: int, folder: Path) -> set[tuple[str, str]]:
    omitted: set[tuple[str, str]] = set()

    @settings(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(st.data())
    def promise(data: st.DataObject) -> None:
        omitted.update(holds(rest, data.draw, folder))

    promise()
    return omitted


@pytest.mark.parametrize("rest", VERSIONS)
def test_declared_as_it_is_nothing_is_planned(rest: int, tmp_path: Path) -> None:
    examples(rest, FEW, tmp_path)


@pytest.mark.matrix
@pytest.mark.parametrize("rest", VERSIONS)
def test_declared_as_it_is_nothing_is_planned_at_length(rest: int, tmp_path: Path) -> None:
    examples(rest, MANY, tmp_path)
