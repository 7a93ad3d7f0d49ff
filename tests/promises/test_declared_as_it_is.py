"""What is set up by hand can be declared as it is, and then plans nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.clients.vbo import Reader
from reconciler.kinds.object_storage import STORAGE_FIELDS
from tests.promises.declared import declare, empty, loaded, read_all
from tests.promises.run import planned
from tests.promises.server import ADMIN, HOST
from tests.promises.world import Draw, servers

FEW: Final = 6
MANY: Final = 250
VERSIONS: Final = (5, 6, 7, 8)

OMITTED: Final = {
    ("proxy", "type"): "the server's own proxy has a type of its own; REST v5 shows none",
    ("proxy", "os"): "the server's own proxy runs where the server does",
    ("proxy", "port"): "the server's own proxy is reached by nobody else",
    ("proxy", "internet_proxy"): "the server's own proxy has the internet proxy of the server",
    ("repository", "path"): "it is on object storage",
    ("proxy", "internet_proxy.credentials"): "it has no internet proxy of its own",
    **dict.fromkeys((("repository", item.name) for item in STORAGE_FIELDS), "it is on a disk"),
    ("repository", "object_storage.name"): "it is declared by its place",
    ("repository", "object_storage.account"): "REST v5 lists no accounts",
    ("repository", "object_storage.region"): "there is none",
    ("repository", "retention.monthly.time"): "a new server shows no such time",
    ("repository", "retention.monthly.day"): "a new server shows no such day",
    ("copy_job", "schedule.backup_window.minute_offset"): "a window that is off has no hours",
    ("job", "items"): "an item shows no name",
    ("job", "exclude"): "an item shows no name",
    ("job", "schedule.offset"): "the job does not run every so many hours",
    ("job", "schedule.periodic_window"): "the job does not run every so often",
    ("job", "schedule.periodic_window.minute_offset"): "a window that is off has no hours",
    ("job", "schedule.backup_window.minute_offset"): "a window that is off has no hours",
}
"""By kind and field (empty for an object), what an inventory cannot say of a server, and why. The rest it says."""


def holds(rest: int, draw: Draw, folder: Path) -> set[tuple[str, str]]:
    """Declare a drawn server. What was left out."""
    world = servers(rest, draw)
    with world.server.session() as session:
        base = empty(rest, HOST, ADMIN)
        made = declare(rest, read_all(Reader(session), loaded(base, folder)), base)
        plan = planned(session, loaded(made.document, folder)).plan
    assert [(change.key, change.fields) for change in plan.changes] == []
    assert [problem.detail for problem in plan.problems] == []
    omitted = {(address.partition(".")[0], field) for address, field, _ in made.omitted}
    assert omitted <= OMITTED.keys()
    return omitted


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
